"""``python -m benchmarks.quiet``: false symptoms of quiet series, by rule.

Ten thousand gauges of a hundred nodes, nothing wrong with any: a quarter each of Gaussian, Poisson,
log-normal and autocorrelated noise, with names that baselines take for trouble. One sample a
minute.
"""

import argparse
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from pipeline.detect.load_pack import load_pack
from pipeline.detect.registry import NodeDetectors
from pipeline.records import Metric, Symptom, micros

NODES, SERIES = 100, 100
NAMES = ("queue_length", "response_time_seconds", "errors_per_second", "work_ratio", "memory_bytes")
LATENESS_US = 120_000_000
_START = datetime(2026, 3, 2, 10, tzinfo=UTC)


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="benchmarks.quiet", description=__doc__)
    parser.add_argument("--hours", type=int, default=4)
    parser.add_argument("--seed", type=int, default=5)
    asked = parser.parse_args()
    dice = np.random.default_rng(asked.seed)
    found: Counter[str] = Counter()
    for _ in range(NODES):
        found.update(symptom.signature for symptom in told(dice, asked.hours))
    total = found.total()
    sys.stdout.write(
        f"{NODES * SERIES:,} quiet series, {asked.hours} h: {total} false symptoms,"
        f" {total / asked.hours:.2f} an hour; {dict(found)}\n"
    )
    return 0


def told(dice: np.random.Generator, hours: int) -> list[Symptom]:
    """Return the symptoms, more than weak ones, of one node."""
    detector = NodeDetectors(load_pack()).at("metric", "app/part")
    facts = detector.new_facts()
    names = [f"{NAMES[number % len(NAMES)]}_{number}" for number in range(SERIES)]
    latest: dict[str, Symptom] = {}
    for minute, values in enumerate(noise(dice, hours * 60)):
        time = _START + timedelta(minutes=minute)
        samples = [
            Metric(time=time, name=name, value=float(value))
            for name, value in zip(names, values, strict=True)
        ]
        closed = micros(time) - LATENESS_US
        detector.apply(facts, samples, closed)
        latest |= {s.id: s for s in detector.revisions(facts, "app/part", closed)}
    return [symptom for symptom in latest.values() if not symptom.whisper]


def noise(dice: np.random.Generator, minutes: int) -> NDArray[np.float64]:
    """Return values by minute and series."""
    base = dice.uniform(1, 100, SERIES)
    shape = (minutes, SERIES)
    calm = dice.normal(size=shape)
    slow = np.zeros(shape)
    for minute in range(1, minutes):
        slow[minute] = 0.8 * slow[minute - 1] + calm[minute]
    kinds = [
        base * (1 + 0.05 * calm),
        dice.poisson(0.1 * base, shape).astype(np.float64),
        base * np.exp(0.2 * calm),
        base * (1 + 0.05 * slow),
    ]
    return np.asarray(np.choose(dice.integers(0, len(kinds), SERIES), kinds), dtype=np.float64)


if __name__ == "__main__":
    sys.exit(main())

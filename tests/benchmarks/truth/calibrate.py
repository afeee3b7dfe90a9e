"""``python -m benchmarks.truth.calibrate REPORT…``: how sure correlation may be.

In: reports of ``benchmarks.truth.scenarios --json --each``, made with the settings
``AFTERSHOCK_CORRELATE__SHARPNESS=1`` and ``AFTERSHOCK_CORRELATE__DOUBT=1``. Out:
``calibration.yaml``, fitted so that the true causes are as probable as they can be (least log
loss), with what it was fitted on.
"""

import argparse
import json
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from pipeline.correlate.calibration import sharpened
from pipeline.score.statistics import calibration_error

SHARPNESS = tuple(round(1.0 + 0.1 * step, 1) for step in range(51))
"""Beyond the last, everything would be told as certain."""
DOUBT = tuple(round(10.0 ** (-step / 10), 4) for step in range(31))
_LEAST = 1e-9
"""Keeps logarithms finite."""


@dataclass(frozen=True, slots=True)
class Map:
    """From shares to probabilities."""

    sharpness: float
    doubt: float

    def __call__(self, shares: Mapping[str, float]) -> dict[str, float]:
        """Return the probabilities that shares come to."""
        return sharpened(shares, self.sharpness, self.doubt)


AS_THEY_ARE = Map(1.0, 1.0)


@dataclass(frozen=True, slots=True)
class Told:
    """What one incident said, and what was true."""

    shares: dict[str, float]
    true: frozenset[str]

    def loss(self, by: Map, none_of_them: float) -> float:
        """Return minus the logarithm of the probability of what was true, in nats.

        ``none_of_them`` is how likely the truth is taken to be none of what is listed, although it
        was there: see ``fitted``.
        """
        sure = by(self.shares)
        rest = 1.0 - sum(sure.values())
        listed = self.true & sure.keys()
        right = sum(sure[node] for node in listed) if listed else rest
        return -(1.0 - none_of_them) * _log(right) - none_of_them * _log(rest)

    def first(self, by: Map) -> tuple[float, bool]:
        """Return the first cause's probability, and whether it was true."""
        sure = by(self.shares)
        node = max(sorted(sure), key=sure.__getitem__)
        return sure[node], node in self.true


def _log(probability: float) -> float:
    return math.log(max(_LEAST, probability))


def main() -> int:
    """Fit and print."""
    parser = argparse.ArgumentParser(prog="benchmarks.truth.calibrate", description=__doc__)
    parser.add_argument("reports", nargs="+", type=Path, metavar="REPORT")
    parser.add_argument("--data", required=True, help="what they were made from, in words")
    asked = parser.parse_args()
    told = [each for path in asked.reports for each in told_in(json.loads(path.read_text()))]
    best = fitted(told)
    sys.stdout.write(yaml.safe_dump(record(told, best, asked.data), sort_keys=False, width=98))
    return 0


def told_in(report: dict[str, Any]) -> list[Told]:
    """Return what was told of the faulty cases of a report."""
    return [
        Told({c["node"]: c["probability"] for c in case["causes"]}, frozenset(case["root_cause"]))
        for case in report["each"]
        if case["root_cause"] and case["causes"]
    ]


def fitted(told: Sequence[Told]) -> Map:
    """Return the map of least loss, of a grid.

    That no cause was unlisted in n incidents does not say that none ever will be: each counts as
    unlisted by 1 / (n + 2), after Platt ("Probabilistic outputs for support vector machines",
    1999), whose targets keep a fit from running to certainty.
    """
    smoothing = 1.0 / (len(told) + 2)
    maps = (Map(sharpness, doubt) for sharpness in SHARPNESS for doubt in DOUBT)
    return min(maps, key=lambda by: log_loss(told, by, smoothing))


def log_loss(told: Sequence[Told], by: Map, smoothing: float = 0.0) -> float:
    """Return the mean of minus the logarithm of the probability of what was true, in nats."""
    return math.fsum(each.loss(by, smoothing) for each in told) / len(told)


def record(told: Sequence[Told], best: Map, data: str) -> dict[str, Any]:
    """Return a calibration with its provenance."""
    maps = (AS_THEY_ARE, best)
    firsts = [[each.first(by) for each in told] for by in maps]
    return {
        "version": 2,
        "sharpness": best.sharpness,
        "doubt": best.doubt,
        "fit": {
            "by": "python -m benchmarks.truth.calibrate",
            "data": data,
            "incidents": len(told),
            "right": sum(right for _, right in firsts[0]),
            "log_loss": [round(log_loss(told, by), 4) for by in maps],
            "ece": [round(calibration_error(first) or 0.0, 4) for first in firsts],
        },
    }


if __name__ == "__main__":
    sys.exit(main())

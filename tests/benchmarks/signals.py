"""``python -m benchmarks.signals``: detection of one signal at a time: CPU, memory per node.

CPU is the process's, of a whole partition of detection: episodes, rows for the changelog and the
closing of minutes are in it. Memory is what a partition holds after a load of the same kind (traced
allocations, so measured apart from CPU), and the bytes of the rows that a restart reads.
"""

import argparse
import gc
import random
import sys
import tempfile
import tracemalloc
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from benchmarks import load
from benchmarks.bench import cpu_of, say, tell
from benchmarks.quiet import NAMES
from pipeline.assembly import flow_of
from pipeline.detect.partition import DetectPartition
from pipeline.flow import Flow, detected
from pipeline.records import FEEDS, Batch, Log, Mark, Metric, Signal
from pipeline.settings import Settings

_SOURCE = "bench"


@dataclass(frozen=True, slots=True)
class Load:
    """What one signal brings: so many items of each node in each step."""

    signal: Signal
    unit: str
    nodes: int
    per_node: int
    step_s: int
    steps: int

    @property
    def items(self) -> int:
        """How many log lines or samples there are."""
        return self.nodes * self.per_node * self.steps

    def published(self) -> Iterator[Batch | Mark]:
        """Yield a batch of each node and then a mark, step by step."""
        chance = random.Random(7)
        names = load.nodes(self.nodes)
        for step in range(self.steps):
            time = load.START + timedelta(seconds=step * self.step_s)
            for node in names:
                make = self._lines if self.signal == "log" else self._samples
                yield Batch(source=_SOURCE, node=node, observations=make(time, node, chance))
            yield Mark(source=_SOURCE, time=time, feeds=tuple(FEEDS))

    def _lines(self, time: datetime, node: str, chance: random.Random) -> tuple[Log, ...]:
        apart = timedelta(seconds=self.step_s / self.per_node)
        matching = [chance.random() < load.MATCHING for _ in range(self.per_node)]
        return tuple(
            load.log(time + apart * i, node, chance, matching=match)
            for i, match in enumerate(matching)
        )

    def _samples(self, time: datetime, node: str, chance: random.Random) -> tuple[Metric, ...]:
        """Return a sample of each gauge of a node: noise of 5 % around a mean of its own."""
        return tuple(
            Metric(
                time=time,
                node=node,
                name=f"{NAMES[number % len(NAMES)]}_{number}",
                value=chance.gauss(10.0 + number, 0.05 * (10.0 + number)),
                labels={"pod": f"{node}-pod"},
            )
            for number in range(self.per_node)
        )


LOADS = (
    Load("log", "log line", nodes=100, per_node=100, step_s=10, steps=30),
    Load("metric", "metric sample", nodes=20, per_node=100, step_s=30, steps=180),
)
"""Log lines of five minutes, 10 a second of each node, 3 % of which a signature recognises; gauges
of an hour and a half, so that their baselines are full."""


def run(partition: DetectPartition, published: Iterator[Batch | Mark] | list[Batch | Mark]) -> int:
    """Hand over what was published; return the bytes of the rows that are left."""
    rows: dict[bytes, int] = {}
    for offset, value in enumerate(published):
        for step in detected(partition, offset, value):
            rows |= {key: len(key) + len(row or b"") for key, row in step.rows.items()}
    return sum(rows.values())


def measure(flow: Flow, asked: Load) -> None:
    """Print what a load costs."""
    published = list(asked.published())
    partition = flow.detect_partition(0, 1)
    cpu = cpu_of(lambda: run(partition, published))
    tell(f"detect, {asked.signal}s alone", cpu, asked.items, asked.unit)
    few = replace(asked, nodes=max(1, asked.nodes // 10))
    held, rows = traced(flow, few)
    per = f"{asked.per_node} series" if asked.signal == "metric" else "log"
    say(
        f"  memory of a node ({per}): {held / few.nodes / 1024:.0f} KiB held,"
        f" {rows / few.nodes / 1024:.0f} KiB of rows ({few.nodes} nodes)"
    )


def traced(flow: Flow, asked: Load) -> tuple[int, int]:
    """Return the bytes that a partition holds after a load, and those of its rows.

    What a process remembers of lines and series, whatever the node, is filled before and not in it.
    """
    run(flow.detect_partition(0, 1), replace(asked, steps=2).published())
    gc.collect()
    tracemalloc.start()
    partition = flow.detect_partition(0, 1)
    rows = run(partition, asked.published())
    gc.collect()
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return held, rows


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="benchmarks.signals", description=__doc__)
    parser.add_argument("--repeat", type=int, default=3, help="how often each is measured")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        (Path(name) / "load.yaml").write_text(load.topology(1_000))
        flow = flow_of(Settings.model_validate({"topology": f"{name}/load.yaml"}))
        for _ in range(asked.repeat):
            for each in LOADS:
                measure(flow, each)
    return 0


if __name__ == "__main__":
    sys.exit(main())

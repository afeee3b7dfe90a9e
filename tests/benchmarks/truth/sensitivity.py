"""``python -m benchmarks.truth.sensitivity [NAME…]``: do scores hang on a setting?

Each number that correlation believes beforehand is halved and doubled, one at a time, and the data
set is analysed anew. Settings that come from reasons may be off by a factor of two without harm;
what was fitted to the few faults of a data set does not survive it.
"""

import argparse
import sys
from collections.abc import Iterable, Iterator
from dataclasses import MISSING, dataclass, fields, replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from benchmarks.truth import petshop
from benchmarks.truth.case import Recording, data_folder
from benchmarks.truth.run import Analysed, flow_with, labelled, pooled, reject
from pipeline.analyze import stepper_of
from pipeline.correlate.settings import CorrelateSettings
from pipeline.detect.partition import DetectStep
from pipeline.flow import Flow, detected, final
from pipeline.ingest.files import Reader
from pipeline.records import Incident
from pipeline.score import Report

FACTORS = (0.5, 2.0)
PROBABILITIES = frozenset({"same_node_strength", "spread", "join_at", "something_else"})
"""Doubled, they stay below one."""
ALMOST_ONE = 0.99
CLOSED_AFTER = timedelta(days=1)
"""Event time after the last mark by which everything is over, with whatever settings."""


class Trial(NamedTuple):
    """Settings of which one has another value; an empty name: all as they are."""

    name: str
    settings: CorrelateSettings

    @property
    def value(self) -> float | None:
        """The other value."""
        return float(getattr(self.settings, self.name)) if self.name else None


def trials(declared: CorrelateSettings, names: Iterable[str]) -> Iterator[Trial]:
    """Yield first the settings as they are, then each of the named halved, and doubled."""
    yield Trial("", declared)
    for name in names:
        for factor in FACTORS:
            value = getattr(declared, name) * factor
            bounded = min(value, ALMOST_ONE) if name in PROBABILITIES else value
            yield Trial(name, replace(declared, **{name: bounded}))


def numbers() -> frozenset[str]:
    """Return the settings that are one number each, bounds and counts left out."""
    return frozenset(
        each.name
        for each in fields(CorrelateSettings)
        if each.default is None or (each.default is not MISSING and isinstance(each.default, float))
    )


@dataclass(frozen=True, slots=True)
class Detected:
    """A recording, and what detection publishes of it: no setting of correlation changes that."""

    recording: Recording
    flow: Flow
    steps: tuple[DetectStep, ...]

    def incidents(self, settings: CorrelateSettings) -> list[Incident]:
        """Return what correlation makes of it."""
        correlate = replace(self.flow, correlate=settings).correlate_partition(0)
        latest: dict[str, Incident] = {}
        for step in self.steps:
            told = [correlate.on_symptom(name, symptom) for name, symptom in step.symptoms]
            told += [] if step.mark is None else [correlate.on_mark(step.mark)]
            latest |= {each.id: each for one in told for each in one.incidents}
        return final(latest.values())


def detected_in(recording: Recording) -> Detected:
    """Run detection over a recording."""
    flow = flow_with(recording.topology)
    reader = Reader([recording.observations], on_rejected=reject)
    partition = flow.detect_partition(0, 1)
    published = stepper_of(flow, "analyze", reader, flow.router()).run(reader)
    steps = [
        step
        for offset, value in enumerate(published)
        for step in detected(partition, offset, value)
        if step.symptoms or step.mark
    ]
    last = next(step.mark for step in reversed(steps) if step.mark)
    long_after = last.model_copy(update={"time": last.time + CLOSED_AFTER})
    return Detected(recording, flow, (*steps, DetectStep(mark=long_after)))


def tried(settings: CorrelateSettings, data: Iterable[Detected]) -> Report:
    """Return the score with other settings."""
    return pooled(
        Analysed(each.recording, labelled(each.recording, each.flow), each.incidents(settings))
        for each in data
    )


def main() -> int:
    """Run PetShop with each setting halved and doubled; print a table."""
    parser = argparse.ArgumentParser(prog="benchmarks.truth.sensitivity", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(sorted(numbers())))
    asked = parser.parse_args()
    if unknown := sorted({*asked.names} - numbers()):
        parser.error(f"no setting {unknown[0]!r}; there are {', '.join(sorted(numbers()))}")
    table = Table("setting", "value", "first", "among three", "an incident", "false")
    with TemporaryDirectory() as folder:
        recordings = petshop.convert(data_folder() / petshop.FOLDER, Path(folder))
        data = [detected_in(recording) for recording in recordings]
        for trial in trials(data[0].flow.correlate, asked.names or sorted(numbers())):
            sys.stderr.write(f"{trial.name or 'as shipped'} …\n")
            table.add_row(*_row(trial, tried(trial.settings, data)))
    Console(width=None if sys.stdout.isatty() else 100).print(table)
    return 0


def _row(trial: Trial, report: Report) -> list[str]:
    found = report.total
    shares = (found.ac_at_1, found.ac_at_3, found.recall)
    counts = [str(round((each or 0.0) * found.faulty)) for each in shares]
    value = "" if trial.value is None else f"{trial.value:.3g}"
    return [trial.name or "as shipped", value, *counts, str(found.false_incidents)]


if __name__ == "__main__":
    sys.exit(main())

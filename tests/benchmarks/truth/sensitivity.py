"""``python -m benchmarks.truth.sensitivity [NAME…]``: do scores hang on a setting?

Each number that correlation believes beforehand is halved and doubled, one at a time, and the data
set is analysed anew. Settings that come from reasons may be off by a factor of two without harm;
what was fitted to the few faults of a data set does not survive it.
"""

import argparse
import os
import sys
from collections.abc import Iterator
from dataclasses import MISSING, fields
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from benchmarks.truth import petshop
from benchmarks.truth.case import Recording, data_folder
from benchmarks.truth.run import analysed, pooled
from pipeline.assembly import flow_of
from pipeline.correlate.settings import CorrelateSettings
from pipeline.score import Report
from pipeline.settings import Settings

PREFIX = "AFTERSHOCK_CORRELATE__"
FACTORS = (0.5, 2.0)
PROBABILITIES = frozenset({"same_node_strength", "spread", "join_at", "something_else"})
"""Doubled, they stay below one."""
ALMOST_ONE = 0.99


class Trial(NamedTuple):
    """One setting with another value; an empty name: all as they are."""

    setting: str
    value: float


def trials(names: list[str]) -> Iterator[Trial]:
    """Yield first the settings as they are, then each of the named (all, if none) changed.

    Raises:
        KeyError: there is no such number among the settings.
    """
    declared = flow_of(Settings.model_validate({"topology": "jupyterhub-openshift"})).correlate
    yield Trial("", 0.0)
    for name in names or sorted(numbers()):
        if name not in numbers():
            raise KeyError(name)
        for factor in FACTORS:
            value = getattr(declared, name) * factor
            yield Trial(name, min(value, ALMOST_ONE) if name in PROBABILITIES else value)


def numbers() -> frozenset[str]:
    """Return the settings that are one number each, bounds and counts left out."""
    return frozenset(
        each.name
        for each in fields(CorrelateSettings)
        if each.default is None or (each.default is not MISSING and isinstance(each.default, float))
    )


def tried(trial: Trial, recordings: list[Recording]) -> Report:
    """Return the score with a setting changed."""
    name = f"{PREFIX}{trial.setting.upper()}"
    if trial.setting:
        os.environ[name] = repr(trial.value)
    try:
        return pooled(analysed(recordings))
    finally:
        os.environ.pop(name, None)


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
        for trial in trials(asked.names):
            sys.stderr.write(f"{trial.setting or 'as shipped'} {trial.value or ''}\n")
            table.add_row(*_row(trial, tried(trial, recordings)))
    Console(width=None if sys.stdout.isatty() else 100).print(table)
    return 0


def _row(trial: Trial, report: Report) -> list[str]:
    found = report.total
    shares = (found.ac_at_1, found.ac_at_3, found.recall)
    counts = [str(round((each or 0.0) * found.faulty)) for each in shares]
    value = f"{trial.value:.3g}" if trial.setting else ""
    return [trial.setting or "as shipped", value, *counts, str(found.false_incidents)]


if __name__ == "__main__":
    sys.exit(main())

"""Recordings → incidents and scores: the whole pipeline, as a user would run it."""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from multiprocessing import get_context
from pathlib import Path

from benchmarks.truth.branching import branching
from benchmarks.truth.case import Recording
from pipeline.analyze import analyze
from pipeline.assembly import flow_of
from pipeline.errors import UsageError
from pipeline.flow import Flow
from pipeline.records import Incident, Rejected, canonical
from pipeline.score import Case, Report, check_against, read_labels, score
from pipeline.settings_sources import load_settings

PROCESSES = 2
"""Groups of recordings that are analysed at a time."""


@dataclass(frozen=True, slots=True)
class Analysed:
    """A recording, its cases, and what the pipeline made of it."""

    recording: Recording
    cases: tuple[Case, ...]
    incidents: list[Incident]


def analysed(recordings: Sequence[Recording]) -> Iterator[Analysed]:
    """Analyse recordings; those of one topology have to stand together.

    Raises:
        UsageError: a recording has a line that is rejected, or its labels do not fit.
    """
    groups = [list(group) for _, group in groupby(recordings, key=lambda each: each.topology)]
    # new processes: they have one thread, so that they can fork, whatever this one has
    with ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn")) as pool:
        for group, found in zip(groups, pool.map(_incidents_of, groups), strict=True):
            flow = flow_with(group[0].topology)
            for recording, incidents in zip(group, found, strict=True):
                cases = labelled(recording, flow)
                yield Analysed(recording, cases, list(map(Incident.model_validate_json, incidents)))


def labelled(recording: Recording, flow: Flow) -> tuple[Case, ...]:
    """Return the cases of a recording.

    Raises:
        UsageError: the labels do not fit.
    """
    labels = recording.labels
    return check_against(read_labels(labels.read_bytes(), str(labels)), flow.timelines, str(labels))


def flow_with(topology: Path) -> Flow:
    """Return the flow that ``analyze --topology`` would run."""
    return flow_of(load_settings(None, {"topology": str(topology)}))


def whole(recording: Recording) -> list[bytes]:
    """Return a recording's incidents as JSON, analysed by itself from its beginning."""
    flow = flow_with(recording.topology)
    found = analyze([recording.observations], flow, on_rejected=reject).incidents
    return list(map(canonical, found))


def together(recordings: Sequence[Recording]) -> list[list[bytes]]:
    """Return the incidents of recordings with one topology: what begins alike is analysed once."""
    flow = flow_with(recordings[0].topology)
    return branching(flow, [each.observations for each in recordings], on_rejected=reject)


def reject(rejected: Rejected) -> None:
    """Stop at a rejected line: the converters are to write none.

    Raises:
        UsageError: always.
    """
    raise UsageError(f"{rejected.where}: {rejected.code}: {rejected.what}")


def pooled(results: Iterable[Analysed]) -> Report:
    """Return the score of several recordings, as if their applications were different ones.

    Times are the same in all of them, so nothing else tells them apart. A quiet time that several
    share counts once.
    """
    cases: list[Case] = []
    incidents: list[Incident] = []
    grace_s = 0.0
    known: set[str] = set()
    for result in results:
        apart = {"application": result.recording.name}
        cases += [case.model_copy(update=apart) for case in result.cases if case.id not in known]
        known |= {case.id for case in result.cases}
        incidents += [incident.model_copy(update=apart) for incident in result.incidents]
        grace_s = result.recording.grace_s
    return score(cases, incidents, grace_s=grace_s)


def _incidents_of(group: Sequence[Recording]) -> list[list[bytes]]:
    return [whole(group[0])] if len(group) == 1 else together(group)

"""Recordings that begin alike may be analysed once up to where they part."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from benchmarks.truth.branching import alike
from benchmarks.truth.case import (
    Recording,
    metric,
    write_labels,
    write_observations,
    write_topology,
)
from benchmarks.truth.run import Analysed, analysed, pooled, whole
from pipeline.records import canonical

_START = datetime(2026, 3, 2, tzinfo=UTC)
_QUIET, _ALL = 60, 65


def _lines(failing: float) -> list[str]:
    """Five hours of calm at two nodes, then 25 minutes in which a share of calls fails."""
    lines = []
    for number in range(_ALL):
        time = (_START + timedelta(minutes=5 * number)).isoformat()
        for node in ("shop", "stock"):
            ratio = failing if number >= _QUIET else 0.0
            lines.append(metric(time, node, "request_count", 900 + number % 7))
            lines.append(metric(time, node, "request_error_ratio", ratio))
    return lines


def _recordings(folder: Path) -> list[Recording]:
    topology = folder / "shop.yaml"
    write_topology(
        topology, "shop", [{"id": "shop", "entry": True}, {"id": "stock"}], [("stock", "shop")]
    )
    made = []
    for number, failing in enumerate((0.4, 0.0, 0.6)):
        observations, labels = folder / f"{number}.jsonl.zst", folder / f"{number}.json"
        write_observations(observations, _lines(failing))
        start, end = (_START + timedelta(minutes=5 * at) for at in (_QUIET - 1, _ALL))
        case = {"id": str(number), "start": start.isoformat(), "end": end.isoformat()}
        write_labels(labels, [{**case, "root_cause": ["stock"], "affected": ["shop"]}])
        made.append(Recording(str(number), observations, labels, topology))
    return made


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> list[Analysed]:
    return list(analysed(_recordings(tmp_path_factory.mktemp("shops"))))


def test_shared_beginnings_change_no_byte_of_the_incidents(results: list[Analysed]) -> None:
    found = [list(map(canonical, result.incidents)) for result in results]
    assert found == [whole(result.recording) for result in results]
    assert [bool(incidents) for incidents in found] == [True, False, True]


def test_recordings_of_the_same_time_are_scored_apart(results: list[Analysed]) -> None:
    outcomes = pooled(results).outcomes
    assert [outcome.incident is not None for outcome in outcomes] == [True, False, True]


def test_alike_is_what_comes_before_the_first_difference() -> None:
    assert alike([b"a", b"b", b"c"], [b"a", b"b", b"x", b"c"]) == 2
    assert alike([b"a"], [b"a", b"b"]) == 1

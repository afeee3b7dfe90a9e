"""New pods, and the older ones that run on beside them: by log lines and by events."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detect_laws import COURSES, Course, at, run
from effort import tries
from pipeline.detect.detector import Detector
from pipeline.records import MAX_NAMES, Event, Log, Roster, Signal

Detectors = dict[Signal, Detector[Any]]


def says(pod: str, since: float, until: float, every: float = 30) -> list[Log]:
    seconds = range(int(since), int(until), int(every))
    return [Log(time=at(s), message="200 GET /", pod=pod) for s in seconds]


def rosters(
    detector: Detector[Any], *lines: list[Log], course: Course | None = None
) -> list[Roster]:
    told = run(detector, [line for part in lines for line in part], course).symptoms
    return [each.roster for each in told if each.roster and each.state == "closed"]


def test_a_new_pod_beside_older_ones_is_told(by_signal: Detectors) -> None:
    older = [*says("web-1-a", 0, 1800), *says("web-1-b", 0, 1800)]
    (found,) = rosters(by_signal["log"], older, says("web-2-c", 1000, 1800))
    assert found == Roster(new=("web-2-c",), beside=("web-1-a", "web-1-b"))


def test_pods_that_are_all_replaced_at_once_are_not(by_signal: Detectors) -> None:
    assert rosters(by_signal["log"], says("hub-1-a", 0, 1000), says("hub-2-b", 1000, 1800)) == []


@pytest.mark.parametrize("since", [0, 500])
def test_what_was_there_when_we_came_is_not_new(by_signal: Detectors, since: float) -> None:
    assert rosters(by_signal["log"], says("a", 0, 1800), says("b", since, 1800)) == []


def test_two_new_ones_are_not_beside_one_another(by_signal: Detectors) -> None:
    new = [*says("c", 1000, 1800), *says("d", 1030, 1800)]
    (found,) = rosters(by_signal["log"], says("a", 0, 1800), new)
    assert found == Roster(new=("c", "d"), beside=("a",))


def test_no_more_names_are_told_than_a_symptom_has(by_signal: Detectors) -> None:
    older = [line for n in range(20) for line in says(f"a-{n:02}", 0, 1800)]
    (found,) = rosters(by_signal["log"], older, says("b", 1000, 1800))
    assert found.beside == tuple(f"a-{n:02}" for n in range(MAX_NAMES))


writers = st.lists(
    st.builds(
        lambda pod, since, long: says(pod, since, since + long, every=45),
        st.sampled_from("abcd"),
        st.sampled_from([0, 30, 700, 760, 1000]),
        st.integers(60, 1200),
    ),
    min_size=1,
    max_size=4,
).map(lambda others: [says("old", 0, 1500, every=45), *others])


@settings(deadline=None, max_examples=tries(60))
@given(writers=writers, course=COURSES)
def test_rosters_do_not_depend_on_the_course(
    by_signal: Detectors, writers: list[list[Log]], course: Course
) -> None:
    lines = sorted((line for each in writers for line in each), key=lambda line: line.time)
    assert run(by_signal["log"], lines, course).closed == run(by_signal["log"], lines).closed


def created(second: float, pod: str, **more: Any) -> Event:  # noqa: ANN401 - fields of an event
    fields = {"kind": "ReplicaSet", "name": "web-2", "message": f"Created pod: {pod}"}
    return Event(time=at(second), reason="SuccessfulCreate", **(fields | more))


def test_events_name_the_pods_that_are_created(by_signal: Detectors) -> None:
    told = run(by_signal["event"], [created(0, "web-2-a"), created(5, "web-2-b")]).symptoms
    assert told[-1].roster == Roster(new=("web-2-a", "web-2-b"))
    assert told[-1].whisper


def test_pods_of_jobs_are_no_new_version(by_signal: Detectors) -> None:
    assert run(by_signal["event"], [created(0, "backup-1", kind="Job")]).symptoms == []

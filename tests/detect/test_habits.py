"""What flaps is one trouble; what is as ever is weak evidence, until it is worse."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detect_laws import COURSES, Course, at, run
from effort import tries
from pipeline.detect.detector import Detector
from pipeline.detect.pack import SignaturePack
from pipeline.detect.registry import NodeDetectors
from pipeline.records import Log, Signal, Symptom

Detectors = dict[Signal, Detector[Any]]
FAILED = "[E 2026-03-02 10:00:00.000 JupyterHub base:89] Failed to get current user"
MINUTE = 60.0


def failed(minute: float, times: int = 1) -> list[Log]:
    return [Log(time=at(minute * MINUTE + i / 10), message=FAILED, pod="p-1") for i in range(times)]


def closed(
    detector: Detector[Any], lines: list[Log], course: Course | None = None
) -> list[Symptom]:
    told = run(detector, lines, course).symptoms
    return sorted(
        (s for s in told if s.state == "closed" and s.signature != "log-silent"),
        key=lambda s: s.onset,
    )


def every(minutes: float, hours: float, times: int = 1) -> list[Log]:
    starts = (number * minutes for number in range(int(hours * 60 / minutes)))
    return [line for start in starts for line in failed(start, times)]


def test_what_flaps_is_three_symptoms_not_twenty(by_signal: Detectors) -> None:
    told = closed(by_signal["log"], every(minutes=7, hours=2.3))
    assert [s.count for s in told] == [1, 1, 17]


def test_what_comes_again_after_a_long_pause_does_not_flap(by_signal: Detectors) -> None:
    told = closed(by_signal["log"], every(minutes=20, hours=2))
    assert [s.count for s in told] == [1] * 6


def test_what_is_as_it_has_been_for_hours_is_weak_evidence(by_signal: Detectors) -> None:
    told = closed(by_signal["log"], every(minutes=30, hours=8))
    assert [s.whisper for s in told] == [False] * 6 + [True] * 10


def test_what_was_held_back_is_counted(by_signal: Detectors) -> None:
    counts = run(by_signal["log"], every(minutes=30, hours=8)).counts
    assert (counts["in_symptom"], counts["suppressed"]) == (6, 10)


def test_what_is_worse_than_it_has_been_is_told(by_signal: Detectors) -> None:
    worse = closed(by_signal["log"], every(minutes=30, hours=8) + failed(480, times=9))[-1]
    assert (worse.whisper, worse.count) == (False, 9)
    assert at(480 * MINUTE) <= worse.detected_at < at(481 * MINUTE)


def test_after_a_long_pause_it_is_news_again(by_signal: Detectors) -> None:
    assert not closed(by_signal["log"], every(minutes=30, hours=8) + failed(480 + 121))[-1].whisper


def test_what_comes_more_often_than_it_did_is_told(by_signal: Detectors) -> None:
    dense = [line for number in range(8) for line in failed(480 + 6.5 * number)]
    told = closed(by_signal["log"], every(minutes=60, hours=8) + dense)
    assert [s.whisper for s in told if s.onset >= at(450 * MINUTE)].count(False) >= 1


def test_what_is_critical_is_never_a_habit(pack: SignaturePack) -> None:
    critical = tuple(s.model_copy(update={"severity": "critical"}) for s in pack.signatures)
    detector = NodeDetectors(pack.model_copy(update={"signatures": critical})).at("log", "a/hub")
    assert not any(s.whisper for s in closed(detector, every(minutes=30, hours=8)))


@settings(deadline=None, max_examples=tries(40))
@given(st.lists(st.sampled_from([1, 5.5, 11, 29, 31, 125]), min_size=8, max_size=40), COURSES)
def test_habits_do_not_depend_on_the_course(
    by_signal: Detectors, pauses: list[float], course: Course
) -> None:
    starts = [sum(pauses[:number]) for number in range(len(pauses))]
    lines = [line for number, start in enumerate(starts) for line in failed(start, number % 3 + 1)]
    detector = by_signal["log"]
    assert run(detector, lines, course).closed == run(detector, lines).closed
    assert run(detector, lines, course).counts == run(detector, lines).counts


@pytest.mark.parametrize("minutes", [1, 4, 6, 16, 31, 61])
def test_symptoms_of_one_trouble_never_overlap(by_signal: Detectors, minutes: float) -> None:
    told = closed(by_signal["log"], every(minutes=minutes, hours=9))
    assert all(one.last_seen < other.onset for one, other in pairwise(told))

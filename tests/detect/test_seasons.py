"""What comes at its time of day or week is no trouble; the same at another time is."""

from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detect_laws import Course, at, run
from pipeline.detect.detector import Detector
from pipeline.detect.seasons import HOUR, MAX_HOURS, is_usual, noted
from pipeline.records import Metric, Signal

Detectors = dict[Signal, Detector[Any]]
STEP_S, DAY_S, HOUR_S = 600.0, 86_400.0, 3_600.0
CALM, BUSY = 0.1, 0.5


def onsets(detector: Detector[Any], busy: dict[float, float], days: int) -> list[float]:
    """Return when symptoms begin, in days, if latency is high for an hour from some times on."""
    dice = Random(1)
    samples = []
    for number in range(int(days * DAY_S / STEP_S)):
        time = number * STEP_S
        level = next((v for t, v in busy.items() if 0 <= time - t * DAY_S < HOUR_S), CALM)
        value = dice.gauss(level, level / 20)
        samples.append(Metric(time=at(time), name="upstream_response_time_seconds", value=value))
    told = run(detector, samples, Course(batch=36)).symptoms
    closed = {s.id: s for s in told if s.state == "closed"}
    return sorted((s.onset - at(0)).total_seconds() / DAY_S for s in closed.values())


def test_a_night_job_is_known_from_the_fourth_night_on(by_signal: Detectors) -> None:
    nights = {day + 0.5: BUSY for day in range(9)}
    assert onsets(by_signal["metric"], nights, 9) == [0.5, 1.5, 2.5]


@pytest.mark.parametrize("trouble", [{7.75: BUSY}, {8.5: 2 * BUSY}])
def test_other_times_and_much_more_are_trouble_still(
    by_signal: Detectors, trouble: dict[float, float]
) -> None:
    nights = {day + 0.5: BUSY for day in range(8)}
    assert onsets(by_signal["metric"], nights | trouble, 9) == [0.5, 1.5, 2.5, *trouble]


def test_what_comes_once_a_week_is_known_from_the_third_week_on(by_signal: Detectors) -> None:
    weeks = {7.0 * week + 0.5: BUSY for week in range(4)}
    assert onsets(by_signal["metric"], weeks, 22) == [0.5, 7.5]


def test_one_time_before_is_no_habit(by_signal: Detectors) -> None:
    assert onsets(by_signal["metric"], {0.5: BUSY, 1.5: BUSY, 7.5: BUSY}, 8) == [0.5, 1.5, 7.5]


@given(st.lists(st.tuples(st.integers(0, 40 * 24), st.floats(-1e9, 1e9)), max_size=200))
def test_what_is_remembered_is_bounded(deviant: list[tuple[int, float]]) -> None:
    hours = b""
    for number, value in sorted(deviant):
        hours = noted(hours, number * HOUR, value)
        assert len(hours) <= 12 * MAX_HOURS
    assert not is_usual(b"", 0, 1.0, 0.0)

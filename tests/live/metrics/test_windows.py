"""Windows cover all of time, and a position is a promise."""

from datetime import datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from pipeline.live.metrics.windows import LONGEST_S, OVERLAP_S, Pace, Window
from pipeline.records import instant

NOW = instant(1_772_445_601_234_567)
SELECT = Pace(30.0, 3_600.0, aligned=False)
EXPRESSION = Pace(60.0, 3_600.0, aligned=True)


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


def asked(pace: Pace, position: datetime, target: datetime) -> tuple[list[Window], datetime]:
    windows = []
    while (window := pace.due(position, target, LONGEST_S)) is not None:
        windows.append(window)
        position = pace.passed(window.until)
    return windows, position


_ROUNDS = st.lists(st.floats(0.001, 2_000), min_size=1, max_size=10)


@given(rounds=_ROUNDS)
def test_windows_leave_no_hole_and_their_beginnings_never_go_back(rounds: list[float]) -> None:
    position, target, windows = SELECT.begun(NOW), NOW, []
    for wait in rounds:
        target += seconds(wait)
        more, position = asked(SELECT, position, target)
        windows += more
    for before, after in pairwise(windows):
        assert before.since <= after.since <= before.until < after.until
        assert after.until - after.since <= seconds(LONGEST_S)
    if windows:
        assert position == windows[-1].until - seconds(OVERLAP_S)


@given(rounds=_ROUNDS)
def test_an_expression_is_evaluated_once_at_each_multiple(rounds: list[float]) -> None:
    position, target, times = EXPRESSION.begun(NOW), NOW, []
    first = position
    for wait in rounds:
        target += seconds(wait)
        windows, position = asked(EXPRESSION, position, target)
        for since, until in windows:
            times += [
                since + seconds(60 * n) for n in range(int((until - since) / seconds(60)) + 1)
            ]
    count = int((target - first) / seconds(60))
    assert times == [first + seconds(60 * (n + 1)) for n in range(count)]
    assert all(time.second == time.microsecond == 0 for time in times)


def test_nothing_new_is_not_asked_for() -> None:
    _, position = asked(SELECT, SELECT.begun(NOW), NOW)
    assert SELECT.due(position, NOW, LONGEST_S) is None


def test_what_is_too_long_ago_is_jumped_over() -> None:
    for pace in (SELECT, EXPRESSION):
        jumped = pace.jumped(NOW - seconds(9_000), NOW)
        assert NOW - jumped - seconds(3_600) < seconds(60)
        assert pace.jumped(NOW - seconds(600), NOW) == NOW - seconds(600)


def test_a_query_that_keeps_its_pace_never_jumps() -> None:
    pace = Pace(30.0, 0.0, aligned=False)
    _, position = asked(pace, pace.begun(NOW), NOW)
    assert pace.jumped(position, NOW + seconds(30)) == position

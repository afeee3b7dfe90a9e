"""What comes twice is recognised; what is news is never taken for a repeat."""

from datetime import UTC, datetime, timedelta

from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.live.logs.cursor import KEPT, Cursor

Line = tuple[datetime, str]
BEGIN = datetime(2026, 3, 2, 10, tzinfo=UTC)


def at(milliseconds: int, text: str = "x") -> Line:
    return BEGIN + timedelta(milliseconds=milliseconds), text


@st.composite
def logs(draw: st.DrawFn) -> list[Line]:
    """A log as a container writes it: neighbours may stand in the wrong order, none is twice."""
    steps = draw(st.lists(st.integers(0, 900), max_size=80))
    times = [sum(steps[: n + 1]) for n in range(len(steps))]
    lines = [at(time, f"line {n}") for n, time in enumerate(times)]
    for swap in draw(st.sets(st.integers(0, max(0, len(lines) - 2)))):
        lines[swap : swap + 2] = reversed(lines[swap : swap + 2])
    return lines


def read_from(log: list[Line], since: datetime | None) -> list[Line]:
    """What the kubelet gives: the lines from the whole second on, by their stamps."""
    if since is None:
        return log
    return [line for line in log if line[0] >= since.replace(microsecond=0)]


@given(logs(), st.lists(st.tuples(st.integers(0, 80), st.booleans()), max_size=6))
@example([at(900, "second"), at(0, "first")], [(1, False)])
@example([at(900, "second"), at(0, "first")], [(1, True)])
def test_a_log_that_is_broken_off_anywhere_comes_out_whole_and_once(
    log: list[Line], breaks: list[tuple[int, bool]]
) -> None:
    cursor, published = Cursor(), []
    for upto, killed in [*sorted(breaks), (len(log), False)]:
        cursor = Cursor.of(cursor.position()) if killed else cursor
        cursor.reread()
        for line in read_from(log[:upto], cursor.since):
            published += [line] * cursor.take(*line)
    assert sorted(published) == sorted(log)


def test_a_burst_that_stands_at_one_time_is_not_taken_for_a_repeat() -> None:
    cursor = Cursor()
    assert all(cursor.take(*at(0, f"{n}")) for n in range(3 * KEPT))


def test_lines_that_were_read_back_are_no_news() -> None:
    cursor = Cursor()
    cursor.published(*at(1, "a"))
    cursor.published(*at(2, "b"))
    cursor.reread()
    assert [cursor.take(*line) for line in (at(1, "a"), at(2, "b"), at(2, "c"))] == [0, 0, 1]


def test_what_was_given_up_does_not_come_again() -> None:
    cursor = Cursor()
    cursor.take(*at(1))
    cursor.skip(at(50)[0])
    cursor = Cursor.of(cursor.position())
    cursor.reread()
    assert [cursor.take(*line) for line in (at(30), at(50), at(51))] == [False, False, True]


def test_a_position_is_small_however_long_the_log() -> None:
    cursor = Cursor()
    for n in range(10_000):
        cursor.take(*at(n, f"line {n}"))
    position = cursor.position()
    assert position is not None
    assert len(position.model_dump_json()) < 40 * KEPT

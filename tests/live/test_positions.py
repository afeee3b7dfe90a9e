"""What a start believes to be published: the latest of each part, the furthest of each log."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from pipeline.broker.message import Message
from pipeline.live.logs.cursor import Cursor
from pipeline.live.outbox.positions import ReadBack, Remembered, highest_counts
from pipeline.records import Batch, Event, Log, LogPosition, Positions, canonical

T = datetime(2026, 3, 2, 10, tzinfo=UTC)
LOGS = ("x.observations.logs", 0)


def message(value: bytes | None, key: bytes = b"", offset: int = 0) -> Message:
    return Message(topic=LOGS[0], partition=LOGS[1], offset=offset, key=key, value=value)


def remembered(*positions: Positions) -> Remembered:
    return Remembered.of(
        message(canonical(each), f"{each.source}/{each.part}".encode()) for each in positions
    )


def at(second: int, restarts: int = 0) -> LogPosition:
    return LogPosition(through=T + timedelta(seconds=second), restarts=restarts)


def line(second: int, uid: str | None = "u") -> Log:
    time = T + timedelta(seconds=second)
    return Log(
        time=time, namespace="n", pod="p", pod_uid=uid, container="c", message=f"line {second}"
    )


def batch(source: str, *observations: Log | Event) -> bytes:
    return canonical(Batch(source=source, node="n", observations=observations))


def test_the_furthest_position_of_all_sources_counts_and_the_latest_of_each_part() -> None:
    found = remembered(
        Positions(source="a", part="1", containers={"c": at(90), "d": at(1)}, queries={"q": T}),
        Positions(source="b", part="1", containers={"c": at(7), "d": at(2)}),
        Positions(source="a", part="1", containers={"c": at(5), "d": at(1)}, queries={"q": T}),
    )
    assert found.containers() == {"c": at(7), "d": at(2)}
    assert found.queries() == {"q": T}


def test_what_is_deleted_or_unreadable_is_passed_over() -> None:
    own = canonical(Positions(source="a", part="1", containers={"c": at(1)}))
    found = Remembered.of([message(own, b"k"), message(b"{", b"j"), message(None, b"k")])
    assert (found.containers(), found.unreadable) == ({}, 1)


@given(st.lists(st.none() | st.integers(0, 20), max_size=4), st.integers(0, 15))
def test_reading_back_begins_with_the_least_of_the_own_parts(
    offsets: list[int | None], end: int
) -> None:
    """No offset is the beginning; beyond the end is a topic made anew: also the beginning."""
    name = f"{LOGS[0]}/{LOGS[1]}"
    parts = [
        Positions(source="a", part=str(n), offsets={} if o is None else {name: o})
        for n, o in enumerate(offsets)
    ]
    other = Positions(source="b", part="0", offsets={name: 0})
    starts = remembered(*parts, other).starts("a", {LOGS: end})
    known = [0 if o is None or o > end else o for o in offsets]
    assert starts == ({LOGS: min(known)} if known else {})


@given(st.integers(0, 30), st.integers(0, 30))
def test_lines_read_back_are_no_news_and_the_next_one_is(known: int, published: int) -> None:
    before = Cursor()
    for second in range(known):
        before.take(line(second).time, line(second).message)
    position = before.position()
    back = ReadBack("s", {} if position is None else {"n/p/u/c": position})
    for second in range(published):  # from the beginning: what is read twice changes nothing
        back.take(message(batch("s", line(second))))
    after = Cursor.of(back.containers().get("n/p/u/c"))
    after.reread()
    end = max(known, published)
    again = [second for second in range(end + 3) if after.take(line(second).time, f"line {second}")]
    assert again == list(range(end, end + 3))


def test_only_what_the_source_has_published_is_read_back() -> None:
    back = ReadBack("s", {})
    own_but_broken = batch("s", line(1))[:-1]
    for value in (batch("t", line(1)), None, own_but_broken, batch("s", line(2, uid=None))):
        back.take(message(value))
    assert (back.containers(), back.observations, back.unreadable) == ({}, 1, 1)


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(1, 9)), max_size=20))
def test_the_highest_count_of_each_event_is_told_whoever_has_published_it(
    seen: list[tuple[str, int]],
) -> None:
    events = [
        Event(time=T, kind="Pod", name="p", reason="r", source_uid=uid, count=count)
        for uid, count in seen
    ]
    found = highest_counts(message(batch(f"s{n}", each)) for n, each in enumerate(events))
    assert found == {uid: max(c for u, c in seen if u == uid) for uid, _ in seen}

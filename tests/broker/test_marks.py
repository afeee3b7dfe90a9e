"""How far event time has come, read from the last messages."""

from datetime import UTC, datetime

from pipeline.broker.marks import told_until
from pipeline.broker.message import Message
from pipeline.records import Batch, Log, Mark, canonical

TEN, NOON = (datetime(2026, 3, 2, hour, tzinfo=UTC) for hour in (10, 12))


def message(value: bytes) -> Message:
    return Message(topic="t", partition=0, offset=0, key=None, value=value)


def mark(time: datetime) -> bytes:
    return canonical(Mark(source="s", time=time, feeds=("logs",)))


def test_the_latest_mark_counts() -> None:
    assert told_until(map(message, [mark(TEN), mark(NOON), mark(TEN)])) == NOON


def test_batches_and_bad_values_promise_nothing() -> None:
    line = Log(time=NOON, node="a", message="hello")
    batch = canonical(Batch(source="s", node="a", observations=(line,)))

    assert told_until(map(message, [batch, b"{broken", b""])) is None

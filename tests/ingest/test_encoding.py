"""Batches that are encoded piece by piece are the canonical bytes of the same batches."""

import math

from hypothesis import given
from hypothesis import strategies as st

from pipeline.ingest.batching import Batcher
from pipeline.ingest.encoding import Encoded, Encoder, head_of
from pipeline.records import Batch, Event, Log, Metric, canonical
from record_strategies import OBSERVATIONS, WORDS

FOUND = st.lists(st.tuples(WORDS, OBSERVATIONS), max_size=30)


def encoded(batch: Batch) -> Encoded:
    return Encoded(batch.node, batch.signal, len(batch.observations), canonical(batch))


@given(WORDS, FOUND, st.integers(1, 5), st.integers(1, 2000))
def test_joined_pieces_are_the_canonical_bytes(
    source: str, found: list[tuple[str, Log | Event | Metric]], count: int, size: int
) -> None:
    values = Batcher(source, max_observations=count, max_bytes=size)
    pieces = Encoder(source, max_observations=count, max_bytes=size)
    for node, observation in found:
        full = values.add(node, observation)
        assert pieces.add(node, observation, 0.0) == (None if full is None else encoded(full))
        assert pieces.pending_bytes == values.pending_bytes
    assert pieces.flush(math.inf) == [encoded(batch) for batch in values.flush()]
    assert pieces.pending_bytes == 0


@given(WORDS, WORDS, OBSERVATIONS)
def test_a_batch_begins_with_its_source(
    source: str, other: str, observation: Log | Event | Metric
) -> None:
    value = canonical(Batch(source=source, node="n", observations=(observation,)))
    assert value.startswith(head_of(source))
    assert value.startswith(head_of(other)) == (source == other)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 3)), max_size=20))
def test_what_was_begun_up_to_a_time_leaves_and_the_rest_stays(
    steps: list[tuple[str, int]],
) -> None:
    encoder, now, begun = Encoder("s"), 0, dict[str, int]()
    for node, pause in steps:
        now += pause
        begun.setdefault(node, now)
        encoder.add(node, Metric(time="2026-03-02T10:00:00Z", name="m", value=1.0), now)
    old = {node for node, at in begun.items() if at <= now - 2}
    assert [batch.node for batch in encoder.flush(now - 2)] == sorted(old)
    assert {batch.node for batch in encoder.flush(math.inf)} == set(begun) - old


def test_one_batch_can_be_closed_alone() -> None:
    encoder = Encoder("s")
    for node in ("a", "b", "a"):
        encoder.add(node, Metric(time="2026-03-02T10:00:00Z", name="m", value=1.0), 0.0)
    closed = encoder.close("a", "metric")
    assert closed is not None
    assert closed.observations == 2
    assert encoder.close("a", "metric") is None
    assert [batch.node for batch in encoder.flush(math.inf)] == ["b"]

"""Batches keep what they are given, in order, by node and signal, and fit into a Kafka record."""

from collections import defaultdict
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.ingest.batching import Batcher
from pipeline.ingest.files import MAX_LINE_BYTES
from pipeline.records import OBSERVATION, Batch, Log, Metric, canonical

T = datetime(2026, 3, 2, 10, tzinfo=UTC)
found = st.tuples(
    st.sampled_from(["hub", "db"]),
    st.one_of(
        st.builds(Log, time=st.just(T), message=st.text(max_size=200)),
        st.builds(Metric, time=st.just(T), name=st.text(max_size=50), value=st.floats(0, 1)),
    ),
)


def batched(batcher: Batcher, observations: list[tuple[str, Log | Metric]]) -> list[Batch]:
    full = [batcher.add(node, observation) for node, observation in observations]
    return [batch for batch in full if batch is not None] + batcher.flush()


@given(st.lists(found), st.integers(1, 9), st.integers(1, 3000))
def test_every_observation_is_in_one_batch_in_order(
    observations: list[tuple[str, Log | Metric]], count: int, size: int
) -> None:
    given_, kept = defaultdict(list), defaultdict(list)
    for node, observation in observations:
        given_[node, observation.signal].append(observation)
    for batch in batched(Batcher("s", max_observations=count, max_bytes=size), observations):
        kept[batch.node, batch.signal] += batch.observations
    assert kept == given_


@given(st.lists(found), st.integers(1, 9), st.integers(1, 3000))
def test_a_batch_of_several_keeps_both_limits(
    observations: list[tuple[str, Log | Metric]], count: int, size: int
) -> None:
    envelope = len(
        canonical(Batch(source="s", node="hub", observations=(Log(time=T, message=""),)))
    )
    for batch in batched(Batcher("s", max_observations=count, max_bytes=size), observations):
        assert len(batch.observations) <= count
        assert len(batch.observations) == 1 or len(canonical(batch)) <= size + envelope


@given(st.lists(found))
def test_flush_is_in_order_of_node_and_signal_and_leaves_nothing(
    observations: list[tuple[str, Log | Metric]],
) -> None:
    batcher = Batcher("s", max_observations=10**6)
    keys = [(batch.node, batch.signal) for batch in batched(batcher, observations)]
    assert keys == sorted(set(keys))
    assert (batcher.flush(), batcher.pending_bytes) == ([], 0)


@pytest.mark.parametrize("filler", ["x", "\\u0001", "\\n", "é", "\U0001f300", "\\ud83c\\udf00"])
def test_the_longest_line_makes_a_batch_that_kafka_takes(filler: str) -> None:
    """Whatever its characters are: a record's usual limit is 1,000,000 bytes."""
    head = b'{"signal":"log","time":"2026-03-02T10:00:00Z","message":"'
    room = MAX_LINE_BYTES - len(head) - 2
    text = filler.encode() * (room // len(filler.encode()))
    observation = OBSERVATION.validate_json(head + text + b'"}')
    batches = batched(Batcher("replay-0123abcd"), [("n" * 500, observation)] * 2)
    assert [len(batch.observations) for batch in batches] in ([1, 1], [2])
    assert max(len(canonical(batch)) for batch in batches) < 1_000_000


@pytest.mark.parametrize("limits", [{"max_observations": 0}, {"max_bytes": 0}])
def test_a_batch_holds_at_least_one_observation(limits: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="at least one"):
        Batcher("s", **limits)

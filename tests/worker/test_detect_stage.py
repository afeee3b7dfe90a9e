"""What detection does with a message, by what it holds and where it lies."""

from datetime import UTC, datetime, timedelta

import pytest

from pipeline.assembly import flow_of
from pipeline.broker.message import Message
from pipeline.records import Batch, Gap, Log, Record, canonical
from pipeline.settings import Settings
from pipeline.worker.detect import DetectPart, DetectStage
from pipeline.worker.stage import Unreadable

START = datetime(2026, 3, 2, 10, tzinfo=UTC)
NODE = "jupyterhub/hub"
BATCH = Batch(source="s", node=NODE, observations=(Log(time=START, node=NODE, message="m"),))
GAP = Gap(
    source="s",
    node=NODE,
    signal="log",
    since=START,
    until=START + timedelta(seconds=9),
    lost=3,
    reason="rate-limited",
    what="w",
)


@pytest.fixture
def part() -> DetectPart:
    flow = flow_of(Settings())
    return DetectStage(flow=flow, prefix="a", partitions=1, symptom_partitions=1).part(0)


def message(value: Record, key: bytes = NODE.encode(), feed: str = "logs", at: int = 0) -> Message:
    return Message(f"a.observations.{feed}", 0, at, key, canonical(value))


def test_a_gap_is_a_row_and_nothing_to_publish(part: DetectPart) -> None:
    effects = part.take(message(GAP))

    assert (effects.outputs, effects.marks, effects.heard) == ([], {}, None)
    assert [key for key, _ in effects.rows] == [b"0|node|log|jupyterhub/hub"]


@pytest.mark.parametrize("value", [BATCH, GAP])
def test_what_lies_under_another_key_or_topic_is_unreadable(
    part: DetectPart, value: Batch | Gap
) -> None:
    with pytest.raises(Unreadable, match=f"not the {value.kind}'s node 'jupyterhub/hub'"):
        part.take(message(value, key=b"jupyterhub/db"))
    with pytest.raises(Unreadable, match=f"a {value.kind} of log observations on metrics"):
        part.take(message(value, feed="metrics"))


def test_batches_and_gaps_of_a_node_share_one_order(part: DetectPart) -> None:
    part.take(message(BATCH, at=7))

    assert part.take(message(GAP, at=7)).rows == []
    assert part.take(message(GAP, at=8)).rows != []

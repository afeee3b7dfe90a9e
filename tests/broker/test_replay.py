"""A replay publishes everything once, in order, and promises only what holds."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pipeline import clock
from pipeline.assembly import flow_of
from pipeline.broker.ensure import ensure_topics
from pipeline.broker.letters import letters
from pipeline.broker.tail import read_to_end
from pipeline.broker.topics import observation_topics, rejected
from pipeline.flow import Flow
from pipeline.records import OBSERVATION_VALUE, Batch, Mark
from pipeline.replay import Replay
from pipeline.settings import KafkaSettings, Settings

START = datetime(2026, 3, 2, 10, tzinfo=UTC)
TOPOLOGY = (
    "application: shop\nnodes: [{id: db}, {id: front}]\nedges: [{cause: db, effect: front}]\n"
)


@pytest.fixture
def flow(tmp_path: Path) -> Flow:
    file = tmp_path / "shop.yaml"
    file.write_text(TOPOLOGY)
    return flow_of(Settings(topology=str(file)))


def log(seconds: float, node: str) -> str:
    time = (START + timedelta(seconds=seconds)).isoformat()
    return json.dumps({"signal": "log", "time": time, "node": node, "message": f"at {seconds}"})


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """Two nodes each three seconds for two minutes, one unknown node, one bad line; last first."""
    lines = [log(second, node) for second in range(0, 120, 3) for node in ("db", "front")]
    file = tmp_path / "shop.jsonl"
    file.write_text("\n".join([*reversed(lines), log(5, "nobody"), "{"]))
    return file


Partition = list[Batch | Mark]


def published(kafka: KafkaSettings) -> dict[tuple[str, int], Partition]:
    found: dict[tuple[str, int], Partition] = {}
    for message in read_to_end(kafka, observation_topics(kafka.topic_prefix)):
        value = OBSERVATION_VALUE.validate_json(message.value or b"")
        found.setdefault((message.topic, message.partition), []).append(value)
    return found


def messages_of(partitions: Sequence[Partition]) -> list[str]:
    return [
        observation.message
        for partition in partitions
        for value in partition
        if isinstance(value, Batch)
        for observation in value.observations
    ]


def promises_hold(partition: Partition) -> bool:
    """Return whether nothing comes before the time of a mark that came earlier."""
    promised = datetime.min.replace(tzinfo=UTC)
    for value in partition:
        if isinstance(value, Mark):
            promised = max(promised, value.time)
        elif min(observation.time for observation in value.observations) < promised:
            return False
    return True


@pytest.mark.parametrize("batch_size", [1, 7, 500])
def test_everything_known_is_published_once_in_order_and_marks_hold(
    kafka: KafkaSettings, flow: Flow, recording: Path, batch_size: int
) -> None:
    ensure_topics(kafka)
    replay = Replay(flow=flow, kafka=kafka, source="s", batch_size=batch_size)
    done = replay.run([recording])
    partitions = published(kafka)
    assert sorted(messages_of(list(partitions.values()))) == sorted(
        f"at {second}" for second in range(0, 120, 3) for _ in range(2)
    )
    assert all(promises_hold(partition) for partition in partitions.values())
    assert (done.counts["published"], done.counts["unmapped"]) == (80, 1)
    assert done.counts["rejected"] == 1


def test_every_partition_ends_with_the_final_mark_that_closes_everything(
    kafka: KafkaSettings, flow: Flow, recording: Path
) -> None:
    ensure_topics(kafka)
    Replay(flow=flow, kafka=kafka, source="s").run([recording])
    partitions = published(kafka)
    assert len(partitions) == 9
    for partition in partitions.values():
        last = partition[-1]
        assert isinstance(last, Mark)
        assert last.final
        assert last.time == START + timedelta(seconds=117, microseconds=flow.closing_us)
        assert last.counts["lines"] == 82
        assert last.counts["published"] + last.counts["unmapped"] + last.counts["rejected"] == 82


def test_a_bad_line_goes_to_the_dead_letters_with_its_place(
    kafka: KafkaSettings, flow: Flow, recording: Path
) -> None:
    ensure_topics(kafka)
    Replay(flow=flow, kafka=kafka, source="s").run([recording])
    (letter,) = letters(read_to_end(kafka, [rejected(kafka.topic_prefix)]))
    assert (letter.where, letter.value, letter.code) == (f"{recording}:82", b"{", "not-json")


def test_speed_is_event_time_over_wall_time_and_time_is_told_meanwhile(
    kafka: KafkaSettings, flow: Flow, recording: Path
) -> None:
    """117 s at 58 times real time take two seconds; marks come in between, and still hold."""
    ensure_topics(kafka)
    started = clock.monotonic()
    Replay(flow=flow, kafka=kafka, source="s", speed=58.5).run([recording])
    assert 2 <= clock.monotonic() - started < 10
    partitions = published(kafka)
    assert all(promises_hold(partition) for partition in partitions.values())
    assert len(messages_of(list(partitions.values()))) == 80

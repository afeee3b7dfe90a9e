"""What a source publishes lies where every client looks for it, and nothing is lost in silence."""

from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kafka.partitioner.default import DefaultPartitioner

from pipeline.broker.ensure import ensure_topics
from pipeline.broker.producer import ObservationPublisher, partition_of
from pipeline.broker.tail import Message, read_to_end
from pipeline.broker.topics import observation_topics, observations, rejected
from pipeline.errors import AftershockError, BrokenWorld
from pipeline.records import Batch, Log, Mark, Metric, Rejected, canonical
from pipeline.settings import KafkaSettings
from servers.tansu_server import Tansu

TIME = datetime(2026, 3, 2, 10, tzinfo=UTC)
MARK = Mark(source="s", time=TIME, feeds=("logs", "events", "metrics"))


def batch(node: str, text: str = "x") -> Batch:
    return Batch(source="s", node=node, observations=(Log(time=TIME, message=text),))


def read(kafka: KafkaSettings, topic: str) -> list[Message]:
    return list(read_to_end(kafka, [topic]))


def cluster_of(partitions: int) -> SimpleNamespace:
    """Return what Kafka's own partitioner asks of the cluster."""
    numbers = set(range(partitions))
    return SimpleNamespace(
        topics=lambda: {"t"},
        partitions_for_topic=lambda _topic: numbers,
        available_partitions_for_topic=lambda _topic: numbers,
    )


@given(st.binary(min_size=1), st.integers(1, 50))
def test_the_partition_of_a_key_is_the_one_that_kafka_would_choose(key: bytes, count: int) -> None:
    chosen = DefaultPartitioner().partition("t", key, key, None, None, cluster_of(count))
    assert partition_of(key, count) == chosen


def test_a_batch_lies_in_the_topic_of_its_signal_keyed_by_its_node(kafka: KafkaSettings) -> None:
    ensure_topics(kafka)
    sample = Metric(time=TIME, name="up", value=1.0)
    sent = [batch("a/b"), batch("ü"), Batch(source="s", node="a/b", observations=(sample,))]
    with ObservationPublisher(kafka) as publisher:
        for each in sent:
            publisher.batch(each)
    for each in sent:
        found = read(kafka, observations(kafka.topic_prefix, each.signal))
        assert (each.node.encode(), canonical(each)) in {(m.key, m.value) for m in found}
        for message in found:
            assert message.partition == partition_of(message.key or b"", 3)


def test_a_mark_comes_to_every_partition_after_what_was_published_before(
    kafka: KafkaSettings,
) -> None:
    ensure_topics(kafka)
    with ObservationPublisher(kafka) as publisher:
        for number in range(50):
            publisher.batch(batch(f"node-{number}"))
        publisher.mark(MARK)
    found = list(read_to_end(kafka, observation_topics(kafka.topic_prefix)))
    last = {(message.topic, message.partition): message for message in found}
    assert len(last) == 9
    assert all(m.key is None and m.value == canonical(MARK) for m in last.values())


def test_a_rejected_record_keeps_bytes_key_and_headers(kafka: KafkaSettings) -> None:
    ensure_topics(kafka)
    bad = Rejected(
        code="not-utf8",
        where="file:7",
        what="nothing that could be read \udcff",
        value=b"\xff\x00\xfe",
        key=b"\x80",
        headers=(("theirs", b"\xff"),),
    )
    with ObservationPublisher(kafka) as publisher:
        publisher.rejected(bad)
    (message,) = read(kafka, rejected(kafka.topic_prefix))
    assert (message.value, message.key) == (bad.value, bad.key)
    assert message.headers[0] == ("theirs", b"\xff")
    reason = {name.removeprefix("aftershock.rejected."): v for name, v in message.headers[1:]}
    assert (reason["code"], reason["where"], reason["part"]) == (b"not-utf8", b"file:7", b"1")
    assert reason["last"] == b"true"


def test_more_than_may_be_pending_waits_and_all_of_it_arrives(kafka: KafkaSettings) -> None:
    ensure_topics(kafka)
    text = "z" * 900_000
    with ObservationPublisher(kafka) as publisher:
        for number in range(60):  # 54 MB, where 32 may be pending
            publisher.batch(batch("n", f"{number}{text}"))
    found = read(kafka, observations(kafka.topic_prefix, "log"))
    assert [m.offset for m in found] == list(range(60))


@pytest.mark.long
@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
@pytest.mark.usefixtures("refusals")
def test_a_record_that_is_never_acknowledged_raises(tmp_path: Path) -> None:
    broker = Tansu(tmp_path)
    broker.start()
    kafka = KafkaSettings(bootstrap_servers=broker.bootstrap_servers, delivery_timeout_s=1.0)
    ensure_topics(kafka)
    publisher = ObservationPublisher(kafka)
    broker.kill()
    publisher.batch(batch("a"))
    with pytest.raises(BrokenWorld):
        publisher.flush()
    publisher.abandon()


def test_reading_a_topic_that_is_not_there_says_what_to_do(kafka: KafkaSettings) -> None:
    with pytest.raises(AftershockError, match="topics ensure"):
        read(kafka, rejected(kafka.topic_prefix))


def test_an_empty_topic_is_read_to_its_end_at_once(kafka: KafkaSettings) -> None:
    ensure_topics(kafka)
    assert read(kafka, rejected(kafka.topic_prefix)) == []


def test_no_broker_is_told_before_anything_is_read(nowhere: KafkaSettings) -> None:
    with pytest.raises(BrokenWorld, match="no Kafka broker answers"):
        ObservationPublisher(nowhere)

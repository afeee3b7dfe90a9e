"""Waiting until everything has gone through: group after group, each to the end as it is then."""

import threading
from collections.abc import Iterator

import pytest
from kafka import TopicPartition
from kafka.structs import OffsetAndMetadata

from incident_values import incident
from pipeline.broker import clients
from pipeline.broker.ensure import ensure_topics
from pipeline.broker.progress import wait_for_all
from pipeline.broker.topics import incidents, observation_topics, symptoms
from pipeline.errors import AftershockError, BrokenWorld
from pipeline.records import canonical
from pipeline.settings import KafkaSettings


def send(kafka: KafkaSettings, topic: str, count: int = 1, key: bytes | None = None) -> None:
    producer = clients.producer(kafka)
    for _ in range(count):
        producer.send(topic, key=key, value=canonical(incident()), partition=0)
    producer.flush()
    producer.close(timeout=5)


def commit(kafka: KafkaSettings, role: str, topic: str, offset: int) -> None:
    consumer = clients.consumer(kafka, group_id=f"{kafka.topic_prefix}-{role}")
    at = TopicPartition(topic, 0)
    consumer.assign([at])
    consumer.commit({at: OffsetAndMetadata(offset, "", -1)})
    consumer.close(autocommit=False)


@pytest.fixture
def logs(kafka: KafkaSettings) -> Iterator[str]:
    ensure_topics(kafka)
    return observation_topics(kafka.topic_prefix)[0]


def test_nothing_published_is_nothing_to_wait_for(kafka: KafkaSettings, logs: str) -> None:
    del logs
    wait_for_all(kafka, timeout_s=5, say=lambda _line: None)


def test_each_role_must_come_to_its_end(kafka: KafkaSettings, logs: str) -> None:
    prefix = kafka.topic_prefix
    stages = [("detect", logs), ("correlate", symptoms(prefix)), ("index", incidents(prefix))]
    for role, topic in stages:
        send(kafka, topic, 2, key=b"a1")
        commit(kafka, role, topic, 1)
        with pytest.raises(AftershockError, match=f"{role} is 1 messages behind"):
            wait_for_all(kafka, timeout_s=0.3, say=lambda _line: None)
        commit(kafka, role, topic, 2)
    wait_for_all(kafka, timeout_s=5, say=lambda _line: None)


def test_what_one_role_publishes_meanwhile_is_waited_for_too(
    kafka: KafkaSettings, logs: str
) -> None:
    """The end of a topic counts as it is when the role before has come to its own."""
    send(kafka, logs)
    told: list[str] = []

    def detect_works(line: str) -> None:
        told.append(line)
        if line == "waiting for detect: 1 messages behind":
            send(kafka, symptoms(kafka.topic_prefix))
            commit(kafka, "detect", logs, 1)

    with pytest.raises(AftershockError, match="correlate is 1 messages behind"):
        wait_for_all(kafka, timeout_s=1, say=detect_works)
    assert "waiting for correlate" in told


def test_giving_up_says_what_to_start(kafka: KafkaSettings, logs: str) -> None:
    send(kafka, logs)
    with pytest.raises(AftershockError, match="`aftershock detect` \\(or `aftershock run`\\)"):
        wait_for_all(kafka, timeout_s=0.1, say=lambda _line: None)


def test_no_broker_is_one_line(nowhere: KafkaSettings) -> None:
    with pytest.raises(BrokenWorld, match="no Kafka broker"):
        wait_for_all(nowhere, timeout_s=5, say=lambda _line: None)


def test_waiting_leaves_no_thread_behind(kafka: KafkaSettings, logs: str) -> None:
    del logs
    before = threading.active_count()
    wait_for_all(kafka, timeout_s=5, say=lambda _line: None)
    assert threading.active_count() <= before

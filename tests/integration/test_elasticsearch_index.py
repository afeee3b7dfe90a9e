"""The index role on real servers: Apache Kafka on one side, Elasticsearch on the other."""

import random
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest
from elasticsearch import Elasticsearch as Client

from incident_values import incident, symptom
from pipeline.broker import clients
from pipeline.broker.ensure import ensure_topics
from pipeline.broker.letters import letters
from pipeline.broker.producer import partition_of
from pipeline.broker.progress import Progress
from pipeline.broker.tail import read_to_end
from pipeline.broker.topics import incidents, rejected
from pipeline.clock import monotonic
from pipeline.health import Health
from pipeline.records import Incident, canonical
from pipeline.settings import KafkaSettings, Settings, WorkerSettings
from pipeline.settings_elasticsearch import ElasticsearchSettings
from pipeline.store import Query, open_store
from pipeline.store.elasticsearch.ensure import ensure
from pipeline.worker.index import run_index
from servers.elasticsearch_server import Elasticsearch
from servers.kafka_server import Kafka
from servers.waiting import until

HOUR = 3600.0


@pytest.fixture
def settings(kafka: Kafka, elasticsearch: Elasticsearch, prefix: str) -> Settings:
    """Topics and indices of the test's own, prepared."""
    made = Settings(
        kafka=KafkaSettings(bootstrap_servers=kafka.bootstrap_servers, topic_prefix=prefix),
        store=elasticsearch.url,
        elasticsearch=ElasticsearchSettings(alias=prefix, replicas=0, timeout_s=5),
        worker=WorkerSettings(session_timeout_s=6),
    )
    ensure_topics(made.kafka)
    ensure(made.store, made.elasticsearch)
    return made


def revisions(number: int, each: int) -> list[Incident]:
    """Return every revision of so many incidents, over months, in chance order with repeats."""
    seen = tuple(symptom(f"s{n}", "hub", n, "s0" if n else None) for n in range(6))
    there = [
        incident(f"i{n:04}", revision, start=n * HOUR, symptoms=seen)
        for n in range(number)
        for revision in range(1, each + 1)
    ]
    chance = random.Random(5)
    there += chance.choices(there, k=len(there) // 5)
    chance.shuffle(there)
    return there


def publish(kafka: KafkaSettings, messages: Sequence[Incident]) -> None:
    producer = clients.producer(kafka)
    for one in messages:
        key = one.id.encode()
        at = partition_of(key, kafka.partitions.incidents)
        producer.send(incidents(kafka.topic_prefix), key=key, value=canonical(one), partition=at)
    producer.flush()
    producer.close(timeout=5)


@contextmanager
def indexing(settings: Settings) -> Iterator[Health]:
    stop, health = threading.Event(), Health("index")
    role = threading.Thread(target=run_index, args=(settings, stop, health))
    role.start()
    try:
        yield health
    finally:
        stop.set()
        role.join(timeout=60)
    assert not role.is_alive()


def await_all(settings: Settings, *, within_s: float) -> None:
    progress = Progress(settings.kafka)
    ends = progress.ends([incidents(settings.kafka.topic_prefix)])
    until(lambda: progress.behind("index", ends) == 0, within_s=within_s, what="all is indexed")
    progress.close()


def stored(settings: Settings) -> dict[str, Incident]:
    store = open_store(settings.store, settings.elasticsearch, create=False)
    try:
        return {one.id: one for one in store.list(Query())}
    finally:
        store.close()


def last_of(messages: Sequence[Incident]) -> dict[str, Incident]:
    return {one.id: one for one in sorted(messages, key=lambda one: one.revision)}


@pytest.mark.timeout(400)
def test_in_any_order_with_repeats_exactly_the_last_revisions_are_there(
    settings: Settings,
) -> None:
    messages = revisions(5_000, 4)
    publish(settings.kafka, messages)
    with indexing(settings) as health:
        until(lambda: health.report().counts.get("incidents", 0) > 0, within_s=60, what="begun")
        begun = monotonic(), health.report().counts["incidents"]
        await_all(settings, within_s=300)
        taken = health.report().counts["incidents"] - begun[1]
        rate = taken / (monotonic() - begun[0])
    sys.stderr.write(f"\nElasticsearch: {rate:,.0f} documents/s while catching up\n")
    assert stored(settings) == last_of(messages)


@pytest.mark.timeout(400)
def test_killed_and_started_again_while_indexing_nothing_is_lost_and_nothing_is_stale(
    settings: Settings, elasticsearch: Elasticsearch
) -> None:
    messages = revisions(1_000, 4)
    publish(settings.kafka, messages)
    with indexing(settings) as health:
        until(lambda: health.report().counts.get("incidents", 0) > 500, within_s=60, what="some")
        elasticsearch.kill()
        until(lambda: not health.report().ready, within_s=60, what="trouble is told")
        done = health.report().counts["incidents"]
        elasticsearch.restart()
        await_all(settings, within_s=200)
        until(lambda: health.report().ready, within_s=60, what="ready again")
    assert done < len(messages) - 500, "it was killed too late to prove anything"
    assert stored(settings) == last_of(messages)


def test_what_the_engine_refuses_goes_to_the_dead_letters_with_its_reason(
    settings: Settings,
) -> None:
    """Its counter is beyond the 64 bits that the engine has, and the record allows."""
    bad = incident("a1").model_copy(update={"reopened": 2**70})
    publish(settings.kafka, [bad, incident("a2")])
    with indexing(settings):
        await_all(settings, within_s=60)
    (letter,) = letters(read_to_end(settings.kafka, [rejected(settings.kafka.topic_prefix)]))
    assert (letter.key, letter.value) == (b"a1", canonical(bad))
    assert "document_parsing_exception" in letter.what
    assert stored(settings).keys() == {"a2"}


def with_history(settings: Settings) -> Settings:
    kept = settings.elasticsearch.model_copy(update={"history": True})
    made = settings.model_copy(update={"elasticsearch": kept})
    ensure(made.store, kept)
    return made


def history(settings: Settings) -> list[tuple[str, str, int]]:
    """Return id, incident and revision of every document there is."""
    alias = f"{settings.elasticsearch.alias}-history"
    with Client(settings.store) as client:
        client.indices.refresh(index=alias)
        hits = client.search(index=alias, size=1_000, sort="@timestamp")["hits"]["hits"]
    found = [(hit["_id"], hit["_source"]["incident"]) for hit in hits]
    return sorted((name, said["id"], said["revision"]) for name, said in found)


def test_the_history_has_each_revision_exactly_once_in_any_order_with_repeats(
    settings: Settings,
) -> None:
    settings, messages = with_history(settings), revisions(40, 4)
    half = len(messages) // 2
    for part in (messages[:half], messages[half // 2 :]):  # what was there comes again, too
        publish(settings.kafka, part)
        with indexing(settings):
            await_all(settings, within_s=60)
    wanted = [(f"i{n:04}-{no}", f"i{n:04}", no) for n in range(40) for no in range(1, 5)]
    assert history(settings) == wanted
    assert stored(settings) == last_of(messages)
    again = ensure(settings.store, settings.elasticsearch)
    assert {each.state for each in again} == {"as it should be"}


def test_what_the_history_refuses_is_one_dead_letter_and_the_incident_is_there(
    settings: Settings,
) -> None:
    """The first is too long with its revision, the second nobody takes."""
    settings, long = with_history(settings), incident("x" * 512)
    bad = incident("a1").model_copy(update={"symptom_count": 2**70})
    publish(settings.kafka, [long, bad, incident("a2")])
    with indexing(settings):
        await_all(settings, within_s=60)
    found = letters(read_to_end(settings.kafka, [rejected(settings.kafka.topic_prefix)]))
    assert sorted(one.value or b"" for one in found) == sorted(map(canonical, (long, bad)))
    assert stored(settings).keys() == {long.id, "a2"}
    assert history(settings) == [("a2-1", "a2", 1)]

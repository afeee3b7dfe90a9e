"""The index role: revisions of incidents → the store, at its own pace.

In: the incidents topic, as the group ``<prefix>-index``. Out: the store, and whatever is no
incident to the rejected topic. Offsets are committed only after the store has acknowledged. The
store or the broker being away never loses anything: the position is kept, and tried again.
"""

import random
import threading
from collections.abc import Mapping, Sequence
from typing import Any

from kafka import TopicPartition  # type: ignore[import-untyped]  # it ships no types
from kafka.consumer.subscription_state import (  # type: ignore[import-untyped]
    ConsumerRebalanceListener,
)
from kafka.errors import KafkaError  # type: ignore[import-untyped]

from pipeline import clock
from pipeline.broker import clients, topics
from pipeline.broker.ensure import ensure_topics
from pipeline.broker.message import Message
from pipeline.broker.producer import ObservationPublisher
from pipeline.broker.revisions import Folded
from pipeline.errors import BrokenWorld
from pipeline.health import Health
from pipeline.settings import Settings
from pipeline.store import IncidentStore, open_store

POLL_MS = 500
"""Also how soon a stop is noticed."""
MAX_RECORDS = 100
"""Revisions in one transaction: at most some 120 kB each, 12 MB."""
PROBE_S = 2.0
ANSWER_MS = 2_000
"""An answer takes milliseconds; and stopping must not wait long for one that never comes."""
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 10.0
"""Well below the five minutes after which the group would take an idle member's partitions."""


def run_index(settings: Settings, stop: threading.Event, health: Health) -> None:
    """Bring incidents into the store until told to stop.

    Raises:
        BrokenWorld: broker or store cannot be reached at the start (later: waited for).
        UsageError: the store's URL is none of ours.
        AftershockError: the topics are not as they must be.
    """
    store = open_store(settings.store)
    try:
        ensure_topics(settings.kafka)
        health.beat()
        with ObservationPublisher(settings.kafka) as publisher:
            Index(settings, store, publisher, health).run(stop)
    finally:
        store.close()


def carry_out(folded: Folded, store: IncidentStore, publisher: ObservationPublisher) -> None:
    """Write to the store, publish what was rejected; return when all is acknowledged.

    Raises:
        BrokenWorld: something was not; all of it may be done again.
    """
    kept = [incident for incident in folded.latest.values() if incident is not None]
    if kept:
        store.put(kept)
    gone = [key for key, incident in folded.latest.items() if incident is None]
    if gone:
        store.delete(gone)
    for rejected in folded.rejected:
        publisher.rejected(rejected)
    publisher.flush()


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]  # of an untyped library
    def __init__(self, health: Health) -> None:
        self._health = health

    def on_partitions_revoked(self, revoked: object) -> None:
        del revoked
        self._health.waiting("partitions are being handed over")

    def on_partitions_assigned(self, assigned: object) -> None:
        del assigned
        self._health.waiting(None)


class Index:
    """The loop around one consumer; see :func:`run_index`, which gives it what it needs."""

    def __init__(
        self,
        settings: Settings,
        store: IncidentStore,
        publisher: ObservationPublisher,
        health: Health,
    ) -> None:
        self._settings = settings
        self._store = store
        self._publisher = publisher
        self._health = health
        self._uncommitted = False
        self._next_probe = 0.0
        self._pause_s = FIRST_PAUSE_S

    def run(self, stop: threading.Event) -> None:
        """Bring incidents into the store until told to stop."""
        kafka = self._settings.kafka
        session_ms = int(self._settings.worker.session_timeout_s * 1000)
        self._consumer: Any = clients.consumer(
            kafka,
            group_id=topics.group(kafka.topic_prefix, "index"),
            max_poll_records=MAX_RECORDS,
            session_timeout_ms=session_ms,
            heartbeat_interval_ms=max(300, session_ms // 3),
        )
        try:
            self._consumer.subscribe(
                [topics.incidents(kafka.topic_prefix)], listener=_Listener(self._health)
            )
            while not stop.is_set():
                self._turn(stop)
        finally:
            self._consumer.close(autocommit=False, timeout_ms=3000)

    def _turn(self, stop: threading.Event) -> None:
        try:
            self._take(self._consumer.poll(timeout_ms=POLL_MS))
            self._commit()
            self._probe()
        except BrokenWorld as trouble:
            self._back_off(str(trouble), stop)
        except KafkaError as trouble:
            self._back_off(f"Kafka: {trouble}", stop)
        else:
            self._pause_s = FIRST_PAUSE_S
            self._health.trouble(None)

    def _take(self, polled: Mapping[Any, Sequence[Any]]) -> None:
        """Bring what was polled into the store; on trouble stand where we stood before."""
        if not polled:
            return
        folded = Folded()
        for records in polled.values():
            for record in records:
                folded.take(_message(record))
        try:
            carry_out(folded, self._store, self._publisher)
        except BrokenWorld:
            self._stand_back(polled)
            raise
        self._uncommitted = True
        self._health.count("incidents", len(folded.latest))
        if folded.rejected:
            self._health.count("rejected", sum(part.last for part in folded.rejected))

    def _stand_back(self, polled: Mapping[Any, Sequence[Any]]) -> None:
        """Read the same again next time, those partitions that are still ours."""
        own = self._consumer.assignment()
        for partition, records in polled.items():
            if partition in own:
                self._consumer.seek(partition, records[0].offset)

    def _commit(self) -> None:
        """Commit what is in the store; a commit that fails is tried again on the next turn."""
        if self._uncommitted:
            self._consumer.commit(timeout_ms=ANSWER_MS)
            self._uncommitted = False
            self._next_probe = 0.0

    def _probe(self) -> None:
        """Ask the broker where the ends are: it answers, and we know how far we are behind."""
        now = clock.monotonic()
        if now < self._next_probe:
            return
        self._next_probe = now + PROBE_S
        own = list(self._consumer.assignment())
        # a spare worker without partitions must know too whether the broker answers
        asked = own or [TopicPartition(topics.incidents(self._settings.kafka.topic_prefix), 0)]
        ends = self._consumer.end_offsets(asked, timeout_ms=ANSWER_MS)
        self._health.beat()
        position = end = 0
        for partition in own:
            at = self._consumer.position(partition, timeout_ms=ANSWER_MS) or 0
            position += at
            # the embedded broker's ends of compacted topics are too low
            end += max(ends[partition], self._consumer.highwater(partition) or 0, at)
        self._health.progress(position, end)

    def _back_off(self, what: str, stop: threading.Event) -> None:
        self._health.trouble(" ".join(what.split()))
        self._health.count("retries")
        clock.wait(stop, random.uniform(self._pause_s / 2, self._pause_s))  # noqa: S311 - jitter, not a secret
        self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)


def _message(record: Any) -> Message:  # noqa: ANN401 - an untyped library's record
    return Message(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        key=record.key,
        value=record.value,
        headers=tuple((name, bytes(value or b"")) for name, value in record.headers),
    )

"""The index role: revisions of incidents → the store, at its own pace.

In: the incidents topic, as the group ``<prefix>-index``. Out: the store, and whatever is no
incident to the rejected topic. Offsets are committed only after the store has acknowledged. The
store or the broker being away never loses anything: the position is kept, and tried again.
"""

import threading
from collections.abc import Mapping, Sequence
from typing import Any

from kafka import TopicPartition  # type: ignore[import-untyped]  # it ships no types
from kafka.errors import KafkaError  # type: ignore[import-untyped]

from pipeline import clock
from pipeline.broker import topics
from pipeline.broker.clients import message_of
from pipeline.broker.ensure import ensure_topics
from pipeline.broker.group import BackOff, join, member
from pipeline.broker.message import Message
from pipeline.broker.producer import ObservationPublisher
from pipeline.broker.revisions import Folded
from pipeline.errors import BrokenWorld
from pipeline.health import Health
from pipeline.settings import Settings
from pipeline.store import IncidentStore, RevisionHistory, open_store

POLL_MS = 500
"""Also how soon a stop is noticed."""
MAX_RECORDS = 500
"""Revisions taken at once: at most some 120 kB each, 60 MB; commonly 5 kB. Fewer would not bring
1,000 a second into Elasticsearch."""
PROBE_S = 2.0
ANSWER_MS = 2_000
"""An answer takes milliseconds; and stopping must not wait long for one that never comes."""


def run_index(settings: Settings, stop: threading.Event, health: Health) -> None:
    """Bring incidents into the store until told to stop.

    Raises:
        BrokenWorld: broker or store cannot be reached at the start (later: waited for).
        UsageError: the store's URL is none of ours.
        AftershockError: the topics are not as they must be.
    """
    store = open_store(settings.store, settings.elasticsearch)
    try:
        ensure_topics(settings.kafka)
        health.beat()
        with ObservationPublisher(settings.kafka) as publisher:
            Index(settings, store, publisher, health).run(stop)
    finally:
        store.close()


def carry_out(
    messages: Sequence[Message],
    store: IncidentStore,
    publisher: ObservationPublisher,
    *,
    keep_aged: bool = False,
) -> Folded:
    """Bring messages into the store, publish what was rejected; return when all is acknowledged.

    What the store refuses for good is rejected, too. A store that keeps the history of revisions
    gets each one, also what is older than the latest. With ``keep_aged`` the store keeps what has
    left the topic by age.

    Raises:
        BrokenWorld: something was not; all of it may be done again.
    """
    history = store if isinstance(store, RevisionHistory) and store.keeps_history else None
    folded = Folded(revisions=None if history is None else {})
    came = {one.id: message for message in messages if (one := folded.take(message)) is not None}
    kept = folded.kept(keep_aged=keep_aged)
    if kept:
        for refused in store.put(kept):
            folded.reject(came[refused.incident.id], "invalid", refused.reason)
    if history is not None:
        _record(folded, history)
    gone = folded.gone(keep_aged=keep_aged)
    if gone:
        store.delete(gone)
    for rejected in folded.rejected:
        publisher.rejected(rejected)
    publisher.flush()
    return folded


def _record(folded: Folded, history: RevisionHistory) -> None:
    """Bring every revision into the history; what it refuses is rejected once."""
    revisions = folded.revisions or {}
    rejected = {one.where for one in folded.rejected}
    for refused in history.record([incident for incident, _ in revisions.values()]):
        _, message = revisions[refused.incident.id, refused.incident.revision]
        if message.where not in rejected:
            folded.reject(message, "invalid", f"history: {refused.reason}")


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
        self._back_off = BackOff(health)
        self._topic = topics.incidents(settings.kafka.topic_prefix)

    def run(self, stop: threading.Event) -> None:
        """Bring incidents into the store until told to stop."""
        self._consumer: Any = member(self._settings, "index", max_poll_records=MAX_RECORDS)
        try:
            join(self._consumer, [self._topic], self._health)
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
            self._back_off.wait(str(trouble), stop)
        except KafkaError as trouble:
            self._back_off.wait(f"Kafka: {trouble}", stop)
        else:
            self._back_off.reset()
            self._health.trouble(None)

    def _take(self, polled: Mapping[Any, Sequence[Any]]) -> None:
        """Bring what was polled into the store; on trouble stand where we stood before."""
        if not polled:
            return
        messages = [message_of(record) for records in polled.values() for record in records]
        try:
            folded = carry_out(
                messages, self._store, self._publisher, keep_aged=self._settings.keeps_aged
            )
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
        asked = own or [TopicPartition(self._topic, 0)]
        ends = self._consumer.end_offsets(asked, timeout_ms=ANSWER_MS)
        self._health.beat()
        position = end = 0
        for partition in own:
            at = self._consumer.position(partition, timeout_ms=ANSWER_MS) or 0
            position += at
            # the embedded broker's ends of compacted topics are too low
            end += max(ends[partition], self._consumer.highwater(partition) or 0, at)
        self._health.progress(position, end)

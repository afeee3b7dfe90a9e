"""The role adapt: topics that other collectors fill → our observation topics, keyed by node.

In: the topics of ``adapt.topics``, as the group ``<prefix>-adapt``, and what Alertmanager posts.
Out: batches, rejected records, marks of time each second (``reach`` says what they promise).

Publish before you remember: once a second everything that was taken is published and acknowledged,
then the mark is, with the counts, and only then the offsets are committed. So a kill repeats what
was taken within about a second, in batches of other sizes perhaps, and loses nothing. Whoever reads
recognises the repeats, since an observation comes out of the same record the same: detection counts
as a duplicate a line of the same container, time and text, an event's update of the same object
and count, a sample of the same series and time.

The broker being away is waited for: the position is kept, and everything since the last commit is
read again. The source is named after the host, and is a static member of its group: a restart takes
its partitions up at once (counting anew, as live sources do), and of two processes of one name the
older ends. So let the host's name be lasting, as those of a StatefulSet's pods are.
"""

import socket
import sys
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from kafka import TopicPartition  # type: ignore[import-untyped]  # it ships no types
from kafka.errors import FencedInstanceIdError, KafkaError  # type: ignore[import-untyped]
from kafka.structs import OffsetAndMetadata  # type: ignore[import-untyped]

from pipeline import clock
from pipeline.adapt.decoded import Decoder
from pipeline.adapt.formats import decoder_of
from pipeline.adapt.intake import Intake
from pipeline.adapt.reach import Reach, Spot
from pipeline.adapt.webhook import PATH, Inbox, Posted, listening
from pipeline.broker import topics
from pipeline.broker.clients import message_of
from pipeline.broker.group import BackOff, join, member
from pipeline.broker.producer import ObservationPublisher
from pipeline.errors import AftershockError, BrokenWorld, UsageError
from pipeline.flow import Flow
from pipeline.health import Health
from pipeline.records import FEEDS, Batch, Mark, Rejected, instant, micros
from pipeline.settings import Settings

POLL_MS = 100
"""Also how soon a stop, and what Alertmanager has posted, are noticed."""
MAX_RECORDS = 1_000
"""In one turn: of usual size some 2 MB."""
FLUSH_S = 0.25
"""So long an observation waits at most for others of its node."""
SETTLE_S = 1.0
"""How often there are marks and commits: what a kill repeats."""
MAX_PENDING_BYTES = 16 * 1024 * 1024
"""Of JSON that waits for its batches to fill; beyond it they are published as they are."""
LOOK_S = 1.0
"""How often the ends of the foreign topics are asked for."""
ANSWER_MS = 2_000
"""An answer takes milliseconds; and stopping must not wait long for one that never comes."""


def run_adapt(settings: Settings, flow: Flow, stop: threading.Event, health: Health) -> None:
    """Adapt until told to stop.

    Raises:
        UsageError: there is nothing to adapt, or a format is none.
        BrokenWorld: no broker answers at the start (later: it is waited for).
        AftershockError: the port of the webhook cannot be had, or another process of this name has
            taken over.
    """
    decoders = decoders_of(settings)
    inbox = Inbox()
    open_s = flow.windows.lateness_s / 2
    with listening(settings.adapt, inbox, open_s=open_s) as port:
        if port is not None:
            where = f"http://{settings.adapt.webhook_host}:{port}{PATH}"
            sys.stderr.write(f"adapt: Alertmanager may post to {where}\n")
        Adapt(settings, flow, decoders, inbox=inbox, health=health).run(stop)


def decoders_of(settings: Settings) -> dict[str, Decoder]:
    """Return the decoder of each topic.

    Raises:
        UsageError: there is nothing to adapt, a format is none, or a topic is our own.
    """
    adapt = settings.adapt
    own = {topic.name for topic in topics.table(settings.kafka)}
    for topic in adapt.topics:
        if topic in own:
            raise UsageError(f"adapt.topics: {topic} is a topic of our own")
    if not adapt.topics and adapt.webhook_port is None:
        raise UsageError(
            "nothing to adapt: name topics with their formats in AFTERSHOCK_ADAPT__TOPICS"
            ' (adapt.topics), as {"fluent-bit": "auto"}, or a port for Alertmanager in'
            " adapt.webhook_port"
        )
    return {topic: decoder_of(name) for topic, name in adapt.topics.items()}


def source_of(settings: Settings) -> str:
    """Return the name of this process in batches and marks: it is the host's, and lasts."""
    return f"{settings.adapt.source}-{socket.gethostname()}"


class Adapt:
    """The loop around one consumer and one producer; see :func:`run_adapt`."""

    def __init__(
        self,
        settings: Settings,
        flow: Flow,
        decoders: Mapping[str, Decoder],
        *,
        inbox: Inbox,
        health: Health,
    ) -> None:
        self._settings = settings
        self._topics = sorted(decoders)
        self._inbox = inbox
        self._health = health
        self._source = source_of(settings)
        self._intake = Intake(
            source=self._source,
            decoders=decoders,
            router=flow.router(),
            redactor=flow.redactor(),
        )
        self._reach = Reach()
        self._consumer: Any = None
        self._publisher: ObservationPublisher | None = None
        self._from: dict[Any, int] = {}
        """Offset of the first record of a partition that is not settled."""
        self._posted: list[Posted] = []
        self._settled = Counter(self._intake.counts)
        """Counts of what is surely published: what comes after may be read again."""
        self._next_flush = self._next_settle = self._next_look = 0.0
        self._back_off = BackOff(health)

    def run(self, stop: threading.Event) -> None:
        """Adapt until told to stop.

        Raises:
            BrokenWorld: no broker answers at the start.
            AftershockError: another process of this name has taken over.
        """
        self._consumer = member(
            self._settings, "adapt", group_instance_id=self._source, max_poll_records=MAX_RECORDS
        )
        try:
            self._connect()
            self._handing_over = join(self._consumer, self._topics, self._health)
            while not stop.is_set():
                self._turn(stop)
            self._end()
        finally:
            self._abandon()
            self._consumer.close(autocommit=False, timeout_ms=3000)

    def _turn(self, stop: threading.Event) -> None:
        try:
            self._connect()
            self._work(stop)
        except BrokenWorld as trouble:
            self._stand_back()
            self._back_off.wait(str(trouble), stop)
        except FencedInstanceIdError:
            raise AftershockError(
                f"another process is called {self._source} and has taken over: give one of them"
                " another name (adapt.source)"
            ) from None
        except KafkaError as trouble:
            self._back_off.wait(f"Kafka: {trouble}", stop)
        else:
            self._back_off.reset()
            self._health.trouble(self._missing())

    def _work(self, stop: threading.Event) -> None:
        if self._topics:
            self._take(self._consumer.poll(timeout_ms=POLL_MS))
        else:
            clock.wait(stop, POLL_MS / 1000)
            self._take({})
        self._take_posted()
        now = clock.monotonic()
        if self._posted or now >= self._next_settle:
            self._settle()
        elif now >= self._next_flush or self._intake.pending_bytes > MAX_PENDING_BYTES:
            self._publish(self._intake.flush())
            self._next_flush = now + FLUSH_S
        if now >= self._next_look:
            self._look()
            self._next_look = now + LOOK_S

    def _connect(self) -> None:
        """Have a producer."""
        if self._publisher is None:
            self._publisher = ObservationPublisher(self._settings.kafka)

    def _take(self, polled: Mapping[Any, Sequence[Any]]) -> None:
        if self._handing_over.settled:
            self._reach.assigned(self._spots())
        else:
            self._reach.released()
        now = micros(clock.now())
        for partition, records in polled.items():
            self._from.setdefault(partition, records[0].offset)
            times: list[int] = []
            for record in records:
                taken = self._intake.record(message_of(record))
                self._publish(taken.batches, taken.rejected)
                times += taken.times
            self._reach.handled((partition.topic, partition.partition), times, now)
            self._health.count("records", len(records))

    def _take_posted(self) -> None:
        for posted in self._inbox.take():
            self._posted.append(posted)
            self._publish(self._intake.alerts(posted.alerts.alerts))
            if posted.alerts.bad:
                bad, what = posted.alerts.bad, posted.alerts.trouble
                where = f"{self._source}{PATH}"
                self._publish([], self._intake.reject(posted.body, where=where, bad=bad, what=what))

    def _publish(self, batches: Sequence[Batch], rejected: Sequence[Rejected] = ()) -> None:
        publisher = self._connected
        for batch in batches:
            publisher.batch(batch)
        for part in rejected:
            publisher.rejected(part)
            self._health.count("rejected", int(part.last))

    def _settle(self, *, final: bool = False) -> None:
        """Publish everything, then the mark with the counts, then commit."""
        publisher = self._connected
        self._publish(self._intake.flush())
        publisher.flush()
        self._reach.stand(self._positions())
        time = self._reach.mark(micros(clock.now()))
        if time is not None:
            publisher.mark(
                Mark(
                    source=self._source,
                    time=instant(time),
                    feeds=FEEDS,
                    final=final,
                    counts=dict(self._intake.counts),
                )
            )
            publisher.flush()
        self._settled = Counter(self._intake.counts)
        self._commit()
        self._answer(published=True)
        self._next_settle = clock.monotonic() + SETTLE_S
        self._next_flush = clock.monotonic() + FLUSH_S

    def _commit(self) -> None:
        own = self._consumer.assignment()
        offsets = {
            partition: OffsetAndMetadata(self._consumer.position(partition), "", -1)
            for partition in self._from
            if partition in own
        }
        if offsets:
            self._consumer.commit(offsets, timeout_ms=ANSWER_MS)
        self._from.clear()

    def _look(self) -> None:
        """Ask the broker where the ends are: it answers, and we know how far we are behind."""
        own = [TopicPartition(*spot) for spot in self._spots()]
        at = micros(clock.now())
        # without partitions we must know too whether the broker answers
        asked = own or [TopicPartition(topics.rejected(self._settings.kafka.topic_prefix), 0)]
        ends = self._consumer.end_offsets(asked, timeout_ms=ANSWER_MS)
        self._health.beat()
        self._reach.looked({(p.topic, p.partition): ends[p] for p in own}, at)
        positions = self._positions()
        self._health.progress(
            sum(positions.values()),
            sum(max(ends[p], positions.get((p.topic, p.partition), 0)) for p in own),
        )

    def _positions(self) -> dict[Spot, int]:
        found = {
            spot: self._consumer.position(TopicPartition(*spot), timeout_ms=ANSWER_MS)
            for spot in self._spots()
        }
        return {spot: position for spot, position in found.items() if position is not None}

    def _spots(self) -> list[Spot]:
        return sorted((p.topic, p.partition) for p in self._consumer.assignment())

    def _missing(self) -> str | None:
        missing = [t for t in self._topics if not self._consumer.partitions_for_topic(t)]
        return f"topics are not there: {', '.join(missing)}" if missing else None

    def _stand_back(self) -> None:
        """Forget what is not settled: it is read again, those partitions that are still ours."""
        self._abandon()
        self._intake.restart(self._settled)
        self._reach.stand_back()
        own = self._consumer.assignment()
        for partition, offset in self._from.items():
            if partition in own:
                self._consumer.seek(partition, offset)
        self._from.clear()
        self._answer(published=False)

    def _abandon(self) -> None:
        if self._publisher is not None:
            self._publisher.abandon()
            self._publisher = None

    def _answer(self, *, published: bool) -> None:
        posted, self._posted = self._posted, []
        for each in posted:
            each.settle(published=published)

    @property
    def _connected(self) -> ObservationPublisher:
        if self._publisher is None:
            raise BrokenWorld("not connected")
        return self._publisher

    def _end(self) -> None:
        """Settle a last time, and say that nothing more comes; what cannot be, is read again."""
        try:
            self._settle(final=True)
        except (BrokenWorld, KafkaError) as trouble:
            self._health.trouble(" ".join(str(trouble).split()))

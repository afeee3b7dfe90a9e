"""Parcels → Kafka, and what the broker has of them, in the order in which they were given.

Around kafka-python's producer, which has a thread of its own: nothing here waits, but for
:meth:`Carrier.connect`. One producer lives as long as it can: while it does, everything is written
once and in order, also when the broker is killed and comes back (it is idempotent, and it never
gives up). When it fails for good, all that it has not brought is sent again by a new one, in the
same order: then messages may come twice, and each partition's order still holds.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from kafka import KafkaProducer  # type: ignore[import-untyped]  # it ships no types
from kafka.errors import (  # type: ignore[import-untyped]
    InvalidRecordError,
    KafkaError,
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
)

from pipeline import clock
from pipeline.broker import clients, topics
from pipeline.errors import BrokenWorld
from pipeline.live.outbox.acknowledged import Place
from pipeline.live.outbox.waiting import Parcel
from pipeline.settings import KafkaSettings

DELIVERY_S = 24 * 3600.0
"""How long one producer goes on trying: longer than any buffer lasts. A shorter time would only end
the guarantee that nothing is written twice."""
_BLOCK_S = 0.005
"""How long `send` may wait for a topic that the client does not know: it does at the start, and
for a moment after a restart of the broker."""
_PAUSE_S = 0.5
"""After that happened."""
_LOOK_S = 0.1

_REFUSALS = (MessageSizeTooLargeError, RecordListTooLargeError, InvalidRecordError)
"""Will never be taken: the broker's limits are lower than ours."""


@dataclass(frozen=True, slots=True)
class Landed:
    """A parcel that is no longer under way."""

    number: int | None
    parcel: Parcel
    places: Sequence[Place]
    refused: str | None = None
    """Why the broker will never take it; None: it has it."""


@dataclass(slots=True)
class _Flying:
    number: int | None
    parcel: Parcel
    size: int
    since: float
    sent: list[Any] = field(default_factory=list)
    """The client's futures, one for each partition."""
    refused: str | None = None


class Carrier:
    """Carries parcels; all methods but :meth:`connect` belong to one thread."""

    def __init__(self, kafka: KafkaSettings) -> None:
        self._kafka = kafka
        observed = topics.observation_topics(kafka.topic_prefix)
        numbers = range(kafka.partitions.observations)
        self._everywhere = [(topic, number) for topic in observed for number in numbers]
        self._topics = (
            *observed,
            topics.topology(kafka.topic_prefix),
            topics.ingest(kafka.topic_prefix),
            topics.rejected(kafka.topic_prefix),
        )
        self._producer: KafkaProducer | None = None
        self._fresh: KafkaProducer | None = None
        self._failed: list[KafkaProducer] = []
        self._closed = False
        self._flying: deque[_Flying] = deque()
        self._not_before = 0.0
        self._landed_at = clock.monotonic()
        self.bytes = 0
        """Under way."""
        self.sent_again = 0
        """Parcels that had to be sent a second time."""
        self.trouble: str | None = None
        """Why the last producer failed, or a parcel could not be given to it."""

    @property
    def connected(self) -> bool:
        """Whether there is a producer, and it has not failed."""
        return self._producer is not None

    @property
    def idle(self) -> bool:
        """Whether nothing is under way."""
        return not self._flying

    @property
    def oldest(self) -> float | None:
        """When the oldest parcel under way was put; None: there is none."""
        return self._flying[0].parcel.put_at if self._flying else None

    @property
    def silent_s(self) -> float:
        """For how long something has been under way and nothing was acknowledged, in seconds."""
        if not self._flying:
            return 0.0
        return clock.monotonic() - max(self._landed_at, self._flying[0].since)

    def connect(self) -> None:
        """Make a producer that has found the broker and our topics; waits for it.

        :meth:`take_over` uses it. From any thread, one at a time.

        Raises:
            BrokenWorld: no broker answers, or a topic is missing.
        """
        while self._failed:
            clients.abandon(self._failed.pop())
        producer = clients.producer(
            self._kafka, delivery_timeout_s=DELIVERY_S, max_block_s=_BLOCK_S
        )
        try:
            with clients.told(self._kafka):
                self._meet(producer)
        except BrokenWorld:
            clients.abandon(producer)
            raise
        self._fresh = producer
        if self._closed:
            self.close()

    def _meet(self, producer: KafkaProducer) -> None:
        deadline = clock.monotonic() + self._kafka.connect_timeout_s
        for topic in self._topics:
            while not _known(producer, topic):
                if clock.monotonic() > deadline:
                    raise BrokenWorld(
                        f"Kafka at {self._kafka.bootstrap_servers} does not tell of the topic"
                        f" {topic}: is it there? See `aftershock topics ensure`"
                    )
                clock.sleep(_LOOK_S)

    def take_over(self) -> int:
        """Use the new producer; send again what the one before has not brought.

        Return the number behind the last parcel that was sent again; 0: there was none.
        """
        self._producer, self._fresh = self._fresh, None
        self._not_before = 0.0
        upto = 0
        for flying in self._flying:
            flying.refused = flying.refused or _refusal(flying.sent)
            if flying.refused is None:
                before = flying.sent
                self.sent_again += 1
                upto = upto if flying.number is None else flying.number + 1
                if not self._send(flying, before):
                    break
        return upto

    def carry(self, number: int | None, parcel: Parcel) -> bool:
        """Take a parcel; False: not now."""
        now = clock.monotonic()
        if self._producer is None or now < self._not_before:
            return False
        size = parcel.size * (len(self._everywhere) if parcel.topic is None else 1)
        flying = _Flying(number, parcel, size, now)
        if not self._send(flying):
            return False
        self._flying.append(flying)
        self.bytes += size
        return True

    def landed(self) -> Iterator[Landed]:
        """Yield what the broker has, in order; what it will never have, with the reason."""
        while self._flying:
            first = self._flying[0]
            if first.refused is None:
                if not all(sent.is_done for sent in first.sent):
                    return
                failed = next((sent for sent in first.sent if sent.failed()), None)
                if failed is not None:
                    first.refused = _refusal(first.sent)
                    self._fail(failed.exception)
                    if first.refused is None:
                        return
            self._flying.popleft()
            self.bytes -= first.size
            self._landed_at = clock.monotonic()
            if self._producer is not None:
                self.trouble = None
            yield Landed(first.number, first.parcel, _places(first), first.refused)

    def close(self) -> None:
        """Disconnect at once; waits for the client's thread, so from any other thread."""
        self._closed = True
        for producer in (self._producer, self._fresh, *self._failed):
            if producer is not None:
                clients.abandon(producer)
        self._producer = self._fresh = None
        self._failed.clear()

    def _send(self, flying: _Flying, before: Sequence[Any] = ()) -> bool:
        """Send to each partition that does not have it yet; False: not now."""
        if self._producer is None:
            return False
        try:
            flying.sent = [
                before[at] if at < len(before) and before[at].succeeded() else self._sent(*goal)
                for at, goal in enumerate(self._goals(flying.parcel))
            ]
        except MessageSizeTooLargeError as trouble:
            flying.refused = _line(trouble)
        except KafkaTimeoutError as trouble:  # a topic that is not known for the moment
            self.trouble = _line(trouble)
            self._not_before = clock.monotonic() + _PAUSE_S
            return False
        except (KafkaError, ValueError) as trouble:
            self._fail(trouble)
            return False
        return True

    def _goals(self, parcel: Parcel) -> list[tuple[KafkaProducer, Parcel, str, int | None]]:
        places = self._everywhere if parcel.topic is None else [(parcel.topic, parcel.partition)]
        return [(self._producer, parcel, topic, partition) for topic, partition in places]

    @staticmethod
    def _sent(producer: KafkaProducer, parcel: Parcel, topic: str, partition: int | None) -> Any:  # noqa: ANN401 - the untyped client's future
        future = producer.send(
            topic,
            key=parcel.key,
            value=parcel.value,
            partition=partition,
            headers=list(parcel.headers),
        )
        # in the client's own thread, before it sends anything more: so nothing that came later can
        # be written before what has failed
        future.add_errback(lambda _: clients.stop(producer))
        return future

    def _fail(self, trouble: BaseException) -> None:
        self.trouble = f"publishing failed: {_line(trouble)}"
        if self._producer is not None:
            clients.stop(self._producer)
            self._failed.append(self._producer)
            self._producer = None


def _known(producer: KafkaProducer, topic: str) -> bool:
    try:
        return bool(producer.partitions_for(topic))
    except KafkaTimeoutError:
        return False


def _refusal(sent: Sequence[Any]) -> str | None:
    """Return why the broker will never take one of these; None: nothing like that was said."""
    for each in sent:
        if each.failed() and isinstance(each.exception, _REFUSALS):
            return _line(each.exception)
    return None


def _places(flying: _Flying) -> list[Place]:
    """Return where a parcel lies; a repeated message, which the broker had, has no offset."""
    if flying.refused is not None:
        return []
    values = [each.value for each in flying.sent]
    return [(each.topic, each.partition, each.offset) for each in values if each.offset >= 0]


def _line(trouble: BaseException) -> str:
    return " ".join(str(trouble).split())[:300] or type(trouble).__name__

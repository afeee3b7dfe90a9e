"""A topic from its beginning to its end, or on and on.

In: settings, topics. Out: messages in the order of each partition. No consumer group, nothing is
committed: any number of people may look at once.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Self

from kafka import TopicPartition  # type: ignore[import-untyped]  # it ships no types
from kafka.structs import OffsetAndMetadata  # type: ignore[import-untyped]

from pipeline.broker import clients
from pipeline.broker.clients import message_of
from pipeline.broker.message import Message
from pipeline.clock import monotonic
from pipeline.errors import AftershockError, BrokenWorld
from pipeline.records import micros
from pipeline.settings import KafkaSettings

Part = tuple[str, int]
"""A topic and the number of a partition."""

_POLL_MS = 200
_FETCH_MS = 50
_CLOSE_MS = 1_000
SILENT_S = 20.0
"""Nothing at all for so long, though there is more to read: something is wrong."""


class MissingTopics(AftershockError):  # noqa: N818 - named for what is told
    """Topics are not there."""


class TopicReader:
    """Reads topics up to the ends that they have at the start; use it as a context manager.

    With a group it begins where the group has committed; only :meth:`commit` commits.
    """

    def __init__(
        self, kafka: KafkaSettings, topics: Sequence[str], *, group: str | None = None
    ) -> None:
        """Connect.

        Raises:
            BrokenWorld: no broker answers.
            MissingTopics: a topic is not there.
        """
        self._kafka = kafka
        self._group = group
        self._client = clients.consumer(kafka, fetch_max_wait_ms=_FETCH_MS, group_id=group)
        try:
            with clients.told(kafka):
                self._partitions = _partitions(self._client, topics)
        except AftershockError:
            self._client.close(autocommit=False, timeout_ms=_CLOSE_MS)
            raise

    def __enter__(self) -> Self:
        """Return the reader."""
        return self

    def __exit__(self, *trouble: object) -> None:
        """Disconnect."""
        self._client.close(autocommit=False, timeout_ms=_CLOSE_MS)

    def to_end(self) -> Iterator[Message]:
        """Yield the messages; several partitions one after another, as they come.

        Raises:
            BrokenWorld: the broker stops answering.
        """
        with clients.told(self._kafka):
            left = ends(self._client, self._partitions)
            self._rewind()
            yield from _read(self._client, left)

    def ends(self) -> dict[Part, int]:
        """Return the offset behind the last message of each partition.

        Raises:
            BrokenWorld: the broker stops answering.
        """
        with clients.told(self._kafka):
            found = ends(self._client, self._partitions)
        return {(at.topic, at.partition): end for at, end in found.items()}

    def between(self, starts: Mapping[Part, int], until: Mapping[Part, int]) -> Iterator[Message]:
        """Yield the messages from offsets on, up to others, of the partitions that have both.

        What retention has deleted is passed over.

        Raises:
            BrokenWorld: the broker stops answering.
        """
        with clients.told(self._kafka):
            first = self._client.beginning_offsets(self._partitions)
            left: dict[Any, int] = {}
            for at in self._partitions:
                start = max(starts.get((at.topic, at.partition), -1), int(first[at]))
                end = until.get((at.topic, at.partition), -1)
                self._client.seek(at, max(start, 0))
                if (at.topic, at.partition) in starts and start < end:
                    left[at] = end
                else:
                    self._client.pause(at)
            yield from _read(self._client, left)
            self._client.resume(*self._partitions)

    def offsets_at(self, time: datetime) -> dict[Part, int]:
        """Return the offset of the first message that was published at a time or later.

        A partition without one is left out. The embedded broker cannot tell: it says 0.

        Raises:
            BrokenWorld: the broker stops answering.
        """
        with clients.told(self._kafka):
            asked = dict.fromkeys(self._partitions, micros(time) // 1000)
            found = self._client.offsets_for_times(asked)
        return {(at.topic, at.partition): place.offset for at, place in found.items() if place}

    def last(self) -> Iterator[Message]:
        """Yield the last message of each partition that has one.

        Raises:
            BrokenWorld: the broker stops answering.
        """
        with clients.told(self._kafka):
            left = {at: end for at, end in ends(self._client, self._partitions).items() if end}
            for at, end in left.items():
                self._client.seek(at, end - 1)
            yield from _read(self._client, left)

    def commit(self, *, keep_from: Iterable[tuple[int, int]] = ()) -> None:
        """Remember for the group what was read, but not from those (partition, offset) on.

        Raises:
            BrokenWorld: the broker is away; the same comes again next time.
        """
        first: dict[int, int] = {}
        for number, offset in keep_from:
            first[number] = min(offset, first.get(number, offset))
        with clients.told(self._kafka):
            offsets = {}
            for at in self._partitions:
                position = self._client.position(at)
                upto = min(position, first.get(at.partition, position))
                offsets[at] = OffsetAndMetadata(upto, "", -1)
            self._client.commit(offsets)

    def _rewind(self) -> None:
        self._client.seek_to_beginning(*self._partitions)
        if self._group is None:
            return
        for at in self._partitions:
            committed = self._client.committed(at)
            # what retention has deleted meanwhile cannot be read again
            if committed is not None and committed > self._client.position(at):
                self._client.seek(at, committed)


def read_to_end(
    kafka: KafkaSettings, topics: Sequence[str], *, group: str | None = None
) -> Iterator[Message]:
    """Yield all messages of topics, up to the ends that they have now (see :class:`TopicReader`).

    Raises:
        BrokenWorld: no broker answers, or it stops answering.
        MissingTopics: a topic is not there.
    """
    with TopicReader(kafka, topics, group=group) as reader:
        yield from reader.to_end()


def follow(kafka: KafkaSettings, topic: str, *, from_start: bool) -> Iterator[Message | None]:
    """Yield messages as they come, for ever; None whenever there was none for a moment.

    Raises:
        BrokenWorld: no broker answers at first (later the client tries again by itself).
        MissingTopics: the topic is not there.
    """
    client = clients.consumer(kafka)
    try:
        with clients.told(kafka):
            partitions = _partitions(client, [topic])
            at = ends(client, partitions)
            if from_start:
                client.seek_to_beginning(*partitions)
            else:
                for partition in partitions:
                    client.seek(partition, at[partition])
            while True:
                found = [message for _, message in _polled(client)]
                yield from found
                if not found:
                    yield None
    finally:
        client.close(autocommit=False, timeout_ms=_CLOSE_MS)


def ends(client: Any, partitions: Sequence[Any]) -> dict[Any, int]:  # noqa: ANN401 - an untyped library's consumer
    """Return the offset behind the last message of each partition, which the client is assigned.

    The end is taken from an answer with messages: the embedded broker's own list of ends is too
    low for compacted topics. Afterwards the client stands near the ends.

    Raises:
        BrokenWorld: the broker stops answering.
    """
    listed = client.end_offsets(partitions)
    for partition in partitions:
        client.seek(partition, listed[partition])
    deadline = monotonic() + SILENT_S
    while any(client.highwater(partition) is None for partition in partitions):
        client.poll(timeout_ms=_POLL_MS)
        if monotonic() > deadline:
            raise BrokenWorld("the broker does not tell the ends of its topics; try again")
    return {
        partition: max(int(listed[partition]), int(client.highwater(partition)))
        for partition in partitions
    }


def _partitions(client: Any, topics: Sequence[str]) -> list[Any]:  # noqa: ANN401 - see above
    known = client.topics()
    missing = [topic for topic in topics if topic not in known]
    if missing:
        raise MissingTopics(
            f"topics are missing: {', '.join(missing)}; run `aftershock topics ensure`"
        )
    found = [
        TopicPartition(topic, number)
        for topic in topics
        for number in sorted(client.partitions_for_topic(topic) or ())
    ]
    client.assign(found)
    return found


def _read(client: Any, left: dict[Any, int]) -> Iterator[Message]:  # noqa: ANN401 - see above
    last_moved = monotonic()
    while left := {at: end for at, end in left.items() if client.position(at) < end}:
        for at, message in _polled(client):
            last_moved = monotonic()
            if message.offset < left.get(at, 0):
                yield message
        if monotonic() - last_moved > SILENT_S:
            names = ", ".join(sorted({at.topic for at in left}))
            raise BrokenWorld(f"the broker has stopped answering for {names}; try again")


def _polled(client: Any) -> Iterator[tuple[Any, Message]]:  # noqa: ANN401 - see above
    for at, records in client.poll(timeout_ms=_POLL_MS).items():
        for record in records:
            yield at, message_of(record)

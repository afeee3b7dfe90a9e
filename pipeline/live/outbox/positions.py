"""What has been published already, as the broker knows it: read back at the start of ingest.

In: the topic of positions, and of the observation topics what came after the last of our own. Out:
how far each log, each query and each event has been published. What was published and not yet
remembered when we were killed is found here, so that it is recognised when the sources give it
again. Blocking; nothing is written.

Positions of logs are taken from all sources: a container may have been another shard's. What that
shard published after its last position is not read back: it is killed and taken over at once only
where a person changes the number of shards, and those few seconds of lines then come twice.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from pydantic import ValidationError

from pipeline.broker import topics
from pipeline.broker.message import Message
from pipeline.broker.tail import Part, TopicReader, read_to_end
from pipeline.ingest.encoding import head_of
from pipeline.live.logs.cursor import Cursor
from pipeline.records import Batch, Event, Log, LogPosition, Metric, Positions
from pipeline.settings import KafkaSettings

_BATCH = b'{"kind":"batch",'


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What a start begins with."""

    containers: dict[str, LogPosition]
    """By ``namespace/pod/uid/container``, of all sources."""
    own: frozenset[str]
    """Those of them that this source was reading when it ended."""
    queries: dict[str, datetime]
    """Time up to which each query for metrics has been published, by any source."""
    offsets: dict[str, int]
    """Where the observation topics stood (``topic/partition``) when this was found out: for the
    outbox."""
    read_back: int
    """Observations of our own that were newer than what had been remembered."""
    unreadable: int
    """Messages that were passed over."""


def restore(
    kafka: KafkaSettings, source: str, *, on_metric: Callable[[Metric], None] | None = None
) -> Restored:
    """Return what has been published; ``on_metric`` is told each sample that is read back.

    Without positions of its own a source has published nothing: it remembers where it begins
    before it does (see :meth:`pipeline.live.outbox.outbox.Outbox.checkpoint`).

    Raises:
        BrokenWorld: the broker is away, or stops answering.
        AftershockError: a topic is not there.
    """
    remembered = Remembered.of(read_to_end(kafka, [topics.ingest(kafka.topic_prefix)]))
    back = ReadBack(source, remembered.containers(), on_metric)
    with TopicReader(kafka, topics.observation_topics(kafka.topic_prefix)) as reader:
        ends = reader.ends()
        for message in reader.between(remembered.starts(source, ends), ends):
            back.take(message)
    return Restored(
        containers=back.containers(),
        own=remembered.own(source) | back.read(),
        queries=remembered.queries(),
        offsets={f"{topic}/{number}": end for (topic, number), end in ends.items()},
        read_back=back.observations,
        unreadable=remembered.unreadable + back.unreadable,
    )


def restored_queries(kafka: KafkaSettings) -> dict[str, datetime]:
    """Return the time up to which each query for metrics has been published, by any source.

    Raises:
        BrokenWorld: the broker is away, or stops answering.
        AftershockError: the topic is not there.
    """
    return Remembered.of(read_to_end(kafka, [topics.ingest(kafka.topic_prefix)])).queries()


def seen_events(kafka: KafkaSettings, since: datetime) -> dict[str, int]:
    """Return the highest count published of each event (``source_uid``), by any source.

    ``since`` is a time of publishing, and so also of the events: none is published before it
    happens.

    Raises:
        BrokenWorld: the broker is away, or stops answering.
        AftershockError: the topic is not there.
    """
    with TopicReader(kafka, [topics.observations(kafka.topic_prefix, "event")]) as reader:
        ends = reader.ends()
        return highest_counts(reader.between(reader.offsets_at(since), ends))


def highest_counts(messages: Iterable[Message]) -> dict[str, int]:
    """Return the highest count of each event among messages. Pure."""
    highest: dict[str, int] = {}
    for message in messages:
        batch = _batch(message, _BATCH)
        for event in () if batch is None else batch.observations:
            if isinstance(event, Event) and event.source_uid is not None:
                known = highest.get(event.source_uid, 0)
                highest[event.source_uid] = max(known, event.count)
    return highest


class Remembered:
    """The latest positions of every part of every source; pure."""

    def __init__(self) -> None:
        self._latest: dict[bytes, Positions] = {}
        self.unreadable = 0

    @classmethod
    def of(cls, messages: Iterable[Message]) -> "Remembered":
        """Fold a compacted topic: of each key the last counts, and nothing deletes it."""
        remembered = cls()
        for message in messages:
            key = message.key or b""
            if message.value is None:
                remembered._latest.pop(key, None)
                continue
            try:
                remembered._latest[key] = Positions.model_validate_json(message.value)
            except ValidationError:
                remembered.unreadable += 1
        return remembered

    def containers(self) -> dict[str, LogPosition]:
        """Return the position of each log, the furthest of all sources."""
        furthest: dict[str, LogPosition] = {}
        for positions in self._latest.values():
            for container, position in positions.containers.items():
                known = furthest.get(container)
                if known is None or _progress(position) > _progress(known):
                    furthest[container] = position
        return furthest

    def own(self, source: str) -> frozenset[str]:
        """Return the logs that a source has positions of."""
        own = (each.containers for each in self._latest.values() if each.source == source)
        return frozenset(container for containers in own for container in containers)

    def queries(self) -> dict[str, datetime]:
        """Return the time of each query, the furthest of all sources."""
        furthest: dict[str, datetime] = {}
        for positions in self._latest.values():
            for query, time in positions.queries.items():
                furthest[query] = max(time, furthest.get(query, time))
        return furthest

    def starts(self, source: str, ends: dict[Part, int]) -> dict[Part, int]:
        """Return from where on a source is read back; nothing where it remembers nothing.

        The least of its parts counts: what is read twice changes nothing. Beyond the end lies what
        was there before the topic was made anew: then all of it is read.
        """
        own = [each.offsets for each in self._latest.values() if each.source == source]
        starts: dict[Part, int] = {}
        for part, end in ends.items() if own else ():
            name = f"{part[0]}/{part[1]}"
            offsets = [offsets.get(name, 0) for offsets in own]
            starts[part] = min(offset if offset <= end else 0 for offset in offsets)
        return starts


class ReadBack:
    """Moves positions on by what a source has published; pure."""

    def __init__(
        self,
        source: str,
        containers: dict[str, LogPosition],
        on_metric: Callable[[Metric], None] | None = None,
    ) -> None:
        self._head = head_of(source)
        self._containers = containers
        self._cursors: dict[str, Cursor] = {}
        self._on_metric = on_metric
        self.observations = 0
        self.unreadable = 0

    def take(self, message: Message) -> None:
        """Take a message of an observation topic, in the order of its partition."""
        if message.value is None or not message.value.startswith(self._head):
            return
        batch = _batch(message, self._head)
        if batch is None:
            self.unreadable += 1
            return
        self.observations += len(batch.observations)
        for observation in batch.observations:
            if isinstance(observation, Log):
                self._log(observation)
            elif isinstance(observation, Metric) and self._on_metric is not None:
                self._on_metric(observation)

    def containers(self) -> dict[str, LogPosition]:
        """Return the positions as they are now."""
        moved = ((name, cursor.position()) for name, cursor in self._cursors.items())
        return self._containers | {name: at for name, at in moved if at is not None}

    def read(self) -> frozenset[str]:
        """Return the logs of which lines were read back."""
        return frozenset(self._cursors)

    def _log(self, log: Log) -> None:
        if log.namespace is None or log.pod is None or log.pod_uid is None or log.container is None:
            return
        name = f"{log.namespace}/{log.pod}/{log.pod_uid}/{log.container}"
        cursor = self._cursors.get(name)
        if cursor is None:
            cursor = self._cursors[name] = Cursor.of(self._containers.get(name))
        cursor.published(log.time, log.message)


def _batch(message: Message, head: bytes) -> Batch | None:
    if message.value is None or not message.value.startswith(head):
        return None
    try:
        return Batch.model_validate_json(message.value)
    except ValidationError:
        return None


def _progress(position: LogPosition) -> tuple[datetime, int, int]:
    return position.through, position.restarts, len(position.recent)

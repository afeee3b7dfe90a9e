"""What a source of observations publishes: batches, marks, rejected records; acknowledged.

In: records. Out: Kafka records, each on the partition that its key says (murmur2, as all our
clients do). What is not yet acknowledged is bounded: beyond it publishing waits, and so does
whoever reads. A record that fails for good raises; nothing is lost in silence.
"""

from collections import deque
from collections.abc import Sequence
from functools import lru_cache
from types import TracebackType
from typing import Any, Self

from kafka.partitioner.default import murmur2  # type: ignore[import-untyped]  # no types

from pipeline.broker import clients, topics
from pipeline.errors import BrokenWorld
from pipeline.records import Batch, Mark, Rejected, canonical
from pipeline.settings import KafkaSettings

MAX_PENDING_BYTES = 32 * 1024 * 1024
"""Not yet acknowledged: some 500 batches of 64 kB, several round trips of a fast broker."""
MAX_CACHED = 65_536
"""Nodes whose partition is remembered; the hash takes about 10 µs in Python."""

_CLOSE_S = 5.0
_POSITIVE = 0x7FFFFFFF


@lru_cache(maxsize=MAX_CACHED)
def partition_of(key: bytes, partitions: int) -> int:
    """Return the partition of a key as Kafka's own clients choose it."""
    return int((murmur2(key) & _POSITIVE) % partitions)


class ObservationPublisher:
    """Publishes for one source; use it as a context manager."""

    def __init__(self, kafka: KafkaSettings) -> None:
        """Connect.

        Raises:
            BrokenWorld: no broker answers.
        """
        self._kafka = kafka
        self._partitions = kafka.partitions.observations
        self._topics = topics.observation_topics(kafka.topic_prefix)
        self._rejected = topics.rejected(kafka.topic_prefix)
        self._pending: deque[tuple[Any, int]] = deque()
        self._pending_bytes = 0
        self._producer = clients.producer(kafka)

    def batch(self, batch: Batch) -> None:
        """Publish a batch, keyed by its node, on the topic of its signal."""
        key = batch.node.encode()
        topic = topics.observations(self._kafka.topic_prefix, batch.signal)
        self._send(topic, key, canonical(batch), partition_of(key, self._partitions))

    def mark(self, mark: Mark) -> None:
        """Publish a mark on every partition of all three topics.

        A partition keeps the order, so the mark comes after every batch that was published before.
        """
        value = canonical(mark)
        for topic in self._topics:
            for partition in range(self._partitions):
                self._send(topic, None, value, partition)

    def rejected(self, rejected: Rejected) -> None:
        """Publish a rejected record: its own bytes, key and headers, the reason in headers."""
        headers = (*rejected.headers, *rejection_headers(rejected))
        self._send(self._rejected, rejected.key, rejected.value, None, headers=headers)

    def again(self, topic: str, key: bytes | None, value: bytes) -> None:
        """Publish a value as it once was on one of the observation topics."""
        partition = None if key is None else partition_of(key, self._partitions)
        self._send(topic, key, value, partition)

    def flush(self) -> None:
        """Return when everything is acknowledged.

        Raises:
            BrokenWorld: something was not, for good.
        """
        self._settle(0)

    def __enter__(self) -> Self:
        """Return the publisher."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        trouble: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Wait for what is under way, unless something has gone wrong already; disconnect."""
        if kind is not None:
            self.abandon()
            return
        try:
            self.flush()
        except BrokenWorld:
            self.abandon()
            raise
        self._producer.close(timeout=_CLOSE_S)

    def abandon(self) -> None:
        """Disconnect at once; what is not acknowledged is given up."""
        clients.abandon(self._producer)

    def _send(
        self,
        topic: str,
        key: bytes | None,
        value: bytes,
        partition: int | None,
        *,
        headers: Sequence[tuple[str, bytes]] = (),
    ) -> None:
        size = len(value) + len(key or b"")
        self._settle(MAX_PENDING_BYTES - size)
        with clients.told(self._kafka):
            sent = self._producer.send(
                topic, key=key, value=value, partition=partition, headers=list(headers)
            )
        self._pending.append((sent, size))
        self._pending_bytes += size

    def _settle(self, bound: int) -> None:
        """Take what is acknowledged off the list; wait while more than the bound is pending."""
        with clients.told(self._kafka):
            while self._pending and (
                self._pending_bytes > bound or bound == 0 or self._pending[0][0].is_done
            ):
                sent, size = self._pending.popleft()
                self._pending_bytes -= size
                # the producer itself gives up after delivery_timeout_s, unless it has not yet
                # been told its id; then we do
                sent.get(timeout=self._kafka.delivery_timeout_s + _CLOSE_S)


def rejection_headers(rejected: Rejected) -> list[tuple[str, bytes]]:
    """Return the headers that say why a record was rejected."""
    reason = {
        "code": rejected.code,
        "what": rejected.what,
        "where": rejected.where,
        "part": str(rejected.part),
        "last": "true" if rejected.last else "false",
    }
    return [
        (f"aftershock.rejected.{name}", value.encode(errors="replace"))
        for name, value in reason.items()
    ]

"""Observations → batches small enough for one Kafka record; pure.

A batch holds observations of one node and one signal, in the order in which they were added.
"""

import math
from typing import Generic, TypeVar

from pydantic import TypeAdapter

from pipeline.records import Batch, Event, Log, Metric, Signal

MAX_OBSERVATIONS = 500
"""Beyond a few hundred, the fixed cost of a message no longer counts."""
MAX_BYTES = 512 * 1024
"""Of JSON. A Kafka record may safely have 1,000,000 bytes: a batch reaches that only by a single
observation, whose recorded line may be 960 KiB (``MAX_LINE_BYTES``); names around it are short."""

T = TypeVar("T")
Key = tuple[str, Signal]
"""A node and a signal: what one batch is of."""

_COMMA = 1
TO_JSON = {
    "log": TypeAdapter(Log).serializer.to_json,
    "event": TypeAdapter(Event).serializer.to_json,
    "metric": TypeAdapter(Metric).serializer.to_json,
}
"""Half the time of going through the union; the size must be exact, since escapes and characters
beyond ASCII make a message up to six times as long as its characters."""


class _Open(Generic[T]):
    """A batch that still takes observations."""

    __slots__ = ("items", "since", "size")

    def __init__(self, since: float) -> None:
        self.items: list[T] = []
        self.size = 0
        self.since = since


class Collector(Generic[T]):
    """Collects anything by node and signal; gives what is collected when it is enough."""

    def __init__(self, *, max_items: int = MAX_OBSERVATIONS, max_bytes: int = MAX_BYTES) -> None:
        if max_items < 1 or max_bytes < 1:
            raise ValueError("a batch holds at least one observation")
        self._max_items = max_items
        self._max_bytes = max_bytes
        self._open: dict[Key, _Open[T]] = {}  # in the order in which they were begun
        self.pending_bytes = 0

    def add(self, key: Key, item: T, size: int, *, now: float = 0.0) -> list[T] | None:
        """Take an item of so many bytes; return what is full, which may be without it.

        ``now`` (seconds) is when something new is begun by it: see :meth:`flush`.
        """
        size += _COMMA
        open_ = self._open.get(key)
        full: list[T] | None = None
        if open_ is not None and open_.size + size > self._max_bytes:
            full = self.close(key)
            open_ = None
        if open_ is None:
            open_ = self._open[key] = _Open(now)
        open_.items.append(item)
        open_.size += size
        self.pending_bytes += size
        if full is None and len(open_.items) >= self._max_items:
            full = self.close(key)
        return full

    def flush(self, until: float = math.inf) -> list[tuple[Key, list[T]]]:
        """Return all that was begun up to a time, ordered by node and signal."""
        begun: list[Key] = []
        for key, open_ in self._open.items():
            if open_.since > until:
                break
            begun.append(key)
        return [(key, self.close(key)) for key in sorted(begun)]

    def close(self, key: Key) -> list[T]:
        """Return what is collected of a node and a signal; nothing where there is nothing."""
        open_ = self._open.pop(key, None)
        if open_ is None:
            return []
        self.pending_bytes -= open_.size
        return open_.items


class Batcher:
    """Collects observations by node and signal; gives a batch when one is full.

    ``pending_bytes`` is what it holds: the caller flushes when event time has moved on or when
    many nodes hold a little each.
    """

    def __init__(
        self, source: str, *, max_observations: int = MAX_OBSERVATIONS, max_bytes: int = MAX_BYTES
    ) -> None:
        self._source = source
        self._collector: Collector[Log | Event | Metric] = Collector(
            max_items=max_observations, max_bytes=max_bytes
        )

    @property
    def pending_bytes(self) -> int:
        """Bytes of JSON that wait for their batches to fill."""
        return self._collector.pending_bytes

    def add(self, node: str, observation: Log | Event | Metric) -> Batch | None:
        """Take an observation; return the batch that is full, which may be without it."""
        signal = observation.signal
        size = len(TO_JSON[signal](observation))
        full = self._collector.add((node, signal), observation, size)
        return None if full is None else self._batch(node, full)

    def flush(self) -> list[Batch]:
        """Return all batches that hold something, ordered by node and signal."""
        return [self._batch(node, items) for (node, _), items in self._collector.flush()]

    def _batch(self, node: str, observations: list[Log | Event | Metric]) -> Batch:
        return Batch(source=self._source, node=node, observations=tuple(observations))

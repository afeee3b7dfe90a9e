"""Observations → batches small enough for one Kafka record; pure.

A batch holds observations of one node and one signal, in the order in which they were added.
"""

from pydantic import TypeAdapter

from pipeline.records import Batch, Event, Log, Metric, Signal

MAX_OBSERVATIONS = 500
"""Beyond a few hundred, the fixed cost of a message no longer counts."""
MAX_BYTES = 512 * 1024
"""Of JSON. A Kafka record may safely have 1,000,000 bytes: a batch reaches that only by a single
observation, whose recorded line may be 960 KiB (``MAX_LINE_BYTES``); names around it are short."""

_COMMA = 1
_to_json = {
    "log": TypeAdapter(Log).serializer.to_json,
    "event": TypeAdapter(Event).serializer.to_json,
    "metric": TypeAdapter(Metric).serializer.to_json,
}
"""Half the time of going through the union; the size must be exact, since escapes and characters
beyond ASCII make a message up to six times as long as its characters."""


class _Open:
    """A batch that still takes observations."""

    __slots__ = ("observations", "size")

    def __init__(self) -> None:
        self.observations: list[Log | Event | Metric] = []
        self.size = 0


class Batcher:
    """Collects observations by node and signal; gives a batch when one is full.

    ``pending_bytes`` is what it holds: the caller flushes when event time has moved on or when
    many nodes hold a little each.
    """

    def __init__(
        self, source: str, *, max_observations: int = MAX_OBSERVATIONS, max_bytes: int = MAX_BYTES
    ) -> None:
        if max_observations < 1 or max_bytes < 1:
            raise ValueError("a batch holds at least one observation")
        self._source = source
        self._max_observations = max_observations
        self._max_bytes = max_bytes
        self._open: dict[tuple[str, Signal], _Open] = {}
        self.pending_bytes = 0

    def add(self, node: str, observation: Log | Event | Metric) -> Batch | None:
        """Take an observation; return the batch that is full, which may be without it."""
        size = len(_to_json[observation.signal](observation)) + _COMMA
        key = (node, observation.signal)
        batch = self._open.get(key)
        full: Batch | None = None
        if batch is not None and batch.size + size > self._max_bytes:
            full = self._close(key)
            batch = None
        if batch is None:
            batch = self._open[key] = _Open()
        batch.observations.append(observation)
        batch.size += size
        self.pending_bytes += size
        if full is None and len(batch.observations) >= self._max_observations:
            full = self._close(key)
        return full

    def flush(self) -> list[Batch]:
        """Return all batches that hold something, ordered by node and signal."""
        return [self._close(key) for key in sorted(self._open)]

    def _close(self, key: tuple[str, Signal]) -> Batch:
        batch = self._open.pop(key)
        self.pending_bytes -= batch.size
        return Batch(source=self._source, node=key[0], observations=tuple(batch.observations))

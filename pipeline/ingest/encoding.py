"""Observations → the canonical bytes of batches, each observation written once; pure.

What :class:`~pipeline.ingest.batching.Batcher` makes as values comes out here as the bytes that
``canonical`` would make of them: the pieces that were measured are joined. Half the work, and no
observation is kept.
"""

from typing import NamedTuple

from pydantic_core import to_json

from pipeline.ingest.batching import MAX_BYTES, MAX_OBSERVATIONS, TO_JSON, Collector, Key
from pipeline.records import Event, Log, Metric, Signal


class Encoded(NamedTuple):
    """A batch as it travels."""

    node: str
    signal: Signal
    observations: int
    """How many are in it."""
    value: bytes


class Encoder:
    """Collects observations by node and signal; gives an encoded batch when one is full."""

    def __init__(
        self, source: str, *, max_observations: int = MAX_OBSERVATIONS, max_bytes: int = MAX_BYTES
    ) -> None:
        self._head = head_of(source)
        self._collector: Collector[bytes] = Collector(
            max_items=max_observations, max_bytes=max_bytes
        )

    @property
    def pending_bytes(self) -> int:
        """Bytes of JSON that wait for their batches to fill."""
        return self._collector.pending_bytes

    def add(self, node: str, observation: Log | Event | Metric, now: float) -> Encoded | None:
        """Take an observation at a time (seconds); return the batch that is full."""
        key = (node, observation.signal)
        piece = TO_JSON[key[1]](observation)
        full = self._collector.add(key, piece, len(piece), now=now)
        return None if full is None else self._encoded(key, full)

    def flush(self, until: float) -> list[Encoded]:
        """Return the batches that were begun up to a time, ordered by node and signal."""
        return [self._encoded(key, pieces) for key, pieces in self._collector.flush(until)]

    def close(self, node: str, signal: Signal) -> Encoded | None:
        """Return what is collected of a node and a signal, if there is anything."""
        pieces = self._collector.close((node, signal))
        return self._encoded((node, signal), pieces) if pieces else None

    def _encoded(self, key: Key, pieces: list[bytes]) -> Encoded:
        node, signal = key
        inside = b",".join(pieces)
        value = b'%b"node":%b,"observations":[%b]}' % (self._head, to_json(node), inside)
        return Encoded(node, signal, len(pieces), value)


def head_of(source: str) -> bytes:
    """Return how every batch of a source begins: others are told apart without being read."""
    return b'{"kind":"batch","schema_version":1,"source":%b,' % to_json(source)

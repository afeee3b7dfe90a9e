"""What waits for the broker: first in, first out, packed when it waits for long; pure.

In: parcels (encoded messages) and marks. Out: the same, in the same order. It bounds nothing: its
owner asks :attr:`Waiting.held_bytes` and decides what it still puts.

Marks stand between parcels. A mark is thinned out when the next one comes close behind it: the
later promise says more, and a backlog of many minutes does not need one of each second.
"""

from collections import deque
from dataclasses import dataclass

import msgspec
import zstandard

from pipeline.live.outbox.pages import Pages
from pipeline.records import Signal

BLOCK_BYTES = 256 * 1024
"""Of parcels that are packed together: a good ratio for logs (4 to 10), half a millisecond."""
PARCEL_BYTES = 300
"""What a parcel takes in Python besides its value."""
MARK_APART_BYTES = 1024 * 1024
"""Of parcels between two marks that wait: fewer marks than MiB, and event time moves on all the
same while a backlog is worked off."""

_LEVEL = 1


class Parcel(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A message that is ready to go."""

    topic: str | None
    """None: to every partition of the observation topics (a mark)."""
    partition: int | None
    """None: as the client's own partitioner says."""
    key: bytes | None
    value: bytes | None
    """None: what has this key is deleted (of a compacted topic)."""
    put_at: float
    """When it came, in seconds of the owner's clock."""
    signal: Signal | None = None
    """Of the observations in it; None: there are none."""
    observations: int = 0
    headers: tuple[tuple[str, bytes], ...] = ()

    @property
    def size(self) -> int:
        """Bytes that it takes in memory."""
        return len(self.value or b"") + PARCEL_BYTES


@dataclass(frozen=True, slots=True)
class _WaitingMark:
    parcel: Parcel
    behind: int
    """Parcels that were put before it, ever."""
    at_bytes: int
    """Their bytes."""


class Waiting:
    """The queue. Parcels are numbered from 0 in the order in which they are put."""

    def __init__(self) -> None:
        self._head: deque[Parcel] = deque()
        self._blocks = Pages()
        self._oldest: deque[float] = deque()
        """When the first parcel of each block came."""
        self._tail: deque[Parcel] = deque()
        self._tail_bytes = 0
        self._marks: deque[_WaitingMark] = deque()
        self._put_bytes = 0
        self._taken_bytes = 0
        self._packer = zstandard.ZstdCompressor(level=_LEVEL)
        self._unpacker = zstandard.ZstdDecompressor()
        self._decoder = msgspec.msgpack.Decoder(list[Parcel])
        self.held_bytes = 0
        """What all that waits takes in memory."""
        self.put_count = 0
        """Parcels that were put, ever: the number of the next one."""
        self.taken_count = 0
        """Parcels that were taken, ever."""

    def put(self, parcel: Parcel) -> None:
        """Put a parcel behind everything."""
        size = parcel.size
        self._tail.append(parcel)
        self._tail_bytes += size
        self._put_bytes += size
        self.held_bytes += size
        self.put_count += 1

    def mark(self, parcel: Parcel) -> None:
        """Put a mark behind everything; it may take the place of the one before."""
        before = self._marks[-2].at_bytes if len(self._marks) > 1 else self._taken_bytes
        if self._marks and self._put_bytes - before < MARK_APART_BYTES:
            self._marks.pop()
        self._marks.append(_WaitingMark(parcel, self.put_count, self._put_bytes))

    def next(self) -> tuple[int | None, Parcel] | None:
        """Return what goes next, with its number (a mark has none); None: nothing waits.

        It stays until it is taken.
        """
        if self._marks and self._marks[0].behind == self.taken_count:
            return None, self._marks[0].parcel
        if not self._head:
            self._unpack()
        return (self.taken_count, self._head[0]) if self._head else None

    def take(self) -> None:
        """Take off what :meth:`next` has returned."""
        if self._marks and self._marks[0].behind == self.taken_count:
            self._marks.popleft()
            return
        size = self._head.popleft().size
        self.held_bytes -= size
        self._taken_bytes += size
        self.taken_count += 1

    def pack(self) -> None:
        """Pack what has waited for a moment: call it when nothing more can go for now."""
        while self._tail_bytes >= BLOCK_BYTES:
            parcels: list[Parcel] = []
            size = 0
            while self._tail and size < BLOCK_BYTES:
                parcels.append(self._tail.popleft())
                size += parcels[-1].size
            content = self._packer.compress(msgspec.msgpack.encode(parcels))
            self._blocks.put(content)
            self._oldest.append(parcels[0].put_at)
            self._tail_bytes -= size
            self.held_bytes += len(content) - size

    @property
    def oldest(self) -> float | None:
        """When what goes next came; None: nothing but marks waits."""
        if self._head:
            return self._head[0].put_at
        if self._oldest:
            return self._oldest[0]
        return self._tail[0].put_at if self._tail else None

    @property
    def empty(self) -> bool:
        """Whether nothing waits, not even a mark."""
        return not self._marks and self.taken_count == self.put_count

    def _unpack(self) -> None:
        """Make what goes next the head."""
        if self._blocks:
            content = self._blocks.take()
            self._oldest.popleft()
            self._head.extend(self._decoder.decode(self._unpacker.decompress(content)))
            self.held_bytes += sum(parcel.size for parcel in self._head) - len(content)
        else:
            self._head, self._tail = self._tail, self._head
            self._tail_bytes = 0

"""How far the log of one container has been published, and what of it comes a second time; pure.

A log is read again from a time stamp: after a restart of ingest, of the API server, of the
container; and the kubelet gives whole seconds, so some lines always come twice. A line is told by
(time, text). Two streams of a container may be written in slightly another order than their stamps
say, so the position is not one time: it is a time before which all is published, and the few lines
after it one by one.
"""

import zlib
from datetime import datetime

from pipeline.records import LogPosition, instant, micros

KEPT = 24
"""Lines that are known one by one: stamps of one container are in disorder by two or three lines
(its two streams); a position takes some 400 bytes."""
EARLY = 1_000_000
"""Microseconds: so much younger than a line that comes after it the first line of a log may be."""

_Key = tuple[int, int]
"""Time in microseconds, and a hash of the text."""


class Cursor:
    """The position in one log. Times are those of the lines' stamps."""

    __slots__ = ("_floor", "_newest", "_overlaps", "_recent", "restarts")

    def __init__(self) -> None:
        """Stand before the first line."""
        self._floor: int | None = None
        self._newest: int | None = None
        self._recent: dict[_Key, None] = {}
        """A set in the order of the log."""
        self._overlaps = False
        self.restarts = 0
        """Restarts of the container when this log was last read."""

    @classmethod
    def of(cls, position: LogPosition | None) -> "Cursor":
        """Return the cursor of a position that was remembered; None: of a log never read."""
        cursor = cls()
        if position is not None:
            floor = cursor._newest = cursor._floor = micros(position.through)
            for text in position.recent:
                after, _, crc = text.partition(".")
                cursor._note((floor + int(after, 16), int(crc, 16)))
            cursor.restarts = position.restarts
        return cursor

    @property
    def newest(self) -> datetime | None:
        """Time of the youngest line; None: no line is known."""
        return None if self._newest is None else instant(self._newest)

    @property
    def since(self) -> datetime | None:
        """Time from which the log must be read again; None: from its beginning."""
        through = self._through
        return None if through is None else instant(through)

    @property
    def _through(self) -> int | None:
        """Time before which nothing is news."""
        if self._floor is None and self._recent:
            return min(at for at, _ in self._recent) - EARLY
        return self._floor

    def reread(self) -> None:
        """From now on lines come again from :attr:`since` on: what is known is no news."""
        self._overlaps = self._newest is not None

    def take(self, time: datetime, text: str) -> bool:
        """Note a line; return whether it is news."""
        key = (micros(time), zlib.crc32(text.encode()))
        if self._overlaps:
            if key[0] > (self._newest or 0):
                self._overlaps = False
            elif key[0] < (self._through or 0) or key in self._recent:
                return False
        self._note(key)
        return True

    def published(self, time: datetime, text: str) -> None:
        """Note a line that was read back from the topic."""
        key = (micros(time), zlib.crc32(text.encode()))
        if key not in self._recent:
            self._note(key)

    def skip(self, time: datetime) -> None:
        """Give up all lines up to a time: they will not be published."""
        at = micros(time)
        self._floor = max(self._floor or 0, at + 1)
        self._newest = max(self._newest or 0, at)

    def position(self) -> LogPosition | None:
        """Return the position to remember; None: no line is known."""
        through = self._through
        if through is None:
            return None
        recent = (f"{at - through:x}.{crc:x}" for at, crc in self._recent if at >= through)
        return LogPosition(through=instant(through), recent=tuple(recent), restarts=self.restarts)

    def _note(self, key: _Key) -> None:
        self._newest = key[0] if self._newest is None else max(self._newest, key[0])
        self._recent[key] = None
        if len(self._recent) > KEPT:
            oldest = next(iter(self._recent))
            del self._recent[oldest]
            # a line of that very microsecond, so many lines later, is not to be expected
            self._floor = max(self._floor or 0, oldest[0] + 1)

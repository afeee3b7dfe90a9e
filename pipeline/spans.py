"""What goes on at a time: spans of time that can be asked without looking at all of them; pure."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Generic, TypeVar

T = TypeVar("T")


class Spans(Generic[T]):
    """Things that last, by start; of equal starts in the order given.

    A question looks at what starts no longer before the asked time than the longest of them lasts.
    """

    def __init__(self, things: Iterable[tuple[datetime, datetime, T]]) -> None:
        self._things = sorted(things, key=lambda thing: thing[0])
        self._starts = [start for start, _, _ in self._things]
        lengths = (end - start for start, end, _ in self._things)
        self._longest = max(lengths, default=timedelta())

    def meeting(self, first: datetime, last: datetime) -> list[T]:
        """Return what shares an instant with ``[first, last]``, both ends being part of it."""
        low = bisect_left(self._starts, first - self._longest)
        high = bisect_right(self._starts, last)
        return [thing for _, end, thing in self._things[low:high] if end >= first]

    def starting(self, first: datetime, end: datetime) -> list[T]:
        """Return what starts in ``[first, end)``."""
        low, high = bisect_left(self._starts, first), bisect_left(self._starts, end)
        return [thing for _, _, thing in self._things[low:high]]

"""The samples of one metric series: those of open minutes, and what is remembered of the rest.

Pure facts. A minute is closed when no allowed sample can fall into it any more; until then its
samples are kept one by one, in order of time, so that the order of arrival cannot matter.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator

import msgspec

MINUTE = 60_000_000
"""Length of the buckets that baselines compare, in microseconds."""
LOOK_BACK = 150_000_000
"""A counter that changed within this has increased: longer than the slowest usual scrape."""
FORGET_AFTER = 6 * 3600 * 1_000_000
"""A series that was silent for so long begins anew."""

Sample = tuple[int, float]


def keep(times: list[int], values: list[float], time: int, value: float) -> int | None:
    """Put a sample among others, sorted by time and value; return where.

    ``None`` when it is already there.
    """
    at = len(times)
    if at and time <= times[-1]:
        at = bisect_left(times, time)
        while at < len(times) and times[at] == time and values[at] < value:
            at += 1
        if at < len(times) and times[at] == time and values[at] == value:
            return None
    times.insert(at, time)
    values.insert(at, value)
    return at


class Series(msgspec.Struct, array_like=True):
    """One series."""

    name: str
    baseline: str
    """Id of the baseline that it is compared by; empty: none."""
    owner: str
    """Id of the limit that accounts for its samples; empty: the baseline does."""
    counter: bool
    increases: bool
    """A limit asks whether it has increased: samples are kept for as long as it looks back."""
    times: list[int] = msgspec.field(default_factory=list)
    values: list[float] = msgspec.field(default_factory=list)
    """Value by value beside ``times``, sorted by both."""
    last: Sample | None = None
    """The latest sample of a closed minute."""
    history: bytes = b""
    """Means of closed minutes (see ``baseline.remember``)."""
    deviant: int = 0
    """A bit for each of them, the latest is bit 0."""

    def keep(self, time: int, value: float) -> int | None:
        """Keep a sample; return where, or ``None`` when it is already there."""
        return keep(self.times, self.values, time, value)

    def increased(self, at: int, *, without: int | None = None) -> bool:
        """Tell whether the counter had another value shortly before a sample.

        A value of 0 is a fresh start, and no increase. ``without`` leaves out one sample.
        """
        time, value = self.times[at], self.values[at]
        if value <= 0:
            return False
        first = bisect_left(self.times, time - LOOK_BACK)
        end = bisect_left(self.times, time)
        return any(
            self.values[before] != value for before in range(first, end) if before != without
        )

    def newly_increased(self, at: int) -> Iterator[int]:
        """Return the samples that have increased now that the one at ``at`` is known."""
        if self.increased(at):
            yield at
        end = bisect_right(self.times, self.times[at] + LOOK_BACK)
        for after in range(at + 1, end):
            if self.increased(after) and not self.increased(after, without=at):
                yield after

    def minutes(self, start: int, end: int) -> Iterator[range]:
        """Return the samples of ``[start, end)`` minute by minute, as ranges of positions."""
        at = bisect_left(self.times, start)
        stop = bisect_left(self.times, end)
        while at < stop:
            minute = self.times[at] - self.times[at] % MINUTE
            after = bisect_left(self.times, minute + MINUTE, at, stop)
            yield range(at, after)
            at = after

    def forget(self, before: int) -> None:
        """Drop the samples before a time, but for those that increases look back to."""
        keep = bisect_left(self.times, before - LOOK_BACK if self.increases else before)
        del self.times[:keep]
        del self.values[:keep]

"""The samples of one metric series: those of open minutes, and what is remembered of the rest.

Pure facts. A minute is closed when no allowed sample can fall into it any more; until then its
samples are kept one by one, in order of time, so that the order of arrival cannot matter.
"""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterator

import msgspec

MINUTE = 60_000_000
"""Length of the buckets that baselines compare, in microseconds."""
LOOK_BACK = 150_000_000
"""Between two samples within this a counter's increase is known: longer than the slowest usual
scrape. What grew while nobody looked for longer is not counted, since nobody knows when."""
SKEW = 10_000_000
"""Readers of one counter may disagree for so long, by their clocks and by how long a reading takes
(a scrape's usual timeout). A fall within this is one that reads behind, and no fresh start."""
MAX_GROWTH = 1_000_000_000
"""The most that one sample counts; beyond it is no counter of anything that matters here."""
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


class Asked(msgspec.Struct, array_like=True, frozen=True):
    """A limit that asks by how much a series has increased, and what it tells of it."""

    rule: str
    fingerprint: str
    observations: int
    """1 where the limit accounts for the samples."""
    pod: str | None
    cluster_node: str | None


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
    asked: tuple[Asked, ...] = ()
    """By whom ``increases`` is asked (empty in facts that are older than sizes of increases);
    100 bytes each, and a series is asked by one or two limits."""
    grows: bool = False
    """Some of the samples show growth: nothing but a way to pass over those that do not."""
    seasons: bytes = b""
    """Hours with deviant minutes (see ``seasons.noted``)."""

    def keep(self, time: int, value: float) -> int | None:
        """Keep a sample; return where, or ``None`` when it is already there."""
        if not self.increases and (not self.times or time > self.times[-1]):  # as nearly always
            self.times.append(time)
            self.values.append(value)
            return len(self.times) - 1
        at = keep(self.times, self.values, time, value)
        if self.increases and at is not None and not self.grows:
            self.grows = self.growth_by(at)
        return at

    def growth(self, at: int) -> float:
        """Return by how much the counter grew from the sample before to the one at ``at``.

        A sample that lies between others can only add to the sum of it, and only after the sample
        before: so what has grown enough stays so, whatever else becomes known.
        """
        if not at or self.times[at] - self.times[at - 1] > LOOK_BACK:
            return 0.0
        return _growth(self.values[at - 1], self.values[at])

    def growth_by(self, at: int) -> bool:
        """Tell whether there is growth that a sample shows, or the one after it since then."""
        return any(self.growth(n) > 0 for n in range(at, min(at + 2, len(self.times))))

    def counted(self, at: int) -> int:
        """Return how much of that counts: growth beyond the most that was read within ``SKEW``.

        Readers that disagree make it neither shrink nor grow twice. Of samples at one time the
        greatest tells.
        """
        time = self.times[at]
        before = bisect_left(self.times, time) - 1
        is_greatest = at + 1 == len(self.times) or self.times[at + 1] != time
        if not is_greatest or before < 0 or time - self.times[before] > LOOK_BACK:
            return 0
        return min(math.ceil(_growth(self._most(before), self._most(at))), MAX_GROWTH)

    def _most(self, at: int) -> float:
        first = bisect_right(self.times, self.times[at] - SKEW)
        return max(self.values[first : at + 1])

    def grown(self, start: int, end: int) -> Iterator[int]:
        """Return the samples of ``[start, end)`` that show growth."""
        if not self.grows:
            return
        for at in range(bisect_left(self.times, start), bisect_left(self.times, end)):
            if self.growth(at) > 0:
                yield at

    def minutes(self, start: int, end: int) -> Iterator[range]:
        """Return the samples of ``[start, end)`` minute by minute, as ranges of positions."""
        at = bisect_left(self.times, start)
        stop = bisect_left(self.times, end)
        while at < stop:
            minute = self.times[at] - self.times[at] % MINUTE
            after = bisect_left(self.times, minute + MINUTE, at, stop)
            yield range(at, after)
            at = after

    def drop(self, count: int) -> None:
        """Drop the first samples, all of closed minutes, of which the last is remembered."""
        self.last = self.times[count - 1], self.values[count - 1]
        if count == len(self.times):
            self.times.clear()
            self.values.clear()
        else:
            del self.times[:count]
            del self.values[:count]

    def forget(self, before: int) -> None:
        """Drop the samples before a time, but for those that increases look back to."""
        keep = bisect_left(self.times, before - LOOK_BACK - SKEW if self.increases else before)
        del self.times[:keep]
        del self.values[:keep]
        if self.grows:
            self.grows = any(self.growth(at) > 0 for at in range(len(self.times)))


def _growth(before: float, after: float) -> float:
    """Return the growth between two values; a counter that fell has begun anew, at 0."""
    return after - before if after >= before else max(after, 0.0)

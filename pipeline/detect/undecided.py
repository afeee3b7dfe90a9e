"""Which samples of a node are not decided yet, and when the first minute with samples ends.

Worked out from the facts once, as they are loaded, and then kept up to date sample by sample:
each batch asks, and looking at all series again would cost more than all else. No facts of their
own: never written, and of the same size as the series that they point to. Pure.
"""

from bisect import bisect_left
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from pipeline.detect import increases
from pipeline.detect.limits import Limits
from pipeline.detect.requests import Cumulative
from pipeline.detect.samples import MINUTE, Series
from pipeline.detect.tallies import Tally

NEVER = 2**62


@dataclass(slots=True)
class Undecided:
    """What is not decided of one node."""

    first: int = NEVER
    """Time of the earliest sample of ``series`` that do not look back."""
    samples: int = 0
    """Samples of those that no limit accounts for so far."""
    looking_back: dict[str, Series] = field(default_factory=dict)
    """Series that keep samples of closed minutes: which of their samples are decided depends on
    others, so they are looked at anew each time. They are few."""
    first_counted: int = NEVER
    """Time of the earliest sample of counters of requests …"""
    counted: int = 0
    """… and how many samples nothing else accounts for."""

    def kept(self, time: int, waiting: int) -> None:
        """Take note of new samples of series that do not look back; so many are not decided."""
        self.samples += waiting
        self.first = min(self.first, time)

    def took(self, counter: Cumulative, time: int) -> None:
        """Take note of a new sample of a counter of requests."""
        self.counted += counter.own
        self.first_counted = min(self.first_counted, time)

    def recount(self, counters: Mapping[str, Cumulative]) -> None:
        """Look at all counters of requests anew: some have closed or gone."""
        times = [counter.times[0] for counter in counters.values() if counter.times]
        self.first_counted = min(times, default=NEVER)
        self.counted = sum(counter.waiting for counter in counters.values())


class Decided:
    """Tells what the limits of a pack have decided of samples."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits

    def looks_back(self, series: Series) -> bool:
        """Tell whether what is decided of a sample depends on the samples before it."""
        return series.increases or self._limits.is_increase(series.owner)

    def is_fine(self, series: Series, at: int) -> bool:
        """Tell whether no limit has found anything in a sample, nor waits for more to decide."""
        if not series.owner:
            return True
        if self._limits.is_ratio(series.owner):
            return False  # the pair decides
        if self._limits.is_increase(series.owner):
            return series.growth(at) <= 0
        return not self._limits.over(series.owner, series.values[at])

    def fine(self, series: Series, positions: Sequence[int]) -> int:
        """Return in how many of the samples no limit has found anything (see :meth:`is_fine`)."""
        if not series.owner:
            return len(positions)
        return sum(self.is_fine(series, at) for at in positions)

    def undecided(
        self, all_series: Mapping[str, Series], counters: Mapping[str, Cumulative]
    ) -> Undecided:
        """Work out what is not decided of a node."""
        found = Undecided()
        for key, series in all_series.items():
            if self.looks_back(series):
                found.looking_back[key] = series
            elif series.times:
                found.first = min(found.first, series.times[0])
                found.samples += self.fine(series, range(len(series.times)))
        found.recount(counters)
        return found

    def forget(self, found: Undecided, all_series: dict[str, Series], key: str) -> None:
        """Forget a series, whatever it has."""
        series = all_series.pop(key)
        if found.looking_back.pop(key, None) is None:
            found.samples -= self.fine(series, range(len(series.times)))
            times = (s.times for k, s in all_series.items() if k not in found.looking_back)
            found.first = min((each[0] for each in times if each), default=NEVER)

    def count(self, found: Undecided, settled: int, told: Container[str]) -> int:
        """Return how many samples are not decided; ``told`` are the fingerprints with a track."""
        return (
            found.samples
            + found.counted
            + sum(self._waiting(series, settled, told) for series in found.looking_back.values())
        )

    def _waiting(self, series: Series, settled: int, told: Container[str]) -> int:
        positions = range(bisect_left(series.times, settled), len(series.times))
        if not self._limits.is_increase(series.owner):
            return self.fine(series, positions)
        if series.increases and not series.grows:
            return len(positions)  # as nearly always
        return sum(not increases.is_told(series, at, told) for at in positions)


def live(found: Undecided, settled: int, told: Container[str]) -> dict[str, dict[int, Tally]]:
    """Return the growth that samples may still come in between of."""
    return increases.live(found.looking_back, settled, NEVER, told)


def ends(found: Undecided, settled: int) -> Iterator[int]:
    """Yield when minutes with samples end; the earliest that does is among them."""
    for first in (found.first, found.first_counted):
        if first < NEVER:
            yield _end(first)
    for series in found.looking_back.values():
        at = bisect_left(series.times, settled)
        if at < len(series.times):
            yield _end(series.times[at])


def _end(time: int) -> int:
    return (time // MINUTE + 1) * MINUTE

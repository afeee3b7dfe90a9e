"""Which stretch of time a query is asked for next; pure.

A query's position is a time: all before it has been put into the sink, and nothing before it will
come. A window begins there. A scrape has the time of its beginning and is in the database only
after its end: so the position stays a little behind what was read, and samples that were read
before are recognised (:mod:`pipeline.live.metrics.samples`).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from pipeline.records import instant, micros

OVERLAP_S = 15.0
"""What is read once more, in seconds: with the delay of 5 s, a scrape may take 20 s. Prometheus
gives one up after 10 s, unless it is told otherwise."""
LONGEST_S = 300.0
"""Of one question, in seconds: 2,000 series that are scraped each 15 s bring 40,000 samples."""
_SECOND = 1_000_000
_MILLI = 1_000


class Window(NamedTuple):
    """A stretch of event time, both ends included."""

    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Pace:
    """How one query goes through time, in seconds."""

    every_s: float
    back_s: float
    """After an interruption the query goes on from so long ago on at most."""
    aligned: bool
    """An expression: evaluated at multiples of ``every_s`` only."""

    def begun(self, target: datetime) -> datetime:
        """Return the position of a query that was never asked before."""
        return self._at(target - timedelta(seconds=self.every_s + self._overlap_s))

    def jumped(self, position: datetime, target: datetime) -> datetime:
        """Return the position, moved to where it is not too long ago."""
        back_s = max(self.back_s, 2 * self.every_s + self._overlap_s)
        return max(position, self._at(target - timedelta(seconds=back_s)))

    def due(self, position: datetime, target: datetime, longest_s: float) -> Window | None:
        """Return what to ask for now; None: nothing before ``target`` is new."""
        until = min(target, position + timedelta(seconds=max(longest_s, 2 * self._overlap_s)))
        if self.aligned:
            step = timedelta(seconds=self.every_s)
            since = self._at(position + step)
            until = self._at(max(until, min(since, target)))
            return Window(since, until) if since <= until else None
        until = _in_millis(until)
        return Window(position, until) if self.passed(until) > position else None

    def passed(self, until: datetime) -> datetime:
        """Return the position after the answer for a window that ends at ``until``."""
        return until - timedelta(seconds=self._overlap_s)

    @property
    def _overlap_s(self) -> float:
        return 0.0 if self.aligned else OVERLAP_S

    def _at(self, time: datetime) -> datetime:
        """Return the last time not after ``time`` at which the query can be asked."""
        if not self.aligned:
            return _in_millis(time)
        step = round(self.every_s * _SECOND)
        return instant(micros(time) // step * step)


def _in_millis(time: datetime) -> datetime:
    """Return a time as Prometheus knows it: in whole milliseconds."""
    return instant(micros(time) // _MILLI * _MILLI)

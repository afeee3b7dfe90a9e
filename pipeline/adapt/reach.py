"""How far event time has come on foreign topics: what a mark may promise; pure.

A mark says "nothing before T will come from me", and detection waits for the least mark of all
sources. Foreign topics have no marks, and their order is that of arrival: many collectors write
them, each a few seconds behind its lines. What can be known of one partition:

* Where everything that it held at a moment of the wall clock has been handled, whatever comes
  later is written later: event time has come as far as that moment. So an idle topic goes with the
  clock and never holds anybody, and one that is always a little behind its end is a second late.
* Before that (a backlog), the middle one of the event times handled last: one collector that is
  cut off, or whose clock is wrong, decides nothing. Never more than the clock says.

The least of all own partitions, less :data:`SLACK_S` for the collectors' own batches, is the mark.
It is not also taken back by the allowed lateness: detection keeps time open for just that long
after the watermark (``windows.lateness_s``), so that a line which its collector sends two minutes
late is on time all the same, and each incident would open two minutes later for nothing. What a
collector sends later than that is late for everybody, and is counted so.

A partition that is new to us says nothing until something is known of it: the mark stands still (it
is sent again, which says that we live). Whoever had it before us got as far as its own marks, and
these are not taken back. Without partitions nothing comes from us: the clock is right.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

SLACK_S = 5.0
"""Collectors send batches: Fluent Bit each second, Vector's and OpenTelemetry's a few at most."""

_SECOND = 1_000_000

Spot = tuple[str, int]
"""Topic and partition."""


@dataclass(slots=True)
class _Part:
    """What is known of one partition, in microseconds."""

    reached: int | None = None
    settled: int | None = None
    """The same when all that it rests on was published."""
    look: tuple[int, int] | None = None
    """An end of the partition that has not been reached yet, and when it was the end."""

    def come(self, time: int) -> None:
        self.reached = time if self.reached is None else max(self.reached, time)


@dataclass(slots=True)
class Reach:
    """Event time over the partitions that we have; times are microseconds."""

    _parts: dict[Spot, _Part] = field(default_factory=dict)
    _told: int | None = None
    _between: bool = True
    """Partitions are being handed over: nobody knows which are ours."""

    def assigned(self, spots: Iterable[Spot]) -> None:
        """Note which partitions are ours now; of those that stay, what is known stays."""
        self._parts = {spot: self._parts.get(spot, _Part()) for spot in spots}
        self._between = False

    def released(self) -> None:
        """Note that partitions are being handed over: until they are, nothing new is promised."""
        self._between = True

    def handled(self, spot: Spot, times: Sequence[int], now: int) -> None:
        """Note the event times of what was handled of a partition."""
        part = self._parts.get(spot)
        if part is not None and times:
            part.come(min(sorted(times)[(len(times) - 1) // 2], now))

    def looked(self, ends: Mapping[Spot, int], at: int) -> None:
        """Note where the partitions ended at a moment; an end not yet reached is kept instead."""
        for spot, end in ends.items():
            part = self._parts.get(spot)
            if part is not None and part.look is None:
                part.look = (end, at)

    def stand(self, positions: Mapping[Spot, int]) -> None:
        """Note up to which offset each partition has been handled."""
        for spot, position in positions.items():
            part = self._parts.get(spot)
            if part is not None and part.look is not None and position >= part.look[0]:
                part.come(part.look[1])
                part.look = None

    def mark(self, now: int) -> int | None:
        """Return what may be promised now; None while nothing ever could be.

        All that was handled must have been published.
        """
        for part in self._parts.values():
            part.settled = part.reached
        known = [part.reached for part in self._parts.values()]
        least = min((time for time in known if time is not None), default=now)
        if None not in known and not self._between:
            promise = least - int(SLACK_S * _SECOND)
            self._told = promise if self._told is None else max(self._told, promise)
        return self._told

    def stand_back(self) -> None:
        """Forget what was handled since the last mark: it will be handled again."""
        for part in self._parts.values():
            part.reached = part.settled
            part.look = None

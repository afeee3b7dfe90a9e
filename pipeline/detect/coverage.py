"""What was seen of one node and signal, and where it was not: first, last, and the gaps.

In: batches and gaps, each once. Out: facts that are the same whatever the order of arrival. Gaps of
a reason are summed by the minute in which they end. The minutes that are kept are the latest, and a
minute that once fell behind them stays behind, so its sum goes over to that of all older ones:
whether a gap comes early or late, it ends in the same sum. Pure; times in microseconds.
"""

from collections.abc import Sequence

import msgspec

from pipeline.records import Gap, Observation, micros

MINUTE = 60_000_000
MAX_STRETCHES = 16
"""Minutes kept of each reason (some 45 bytes of a row each, so 3 kB with all four reasons)."""


class Stretch(msgspec.Struct, array_like=True):
    """A sum of gaps: from the earliest beginning to the latest end."""

    since: int
    until: int
    gaps: int = 1
    lost: int = 0
    """Observations that are known to be lost."""
    uncounted: int = 0
    """Gaps of which nobody knows how much was lost."""

    def add(self, other: "Stretch") -> None:
        """Add another sum. Any order of additions gives the same."""
        self.since = min(self.since, other.since)
        self.until = max(self.until, other.until)
        self.gaps += other.gaps
        self.lost += other.lost
        self.uncounted += other.uncounted


class Losses(msgspec.Struct):
    """The gaps of one reason."""

    recent: dict[int, Stretch] = msgspec.field(default_factory=dict)
    """By the minute in which they end."""
    older: Stretch | None = None
    """All that ended before those minutes."""

    def add(self, gap: Stretch) -> None:
        """Add a gap."""
        _add(self.recent, gap.until // MINUTE, gap)
        while len(self.recent) > MAX_STRETCHES:
            oldest = self.recent.pop(min(self.recent))
            if self.older is None:
                self.older = oldest
            else:
                self.older.add(oldest)

    def total(self) -> Stretch:
        """Return the sum of all of them (there is one at least)."""
        parts = [*self.recent.values(), *([] if self.older is None else [self.older])]
        whole = msgspec.structs.replace(parts[0])
        for part in parts[1:]:
            whole.add(part)
        return whole


class Coverage(msgspec.Struct, omit_defaults=True):
    """What was seen of one node and signal, and where it was not."""

    first: int | None = None
    """Earliest event time of all that was received, also of what came late."""
    last: int | None = None
    gaps: dict[str, Losses] = msgspec.field(default_factory=dict)
    """By reason."""

    def see(self, observations: Sequence[Observation]) -> None:
        """Note when observations happened (there is one at least)."""
        times = [observation.time for observation in observations]
        first, last = micros(min(times)), micros(max(times))
        self.first = first if self.first is None else min(first, self.first)
        self.last = last if self.last is None else max(last, self.last)

    def miss(self, gap: Gap) -> None:
        """Note a gap."""
        self.gaps.setdefault(gap.reason, Losses()).add(
            Stretch(
                since=micros(gap.since),
                until=micros(gap.until),
                lost=gap.lost or 0,
                uncounted=int(gap.lost is None),
            )
        )


def _add(sums: dict[int, Stretch], minute: int, gap: Stretch) -> None:
    known = sums.get(minute)
    if known is None:
        sums[minute] = gap
    else:
        known.add(gap)

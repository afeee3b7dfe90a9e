"""What did not fit: gaps that are told later, and who has to wait before that; pure.

Gaps that cannot be put now are kept as sums, one for each node, signal and reason, so that they
take little room however long it lasts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from pipeline.records import Gap, Observation, Signal

BUFFER_WHAT = "the broker was away for longer than the buffer lasts"


@dataclass(slots=True)
class _Sum:
    gap: Gap
    """Names and reason."""
    since: datetime
    until: datetime
    lost: int | None

    def add(self, since: datetime, until: datetime, lost: int | None) -> None:
        self.since = min(self.since, since)
        self.until = max(self.until, until)
        self.lost = None if self.lost is None or lost is None else self.lost + lost


class Losses:
    """Gaps that could not be put yet."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._sums: dict[tuple[str, ...], _Sum] = {}

    def __bool__(self) -> bool:
        """Return whether there are any."""
        return bool(self._sums)

    def drop(self, node: str, observation: Observation) -> None:
        """Note an observation that did not fit."""
        time = observation.time
        known = self._sums.get((node, observation.signal, "buffer-full", BUFFER_WHAT, self._source))
        if known is not None:
            known.add(time, time, 1)
            return
        self.note(
            Gap(
                source=self._source,
                node=node,
                signal=observation.signal,
                since=time,
                until=time,
                lost=1,
                reason="buffer-full",
                what=BUFFER_WHAT,
            )
        )

    def note(self, gap: Gap) -> None:
        """Keep a gap; it becomes one with others of its node, signal and reason."""
        key = (gap.node, gap.signal, gap.reason, gap.what, gap.source)
        known = self._sums.get(key)
        if known is None:
            self._sums[key] = _Sum(gap, gap.since, gap.until, gap.lost)
        else:
            known.add(gap.since, gap.until, gap.lost)

    def told(self) -> Sequence[Gap]:
        """Return all as gaps, and forget them."""
        sums, self._sums = self._sums, {}
        return [
            each.gap.model_copy(
                update={"since": each.since, "until": each.until, "lost": each.lost}
            )
            for each in sums.values()
        ]


WAITS: dict[Signal, tuple[float, float]] = {"metric": (0.5, 0.4), "log": (0.75, 0.6)}
"""From which share of the bound on a signal waits, and below which it goes on. Metrics first: their
database keeps them. Logs next: the kubelet keeps them for a while. Events never: the rest of the
bound is theirs, and nobody else has them in an hour."""


class Gates:
    """Which signals have room."""

    def __init__(self, bound_bytes: int) -> None:
        """Take the bound on what is held."""
        self._limits: dict[Signal, tuple[float, float]] = {
            signal: (above * bound_bytes, below * bound_bytes)
            for signal, (above, below) in WAITS.items()
        }
        self._shut: set[Signal] = set()

    def update(self, held_bytes: int) -> None:
        """Take what is held now."""
        for signal, (above, below) in self._limits.items():
            if held_bytes >= above:
                self._shut.add(signal)
            elif held_bytes < below:
                self._shut.discard(signal)

    def open(self, signal: Signal) -> bool:
        """Return whether a signal has room."""
        return signal not in self._shut

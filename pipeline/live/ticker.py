"""Each second: how far time has come, what is remembered, how we are.

A mark promises that nothing older will come from this source. It runs a little behind the clock,
for the way of a line through kubelet and API; a log or a query that is behind holds it back for a
while. Samples of metrics are read some seconds after the fact: within the allowed lateness, which
is what it is for.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from pipeline import clock
from pipeline.health import Health
from pipeline.live.event_reading import EVENTS
from pipeline.live.logs.fleet import Fleet
from pipeline.live.outbox.outbox import Outbox
from pipeline.records import FEEDS, Mark, Positions

MARK_S = 1.0
BEHIND = timedelta(seconds=2)
"""From a line written to a line read: the kubelet looks for news once a second at worst."""
START_S = 60.0
"""So long the first mark waits for the first lists and for what was written while we were away."""
RENEW_S = 60.0
"""Positions are remembered anew after so long, changed or not: a start reads the topics back from
where the oldest of them stood."""


@dataclass(slots=True, kw_only=True)
class Ticker:
    """What the process as a whole says, again and again; run :meth:`run` as a task."""

    source: str
    outbox: Outbox
    fleet: Fleet
    health: Health
    checkpoint_s: float
    is_ready: Callable[[], bool]
    """Whether all lists have been read once."""
    times: dict[str, datetime]
    """Positions of queries and events as they were before us."""
    queries: Callable[[], Mapping[str, datetime]]
    """Positions of the queries for metrics; none while another process asks them."""
    metrics_behind: Callable[[datetime], datetime | None]
    """How far metrics are, where they are further behind than usual."""
    events_until: Callable[[], datetime | None]
    """When events were last known to be complete; None: another process reads them."""
    counts: Callable[[], Counter[str]]
    """What became of what was read, by all sources together."""
    troubles: Callable[[], list[str]]
    _told: dict[str, Positions] = field(default_factory=dict, init=False)
    _renew_at: float = field(default=0.0, init=False)
    _unmarked_until: float | None = field(default=None, init=False)
    """Loop time at which the first mark no longer waits."""
    _promised: datetime | None = field(default=None, init=False)
    """Time of the last mark: none goes back behind it."""

    async def run(self) -> None:
        """Tick until cancelled."""
        loop = asyncio.get_running_loop()
        next_checkpoint = loop.time()
        while True:
            now, at = clock.now(), loop.time()
            self.fleet.tick(at)
            if at >= next_checkpoint:
                self.checkpoint()
                next_checkpoint = at + self.checkpoint_s
            self.mark(now, at)
            self._tell()
            await asyncio.sleep(MARK_S)

    def checkpoint(self) -> None:
        """Hand over the positions that have changed; now and then all of them."""
        at = asyncio.get_running_loop().time()
        if at >= self._renew_at:
            self._told.clear()
            self._renew_at = at + RENEW_S
        for positions in self._positions():
            if self._told.get(positions.part) != positions:
                self._told[positions.part] = positions
                self.outbox.checkpoint(positions)

    def _positions(self) -> Iterator[Positions]:
        for part, containers in self.fleet.position_parts().items():
            yield Positions(source=self.source, part=part, containers=containers)
        self.times.update(self.queries())
        until = self.events_until()
        if until is not None:
            self.times[EVENTS] = until.replace(second=0, microsecond=0)  # finer would never rest
        yield Positions(source=self.source, part="times", queries=dict(self.times))

    def mark(self, now: datetime, at: float) -> None:
        """Say how far time has come, unless what was written before us is still being read.

        ``now`` is the wall time, ``at`` the loop's.
        """
        held = [*self.fleet.behind(now, at)]
        metrics = self.metrics_behind(now)
        if metrics is not None:
            held.append(metrics)
        time = min([now, *held]) - BEHIND
        if self._promised is None:
            if self._unmarked_until is None:
                self._unmarked_until = at + START_S
            if (held or not self.is_ready()) and at < self._unmarked_until:
                return
            self._promised = time
        self._promised = time = max(time, self._promised)
        self.outbox.mark(
            Mark(source=self.source, time=time.astimezone(UTC), feeds=FEEDS, counts=self._counts())
        )

    def _counts(self) -> dict[str, int]:
        """Return what became of everything read: each in one bucket, so that the sums agree."""
        read, stats = self.counts(), self.outbox.stats
        published = sum(stats.put.values())
        return {
            "observations": published + read["unmapped"],
            "published": published,
            "unmapped": read["unmapped"],
            "rejected": read["rejected"],
            "duplicate": read["duplicate"],
            "lost": read["lost"] + sum(stats.lost.values()),
            **({"redacted": read["redacted"]} if read["redacted"] else {}),
        }

    def _tell(self) -> None:
        stats = self.outbox.stats
        published = sum(stats.published.values())
        if self.outbox.trouble is None:
            self.health.beat()
        trouble = next(iter([*filter(None, [self.outbox.trouble]), *self.troubles()]), None)
        self.health.trouble(trouble)
        self.health.progress(published, sum(stats.put.values()) - sum(stats.lost.values()))
        self.health.waiting(None if self.is_ready() else "first lists are being read")

"""Marks promise no more than is known; counts add up; positions are told when they move."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import cast

import pytest

from live_fleet import looped
from pipeline import clock
from pipeline.health import Health
from pipeline.live import ticker as module
from pipeline.live.event_reading import EVENTS
from pipeline.live.logs.fleet import Fleet
from pipeline.live.outbox.outbox import Outbox
from pipeline.live.outbox.stats import OutboxStats
from pipeline.live.ticker import BEHIND, START_S, Ticker
from pipeline.records import LogPosition, Mark, Positions

NOW = clock.now()
SECOND = timedelta(seconds=1)


@dataclass
class KeptOutbox:
    """What would be published."""

    marks: list[Mark] = field(default_factory=list)
    positions: list[Positions] = field(default_factory=list)
    trouble: str | None = None

    def mark(self, mark: Mark) -> None:
        """Keep a mark."""
        self.marks.append(mark)

    def checkpoint(self, positions: Positions) -> None:
        """Keep positions."""
        self.positions.append(positions)

    @property
    def stats(self) -> OutboxStats:
        """As if 7 log lines were put, and 2 of them lost."""
        none = {"metric": 0, "event": 0}
        return OutboxStats(
            put={"log": 7, **none}, published={"log": 5, **none}, lost={"log": 2, **none},
            batches=1, rejected=1, rejected_lost=0, gaps=0, refused=0,
            waiting_bytes=0, in_flight_bytes=0, resends=0, oldest_s=0.0,
        )  # fmt: skip


@dataclass
class World:
    """What a ticker looks at, to be changed by hand."""

    logs: list[datetime] = field(default_factory=list)
    metrics: datetime | None = None
    events: datetime | None = None
    ready: bool = True
    at: float = 0.0
    parts: dict[str, dict[str, LogPosition]] = field(default_factory=dict)
    outbox: KeptOutbox = field(default_factory=KeptOutbox)
    health: Health = field(default_factory=lambda: Health("ingest"))

    def __post_init__(self) -> None:
        fleet = SimpleNamespace(
            behind=lambda _now, _at: iter(self.logs),
            tick=lambda _at: None,
            position_parts=lambda: self.parts,
        )
        self.ticker = Ticker(
            source="ingest-0",
            outbox=cast("Outbox", self.outbox),
            fleet=cast("Fleet", fleet),
            health=self.health,
            checkpoint_s=2.0,
            is_ready=lambda: self.ready,
            times={},
            queries=lambda: {"up": NOW},
            metrics_behind=lambda _now: self.metrics,
            events_until=lambda: self.events,
            counts=lambda: Counter(unmapped=3, rejected=1, duplicate=4, lost=5, gaps=9),
            troubles=list,
        )

    def tick(self, now: datetime, at: float) -> datetime | None:
        """Let a mark be made; return the time of the last one."""
        self.ticker.mark(now, at)
        return self.outbox.marks[-1].time if self.outbox.marks else None


def test_a_mark_never_promises_what_a_follower_or_a_query_still_holds() -> None:
    world = World()
    world.tick(NOW - 60 * SECOND, 0.0)
    world.logs, world.metrics = [NOW - 40 * SECOND, NOW - 3 * SECOND], NOW - 20 * SECOND
    assert world.tick(NOW, START_S + 1) == NOW - 40 * SECOND - BEHIND
    world.logs = []
    assert world.tick(NOW, START_S + 2) == NOW - 20 * SECOND - BEHIND
    world.metrics = None
    assert world.tick(NOW, START_S + 3) == NOW - BEHIND


def test_a_mark_never_goes_back() -> None:
    world = World()
    assert world.tick(NOW, START_S + 1) == NOW - BEHIND
    world.logs = [NOW - 40 * SECOND]
    assert world.tick(NOW + SECOND, START_S + 2) == NOW - BEHIND


def test_the_first_mark_waits_for_lists_and_for_what_was_written_while_we_were_away() -> None:
    world = World(ready=False)
    assert world.tick(NOW, 1.0) is None
    world.ready, world.logs = True, [NOW - 300 * SECOND]
    assert world.tick(NOW, 2.0) is None
    world.logs = []
    assert world.tick(NOW, 3.0) == NOW - BEHIND


def test_the_first_mark_does_not_wait_for_ever() -> None:
    world = World(ready=False, logs=[NOW - 300 * SECOND])
    assert world.tick(NOW, 1.0) is None
    assert world.tick(NOW, START_S + 1) == NOW - 300 * SECOND - BEHIND


def test_counts_add_up_to_all_that_was_read() -> None:
    world = World()
    world.tick(NOW, START_S + 1)
    counts = world.outbox.marks[0].counts
    assert counts == {
        "observations": 10, "published": 7, "unmapped": 3,
        "rejected": 1, "duplicate": 4, "lost": 7,
    }  # fmt: skip
    assert counts["observations"] == counts["published"] + counts["unmapped"]


@looped
async def test_positions_are_told_when_they_have_moved() -> None:
    world = World(parts={"logs/0": {}, "logs/1": {}})
    world.ticker.checkpoint()
    assert [each.part for each in world.outbox.positions] == ["logs/0", "logs/1", "times"]
    world.parts = {"logs/0": {"a/b/c/d": LogPosition(through=NOW)}, "logs/1": {}}
    world.ticker.checkpoint()
    assert [each.part for each in world.outbox.positions[3:]] == ["logs/0"]


@looped
async def test_all_positions_are_told_again_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RENEW_S", 0.0)
    world = World(parts={"logs/0": {}})
    world.ticker.checkpoint()
    world.ticker.checkpoint()
    assert [each.part for each in world.outbox.positions] == 2 * ["logs/0", "times"]


@looped
async def test_the_time_of_events_rests_while_another_process_reads_them() -> None:
    world = World()
    world.ticker.checkpoint()
    assert world.outbox.positions[-1].queries == {"up": NOW}
    world.events = NOW
    world.ticker.checkpoint()
    assert world.outbox.positions[-1].queries[EVENTS] == NOW.replace(second=0, microsecond=0)


@looped
async def test_it_ticks_and_says_what_it_waits_for() -> None:
    world = World(ready=False)
    running = asyncio.create_task(world.ticker.run())
    await asyncio.sleep(0.05)
    assert "first lists" in world.health.report().problems[0]
    assert world.outbox.positions
    running.cancel()

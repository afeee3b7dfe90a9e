"""A worker's inner loop: messages into the cores, and the order in which effects become real.

In: messages of the partitions that this worker owns, in order; table rows when they have been
restored. Out, for a handful of messages at a time: outputs, then marks, then rows, each only after
the former is acknowledged; only then the messages count as handled, and offsets are committed up to
them. It knows nothing about nodes or incidents, and Faust only by two small protocols.

Three things are not left to Faust, since each was seen to lose messages under a real broker:

* *Offsets.* It commits past messages that it dropped itself while partitions changed hands. Here
  the offset behind the last handled message is committed, and nothing else.
* *Holes.* So a message that does not continue where the last one ended is not taken, and the worker
  goes back to where it should be; likewise when messages are there and none is given out.
* *Place.* Two workers must never write the rows of one partition. The broker sees to that, except
  where a worker lost its place without knowing (stalled, or cut off, for longer than its session).
  A commit tells, so rows are written only when one has succeeded a moment ago; if the place is
  lost, what has not been remembered is forgotten, and somebody is given the messages again.
"""

import asyncio
import math
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

from pipeline.broker.message import Message
from pipeline.clock import monotonic
from pipeline.health import Health
from pipeline.worker.deadletters import dead_letter
from pipeline.worker.publish import Publishes
from pipeline.worker.silence import Silence
from pipeline.worker.stage import Effects, Outgoing, Part, Stage, Unreadable, partition_of

MAX_INBOX = 256
"""Messages that wait here; with batches of a few hundred observations of about 300 bytes: 25 MB."""
MAX_HANDFUL = 64
"""Messages whose effects are acknowledged together."""
HANDFUL_S = 0.25
"""Time in the cores after which a handful is complete, so that outputs are prompt."""
TICK_S = 0.5
"""How often there is a look at commits and silence when no messages come."""
COMMIT_S = 1.0
"""How often handled offsets are committed: so much is handled again after a kill."""
STILL_S = 2.0
"""Messages are there and none of any partition is given out for so long: dropped on the way."""
STILL_AMONG_OTHERS_S = 10.0
"""Likewise for one partition while others move: Faust may hold some thousand messages before it."""

Spot = tuple[str, int]
"""Topic and partition."""


class Taken(Protocol):
    """A message that Faust has given out."""

    @property
    def message(self) -> Message:
        """What it says."""

    @property
    def generation(self) -> int:
        """The assignment under which it was given out."""

    def release(self) -> None:
        """Say that we are done with it (handled or not: offsets are another matter)."""


class Place(Protocol):
    """A worker's place in its group."""

    @property
    def session_s(self) -> float:
        """Time after which the broker gives up on a silent worker."""

    def generation(self) -> int:
        """Return the current assignment."""

    async def commit(self, offsets: Mapping[Spot, int]) -> bool:
        """Commit offsets; return False when the broker refuses because the place is lost."""

    async def next_from(self, spot: Spot, offset: int) -> int:
        """Return the offset of the first message that the broker has from an offset on."""

    async def go_back(self, spot: Spot, offset: int) -> None:
        """Read on from an offset."""


class _PlaceLost(Exception):  # noqa: N818 - a turn of events, not an error
    """Another worker may own our partitions by now."""


@dataclass(slots=True)
class _Handful:
    """Messages that are handled together, and what is to be done because of them."""

    started: float
    positions: dict[Spot, int]
    taken: list[Taken] = field(default_factory=list)
    effects: list[Effects] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Goal:
    """Where the own topics ended at a moment, and how far we were."""

    ends: Mapping[Spot, int]
    since: float
    positions: Mapping[Spot, int]


@dataclass(slots=True, kw_only=True)
class Shell:
    """The loop of one worker (see the module's docstring)."""

    stage: Stage
    rejected_topic: str
    changelog_topic: str
    table: MutableMapping[bytes, bytes]
    publisher: Publishes
    place: Place
    health: Health
    silence: Silence
    clock: Callable[[], float] = monotonic
    tick_s: float = TICK_S
    positions: dict[Spot, int] = field(default_factory=dict, init=False)
    """Offset behind the last handled message, by topic and partition."""
    _inbox: asyncio.Queue[Taken] = field(
        default_factory=lambda: asyncio.Queue(MAX_INBOX), init=False
    )
    _parts: dict[int, Part] = field(default_factory=dict, init=False)
    _opened_for: int | None = field(default=None, init=False)
    _lost: int | None = field(default=None, init=False)
    _committed: dict[Spot, int] = field(default_factory=dict, init=False)
    _committed_at: float = field(default=-math.inf, init=False)
    _goal: _Goal | None = field(default=None, init=False)
    _busy: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)

    @property
    def is_open(self) -> bool:
        """Whether the state is restored and messages are being handled."""
        return self._opened_for is not None

    def enter(self, positions: Mapping[Spot, int]) -> None:
        """Build the cores of the own partitions from the restored table; go on at these offsets."""
        own = {number for _, number in positions}
        for key in [key for key in self.table if partition_of(key) not in own]:
            del self.table[key]
        rows: dict[int, list[tuple[bytes, bytes]]] = {number: [] for number in own}
        for key, value in self.table.items():
            rows[partition_of(key)].append((key, value))
        self._parts = {number: self._restored(number, rows[number]) for number in sorted(own)}
        self.positions = dict(positions)
        self._committed = {}
        self._committed_at = -math.inf
        self._goal = None
        self.silence.reset()
        self._opened_for = self.place.generation()

    async def leave(self) -> None:
        """Let go of all partitions when the handful in hand is done: others may get them."""
        generation, self._lost = self._lost, self._opened_for
        async with self._busy:
            self._lost = generation
            if self.is_open:
                await self.place.commit(self._uncommitted())
            self._close()

    def looked(self, ends: Mapping[Spot, int], at: float) -> None:
        """Note where the own topics ended at a moment of the clock."""
        if ends.keys() == self.positions.keys():
            self._goal = self._goal or _Goal(ends, at, self.positions)
            self.silence.looked(ends, at)

    async def offer(self, taken: Taken) -> None:
        """Put a message in; wait while there are too many."""
        await self._inbox.put(taken)

    async def run(self) -> None:
        """Handle messages until cancelled."""
        while True:
            first: Taken | None = None
            with suppress(TimeoutError):
                async with asyncio.timeout(self.tick_s):  # wait_for may swallow a cancellation
                    first = await self._inbox.get()
            async with self._busy:
                await self._turn(first)

    async def _turn(self, first: Taken | None) -> None:
        handful = _Handful(self.clock(), dict(self.positions))
        try:
            if first is not None:
                await self._fill(handful, first)
                await self._carry_out(handful)
                self.positions = handful.positions
            await self._miss_nothing(STILL_S if first is None else STILL_AMONG_OTHERS_S)
            if self.is_open and self.clock() - self._committed_at > COMMIT_S:
                await self._commit()
            await self._drop_dead_sources()
        except _PlaceLost:
            self.health.count("places_lost")
            self._lost = self._opened_for
            self._close()
        for taken in handful.taken:
            taken.release()

    async def _fill(self, handful: _Handful, first: Taken) -> None:
        """Apply messages, beginning with one, until the handful is complete."""
        waiting: Taken | None = first
        while waiting is not None:
            handful.taken.append(waiting)
            message = waiting.message
            if self._admitted(waiting) and await self._follows(message, handful):
                effects = await self._apply(message, handful)
                handful.effects.append(effects)  # only now: applying may have carried out some
                handful.positions[message.topic, message.partition] = message.offset + 1
            waiting = self._next(handful)

    def _next(self, handful: _Handful) -> Taken | None:
        complete = len(handful.taken) >= MAX_HANDFUL or self.clock() - handful.started > HANDFUL_S
        return None if complete or self._inbox.empty() else self._inbox.get_nowait()

    def _admitted(self, taken: Taken) -> bool:
        """Say whether a message belongs to the partitions as we have them (else it comes again)."""
        return taken.generation == self._opened_for == self.place.generation() != self._lost

    async def _follows(self, message: Message, handful: _Handful) -> bool:
        """Say whether a message comes where the last one ended; go back when there is a hole."""
        spot = (message.topic, message.partition)
        expected = handful.positions.get(spot, 0)
        if message.offset <= expected:
            return message.offset == expected
        there = await self.place.next_from(spot, expected)
        if there >= message.offset:  # nothing was dropped: the broker has nothing there (any more)
            self.health.count("missing_offsets", message.offset - expected)
            return True
        self.health.count("holes")
        await self.place.go_back(spot, expected)
        return False

    async def _miss_nothing(self, patience_s: float) -> None:
        """Go back where messages were seen a while ago and have not been given out."""
        goal = self._goal
        if goal is None or not self.is_open:
            return
        behind = [spot for spot, end in goal.ends.items() if self.positions[spot] < end]
        if behind and self.clock() - goal.since < patience_s:
            return
        self._goal = None
        for spot in behind:
            if self.positions[spot] == goal.positions[spot]:
                self.health.count("holes")
                await self.place.go_back(spot, self.positions[spot])

    async def _apply(self, message: Message, handful: _Handful) -> Effects:
        """Give a message to its core; what cannot be used goes to the dead letters."""
        try:
            effects = self._parts[message.partition].take(message)
        except Unreadable as bad:
            self.health.count("rejected")
            return self._rejected(message, bad.code, bad.what)
        except Exception as bug:  # noqa: BLE001 - the one boundary: a core's bug must not stop the flow
            self.health.count("failed")
            await self._carry_out(handful)
            self._rebuild(message.partition)
            return self._rejected(message, "failed", f"{type(bug).__name__}: {bug}")
        if effects.heard is not None:
            self.silence.heard(message.partition, effects.heard)
        return effects

    def _rejected(self, message: Message, code: str, what: str) -> Effects:
        return Effects([dead_letter(self.rejected_topic, message, code=code, what=what)])

    def _rebuild(self, number: int) -> None:
        """Replace a core whose state may be half changed by one from its rows."""
        rows = [row for row in self.table.items() if partition_of(row[0]) == number]
        self._parts[number] = self._restored(number, rows)

    def _restored(self, number: int, rows: Iterable[tuple[bytes, bytes]]) -> Part:
        part = self.stage.part(number)
        part.restore(rows)
        return part

    async def _carry_out(self, handful: _Handful) -> None:
        """Publish, then remember."""
        effects, handful.effects = handful.effects, []
        await self.publisher.publish([out for effect in effects for out in effect.outputs])
        marks = {place: mark for effect in effects for place, mark in effect.marks.items()}
        await self.publisher.publish(list(marks.values()))
        rows = self.stage.merged([effect.rows for effect in effects])
        if not rows:
            return
        if self.clock() - self._committed_at > self.place.session_s / 3:
            await self._commit()
        await self.publisher.publish(
            [Outgoing(self.changelog_topic, key, value, partition_of(key)) for key, value in rows]
        )
        for key, value in rows:
            if value is None:
                self.table.pop(key, None)
            else:
                self.table[key] = value

    async def _commit(self) -> None:
        """Commit what is handled; this also tells whether our place is still ours."""
        asked_at, offsets = self.clock(), self._uncommitted()
        if not await self.place.commit(offsets):
            raise _PlaceLost
        self._committed.update(offsets)
        self._committed_at = asked_at

    def _uncommitted(self) -> dict[Spot, int]:
        """Return what is new to commit, or something old: there must be an answer."""
        new = {at: to for at, to in self.positions.items() if self._committed.get(at) != to}
        return new or dict(list(self.positions.items())[:1])

    async def _drop_dead_sources(self) -> None:
        live = {number: part.live_sources() for number, part in self._parts.items()}
        for number, source in list(self.silence.dead(self.positions, live)):
            self.health.count("sources_dropped")
            effects = self._parts[number].drop_source(source)
            await self._carry_out(_Handful(self.clock(), {}, effects=[effects]))

    def _close(self) -> None:
        self._parts.clear()
        self.positions = {}
        self._opened_for = None

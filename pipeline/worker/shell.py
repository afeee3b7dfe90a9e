"""A worker's inner loop: messages into the cores, and the order in which effects become real.

In: messages of the partitions that this worker owns, in order; table rows when they have been
restored. Out, for a handful of messages at a time: outputs, then marks, then rows, each only after
the former is acknowledged, and only then the messages count as handled. It knows Faust by four
small protocols and nothing about nodes or incidents.

Two workers must never write the rows of one partition. The broker sees to that, except where a
worker lost its place without knowing (stalled, or cut off, for longer than its session): so before
it writes rows after a long pause it asks, and if the place is lost it forgets what it has done and
is given the messages again.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass, field
from typing import Protocol

from pipeline.clock import monotonic
from pipeline.worker.deadletters import dead_letter
from pipeline.worker.health import Health
from pipeline.worker.publish import Publishes
from pipeline.worker.silence import Silence
from pipeline.worker.stage import Effects, Incoming, Outgoing, Part, Stage, Unreadable, partition_of

MAX_INBOX = 256
"""Messages that wait here; with batches of a few hundred observations of about 300 bytes: 25 MB."""
MAX_HANDFUL = 64
"""Messages whose effects are acknowledged together."""
HANDFUL_S = 0.25
"""Time in the cores after which a handful is complete, so that outputs are prompt."""
TICK_S = 1.0
"""How often silence is judged."""


class Taken(Protocol):
    """A message that Faust has given out."""

    @property
    def message(self) -> Incoming:
        """What it says."""

    @property
    def generation(self) -> int:
        """The assignment under which it was given out."""

    async def handled(self) -> None:
        """Say that it need not come again."""

    def forget(self) -> None:
        """Let it go without saying that it is handled: it comes again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A worker's place in its group."""

    generation: Callable[[], int]
    """The current assignment."""
    confirm: Callable[[Incoming], Awaitable[bool]]
    """Ask the broker whether the place is still ours, given a message that is not yet handled."""
    session_s: float
    """Time after which the broker gives up on a silent worker."""


class _PlaceLost(Exception):  # noqa: N818 - a turn of events, not an error
    """Another worker may own our partitions by now."""


@dataclass(slots=True)
class _Handful:
    """Messages that are handled together, and what is to be done because of them."""

    started: float
    taken: list[Taken] = field(default_factory=list)
    effects: list[Effects] = field(default_factory=list)


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
    positions: dict[tuple[str, int], int] = field(default_factory=dict, init=False)
    """Offset after the last handled message, by topic and partition."""
    _inbox: asyncio.Queue[Taken] = field(
        default_factory=lambda: asyncio.Queue(MAX_INBOX), init=False
    )
    _parts: dict[int, Part] = field(default_factory=dict, init=False)
    _opened_for: int | None = field(default=None, init=False)
    _lost: int | None = field(default=None, init=False)
    _opened: asyncio.Event = field(default_factory=asyncio.Event, init=False)

    @property
    def is_open(self) -> bool:
        """Whether the state is restored and messages are being handled."""
        return self._opened_for is not None

    def open_for(self, partitions: Iterable[int]) -> None:
        """Build the cores of the own partitions from the restored table."""
        own = set(partitions)
        for key in [key for key in self.table if partition_of(key) not in own]:
            del self.table[key]
        rows: dict[int, list[tuple[bytes, bytes]]] = {number: [] for number in own}
        for key, value in self.table.items():
            rows[partition_of(key)].append((key, value))
        self._parts = {number: self._restored(number, rows[number]) for number in sorted(own)}
        self.positions.clear()
        self.silence.reset()
        self._opened_for = self.place.generation()
        self._opened.set()

    def close(self) -> None:
        """Let go of all partitions: they may come back, with other rows."""
        self._parts.clear()
        self._opened_for = None
        self._opened.clear()

    async def offer(self, taken: Taken) -> None:
        """Put a message in; wait while there are too many."""
        await self._inbox.put(taken)

    async def run(self) -> None:
        """Handle messages until cancelled."""
        while True:
            try:
                first = await asyncio.wait_for(self._inbox.get(), TICK_S)
            except TimeoutError:
                pass
            else:
                await self._handle_from(first)
            await self._drop_dead_sources()

    async def _handle_from(self, first: Taken) -> None:
        """Handle a handful of messages, beginning with one."""
        handful = _Handful(self.clock())
        waiting: Taken | None = first
        try:
            while waiting is not None:
                if await self._admitted(waiting):
                    handful.taken.append(waiting)
                    effects = await self._apply(waiting.message, handful)
                    handful.effects.append(effects)  # only now: applying may have carried out some
                else:
                    waiting.forget()
                waiting = self._next(handful)
            await self._carry_out(handful)
        except _PlaceLost:
            self._give_up(handful.taken)
            return
        for taken in handful.taken:
            message = taken.message
            self.positions[message.topic, message.partition] = message.offset + 1
            await taken.handled()

    def _next(self, handful: _Handful) -> Taken | None:
        complete = len(handful.taken) >= MAX_HANDFUL or self.clock() - handful.started > HANDFUL_S
        return None if complete or self._inbox.empty() else self._inbox.get_nowait()

    async def _admitted(self, taken: Taken) -> bool:
        """Wait for the core of a message; return False where it will come again (to another)."""
        while taken.generation == self.place.generation() != self._lost:
            if self._opened_for == taken.generation:
                return True
            await self._opened.wait()
        return False

    async def _apply(self, message: Incoming, handful: _Handful) -> Effects:
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

    def _rejected(self, message: Incoming, code: str, what: str) -> Effects:
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
        await self._confirm_place(handful)
        await self.publisher.publish(
            [Outgoing(self.changelog_topic, key, value, partition_of(key)) for key, value in rows]
        )
        for key, value in rows:
            if value is None:
                self.table.pop(key, None)
            else:
                self.table[key] = value

    async def _confirm_place(self, handful: _Handful) -> None:
        """After a long pause, make sure that the rows are still ours to write."""
        if not handful.taken or self.clock() - handful.started < self.place.session_s / 2:
            return
        if not await self.place.confirm(handful.taken[0].message):
            raise _PlaceLost

    def _give_up(self, handful: Iterable[Taken]) -> None:
        """Forget what was done since the last rows: it is done again, here or elsewhere."""
        self.health.count("places_lost")
        self._lost = self._opened_for
        self.close()
        for taken in handful:
            taken.forget()

    async def _drop_dead_sources(self) -> None:
        live = {number: part.live_sources() for number, part in self._parts.items()}
        for number, source in list(self.silence.dead(self.positions, live)):
            self.health.count("sources_dropped")
            effects = self._parts[number].drop_source(source)
            await self._carry_out(_Handful(self.clock(), effects=[effects]))

"""A broker in memory for the worker's shell: a changelog, commits, kills and lost messages."""

import asyncio
import itertools
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from pipeline.broker.message import Message
from pipeline.health import Health
from pipeline.worker.shell import Shell, Spot
from pipeline.worker.silence import Silence
from pipeline.worker.stage import Outgoing
from servers.counting import FEEDS, CountingStage

PREFIX = "t"
CHANGELOG = "changelog"
REJECTED = "rejected"


class Killed(BaseException):
    """The worker process is gone, here and now."""


@dataclass
class Given:
    """A message handed to the shell."""

    message: Message
    generation: int
    released: bool = False

    def release(self) -> None:
        """Note it."""
        self.released = True


@dataclass
class Broker:
    """What outlives the workers."""

    messages: dict[Spot, list[Message]] = field(default_factory=dict)
    published: list[Outgoing] = field(default_factory=list)
    committed: dict[Spot, int] = field(default_factory=dict)
    generation: int = 0

    def send(self, spot: Spot, key: bytes, value: bytes = b"x") -> None:
        """Append a message."""
        log = self.messages.setdefault(spot, [])
        log.append(Message(spot[0], spot[1], len(log), key, value))

    def rows(self) -> dict[bytes, bytes]:
        """Return the latest value of each row."""
        found: dict[bytes, bytes] = {}
        for message in self.published:
            if message.topic == CHANGELOG and message.key is not None:
                found[message.key] = message.value or b""
        return found

    def counts(self) -> Counter[str]:
        """Return what the rows say has been counted, by key."""
        rows = self.rows().items()
        return Counter({key.decode().split("|")[1]: json.loads(v)["count"] for key, v in rows})

    def told(self) -> Counter[str]:
        """Return the highest count that was published for each key."""
        best: Counter[str] = Counter()
        for message in self.published:
            if message.topic == f"{PREFIX}.symptoms":
                key = (message.key or b"").decode()
                best[key] = max(best[key], int(message.value or b"0"))
        return best

    def sent(self) -> Counter[str]:
        """Return how often each key was sent."""
        logs = self.messages.values()
        return Counter((m.key or b"").decode() for log in logs for m in log)


@dataclass
class InMemory:
    """One worker process on that broker: its shell, and what Faust and the network do to it."""

    broker: Broker
    kill_at: int = -1
    """The publish call at which it is killed (half of the call's messages get through)."""
    lose: frozenset[int] = frozenset()
    """Which deliveries get lost on their way to the shell."""
    keeps_place: bool = True
    session_s: float = 6.0
    _calls: Iterator[int] = field(default_factory=itertools.count)
    _deliveries: Iterator[int] = field(default_factory=itertools.count)
    _cursor: dict[Spot, int] = field(default_factory=dict)
    _now: float = 0.0

    def __post_init__(self) -> None:
        self.broker.generation += 1
        self._mine = self.broker.generation
        self.health = Health("count", clock=self._clock)
        self.shell = Shell(
            stage=CountingStage(PREFIX),
            rejected_topic=REJECTED,
            changelog_topic=CHANGELOG,
            table=self.broker.rows(),
            publisher=self,
            place=self,
            health=self.health,
            silence=Silence(60),
            clock=self._clock,
            tick_s=0.001,
        )
        start = {spot: self.broker.committed.get(spot, 0) for spot in self.broker.messages}
        self._cursor = dict(start)
        self.shell.enter(start)

    def _clock(self) -> float:
        self._now += 0.02
        return self._now

    def generation(self) -> int:
        """Return the assignment."""
        return self._mine

    async def publish(self, messages: Sequence[Outgoing]) -> None:
        """Publish, or be killed in the middle."""
        if next(self._calls) == self.kill_at:
            self.broker.published += messages[: len(messages) // 2]
            raise Killed
        self.broker.published += messages
        await asyncio.sleep(0)

    async def commit(self, offsets: Mapping[Spot, int]) -> bool:
        """Commit, unless the place is lost."""
        if self.keeps_place:
            self.broker.committed.update(offsets)
        return self.keeps_place

    async def next_from(self, spot: Spot, offset: int) -> int:
        """Return where the next message lies."""
        return next(m.offset for m in self.broker.messages[spot] if m.offset >= offset)

    async def go_back(self, spot: Spot, offset: int) -> None:
        """Deliver again from an offset."""
        self._cursor[spot] = offset

    async def work(self, until: Callable[[], bool]) -> None:
        """Deliver and handle until something holds, or until killed."""
        loop = asyncio.ensure_future(self.shell.run())
        while not until() and not loop.done():
            await self._deliver()
            ends = {spot: log[-1].offset + 1 for spot, log in self.broker.messages.items()}
            self.shell.looked(ends, self._now)
        loop.cancel()
        with suppress(asyncio.CancelledError):
            await loop

    def done(self) -> bool:
        """Say whether everything is handled and committed."""
        ends = {spot: log[-1].offset + 1 for spot, log in self.broker.messages.items()}
        return self.broker.committed == ends

    async def _deliver(self) -> None:
        for spot, log in self.broker.messages.items():
            at = self._cursor[spot]
            following = [message for message in log if message.offset >= at]
            if following:
                self._cursor[spot] = following[0].offset + 1
                if next(self._deliveries) not in self.lose:
                    await self.shell.offer(Given(following[0], self._mine))
        await asyncio.sleep(0.0005)


def spots() -> list[Spot]:
    """Return a few topics and partitions."""
    return [(f"{PREFIX}.observations.{feed}", number) for feed in FEEDS for number in (0, 1)]

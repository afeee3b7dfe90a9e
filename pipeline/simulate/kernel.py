"""Time and chance of a simulated world.

SimPy runs the processes; times are seconds since the start of the recording. Chance comes from
streams that are named after who draws, so that one more actor does not change what others do.
"""

import random
from collections.abc import Callable, Generator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import simpy

from pipeline.simulate.recorder import Recorder

Steps = Generator[simpy.Event, Any, Any]
"""What a simulated process is: it yields what it waits for."""

START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
"""A Monday morning."""


class Kernel:
    """The clock, the chance and the recorder that all mechanisms share."""

    def __init__(self, recorder: Recorder, *, seed: int, length_s: float) -> None:
        self.env = simpy.Environment()
        self.recorder = recorder
        self.length_s = length_s
        self._seed = seed

    @property
    def now(self) -> float:
        """Return the seconds since the recording's start."""
        return float(self.env.now)

    @property
    def time(self) -> datetime:
        """Return the present instant, to the microsecond."""
        return START + timedelta(microseconds=round(self.now * 1e6))

    def chance(self, *name: str) -> random.Random:
        """Return the random stream of an actor, at its beginning."""
        return random.Random("/".join((str(self._seed), *name)))  # noqa: S311 - a story, no secret

    def start(self, steps: Steps) -> simpy.Process:
        """Let a process run."""
        return self.env.process(steps)

    def wait(self, seconds: float) -> simpy.Timeout:
        """Return what to yield in order to wait."""
        return self.env.timeout(max(0.0, seconds))

    def at(self, second: float, act: Callable[[], None]) -> None:
        """Have something done at a time: how scenarios intervene."""

        def later() -> Steps:
            yield self.wait(second - self.now)
            act()

        self.start(later())

    def run(self) -> None:
        """Run to the end of the recording."""
        self.env.run(until=self.length_s)


def periods(chance: random.Random, period_s: float, jitter: float = 0.0) -> Iterator[float]:
    """Yield waits about a period long, each longer or shorter by up to the share ``jitter``."""
    while True:
        yield period_s * (1 + jitter * (2 * chance.random() - 1))

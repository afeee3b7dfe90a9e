"""Waiting after trouble: longer each time, never in step with others, cut short by news."""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from pipeline.errors import BrokenWorld

FIRST_S = 0.5
LONGEST_S = 30.0
"""A server that comes back is noticed within so long; sooner where there is news."""

T = TypeVar("T")


@dataclass(slots=True)
class Pause:
    """The back-off of one task."""

    first_s: float = FIRST_S
    longest_s: float = LONGEST_S
    _next_s: float = field(init=False)

    def __post_init__(self) -> None:
        self._next_s = self.first_s

    def reset(self) -> None:
        """Note that all went well."""
        self._next_s = self.first_s

    async def wait(
        self, *, at_least_s: float | None = None, news: asyncio.Event | None = None
    ) -> None:
        """Wait, between half and the whole of the back-off; news ends it at once.

        ``at_least_s`` is what the server asked for (``Retry-After``).
        """
        seconds = max(random.uniform(self._next_s / 2, self._next_s), at_least_s or 0.0)  # noqa: S311 - jitter, not a secret
        self._next_s = min(2 * self._next_s, self.longest_s)
        if news is None:
            await asyncio.sleep(seconds)
            return
        try:
            await asyncio.wait_for(news.wait(), seconds)
        except TimeoutError:
            return


async def in_the_end(ask: Callable[[], T], on_trouble: Callable[[str | None], None]) -> T:
    """Return what a blocking question brings, asked in a thread, again and again if need be.

    ``on_trouble`` is told in one line what is wrong; None: it is over.
    """
    pause = Pause()
    try:
        while True:
            try:
                return await asyncio.to_thread(ask)
            except BrokenWorld as trouble:
                on_trouble(str(trouble))
                await pause.wait()
    finally:
        on_trouble(None)

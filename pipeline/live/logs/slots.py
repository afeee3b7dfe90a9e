"""What all followers share: how many streams there are at once, and how many are being opened."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass

OPENING_S = 5.0
"""The kubelet does not even answer before the container's first line. A stream that has not been
refused for so long is as good as open: refusals come at once."""


@dataclass(slots=True)
class Slots:
    """The places of one process."""

    streams: asyncio.Semaphore
    """Logs followed at once."""
    reads: asyncio.Semaphore
    """Logs read to their end at once: these must not wait until others are no longer followed."""
    connects: asyncio.Semaphore
    """Streams that are being opened at once: 2,000 at one moment would look like an attack."""
    waiting: int = 0
    """Followers that wait for a stream."""

    @asynccontextmanager
    async def stream(self) -> AsyncIterator[None]:
        """Hold one of the streams."""
        self.waiting += 1
        try:
            await self.streams.acquire()
        finally:
            self.waiting -= 1
        try:
            yield
        finally:
            self.streams.release()

    @asynccontextmanager
    async def opening(self, as_good_as_open: Callable[[], None]) -> AsyncIterator[None]:
        """Hold a place among those who open a stream, for :data:`OPENING_S` at most.

        Then ``as_good_as_open`` is called: silent containers would keep out all others.
        """
        await self.connects.acquire()
        place = ExitStack()
        place.callback(self.connects.release)

        def silent() -> None:
            place.close()
            as_good_as_open()

        timer = asyncio.get_running_loop().call_later(OPENING_S, silent)
        try:
            yield
        finally:
            timer.cancel()
            place.close()

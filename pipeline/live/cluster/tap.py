"""A stream of small pieces, read less often: the kernel collects them meanwhile.

In: the chunks of one connection, and its transport. Out: the same bytes, in fewer chunks, each a
moment late. Nothing is kept here: what is not read waits with the kernel, then with its sender.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Callable

GATHER_S = 0.25
"""Between two reads. Ten thousand lines a second, each by itself, would wake us ten thousand times,
and to be woken costs more than a line."""
WORTH_LINES = 2
"""Where fewer lines are to be expected in that time, each is read at once: stopping costs, too."""
TLS_BYTES = 8 * 1024
"""Of one connection that are received at once, and held without being deciphered at most. asyncio
takes 256 KiB for each."""
BACKLOG_BYTES = TLS_BYTES // 2
"""Where so much has just come, more is waiting: it is read without a stop, for :data:`GATHER_S`."""


async def gathered(
    chunks: AsyncIterable[bytes], transport: asyncio.ReadTransport
) -> AsyncGenerator[bytes, None]:
    """Yield chunks of lines; where lines come quickly, do not read for a while in between.

    Close it (``aclosing``) before the transport is closed.
    """
    loop = asyncio.get_running_loop()
    tap = _Tap(transport)
    since, lines, size = loop.time(), 0, 0
    try:
        async for chunk in chunks:
            yield chunk
            lines += chunk.count(b"\n")
            size += len(chunk)
            passed = loop.time() - since
            worth = lines * GATHER_S >= WORTH_LINES * passed and size < BACKLOG_BYTES
            if worth:
                tap.close()
            if worth or passed > GATHER_S:
                since, lines, size = since + passed, 0, 0
    finally:
        tap.open()


class _Tap:
    """Stops the reading of a connection for a while."""

    __slots__ = ("_limit", "_opening", "_transport")

    def __init__(self, transport: asyncio.ReadTransport) -> None:
        self._transport = transport
        self._opening: asyncio.TimerHandle | None = None
        # a TLS transport that is paused goes on reading, up to a limit: at the limit nought it
        # stops, above it reads on
        self._limit: Callable[[int], None] | None = getattr(
            transport, "set_read_buffer_limits", None
        )
        if self._limit is not None:
            self._limit(TLS_BYTES)

    def close(self) -> None:
        """Read no more; it opens by itself."""
        if self._opening is not None or self._transport.is_closing():
            return
        self._opening = asyncio.get_running_loop().call_later(GATHER_S, self.open)
        if self._limit is None:
            self._transport.pause_reading()
        else:
            self._limit(0)

    def open(self) -> None:
        """Read on."""
        if self._opening is None:
            return
        self._opening.cancel()
        self._opening = None
        if self._transport.is_closing():
            return
        if self._limit is None:
            self._transport.resume_reading()
        else:
            self._limit(TLS_BYTES)

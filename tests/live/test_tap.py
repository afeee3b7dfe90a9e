"""Reading less often loses nothing, keeps the order, and holds up neither a line nor a backlog."""

import asyncio
import ssl
from asyncio.sslproto import SSLProtocol
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, suppress
from pathlib import Path

import pytest

from pipeline.live.cluster.tap import GATHER_S, TLS_BYTES, gathered
from servers.certificates import Authority

Writing = Callable[[asyncio.StreamWriter], Awaitable[None]]
Taken = list[tuple[float, bytes]]
"""Chunks, and when they came."""
QUICK_S = 0.01
ENDLESS = 2**30
"""So that asyncio's reader never opens the tap by itself."""


class Wire:
    """Connections over loopback, plain or TLS."""

    def __init__(self, server: ssl.SSLContext | None, client: ssl.SSLContext | None) -> None:
        self._server, self._client = server, client

    def carry(self, write: Writing, *, until_s: float | None = None) -> Taken:
        """Return what comes out of what is written (until then)."""
        return asyncio.run(self._carried(write, until_s))

    async def _carried(self, write: Writing, until_s: float | None) -> Taken:
        async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with suppress(ConnectionError):
                await write(writer)
                writer.close()
                await writer.wait_closed()
            served.set()

        served = asyncio.Event()
        serving = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=self._server)
        host, port = serving.sockets[0].getsockname()
        reader, writer = await asyncio.open_connection(host, port, ssl=self._client, limit=ENDLESS)
        assert isinstance(writer.transport, asyncio.Transport)
        taken: Taken = []
        began = asyncio.get_running_loop().time()
        with suppress(TimeoutError):
            async with (
                asyncio.timeout(until_s),
                aclosing(gathered(_chunks(reader), writer.transport)) as chunks,
            ):
                async for chunk in chunks:
                    taken.append((asyncio.get_running_loop().time() - began, chunk))
        writer.close()
        with suppress(ssl.SSLError):  # the other side still writes
            await asyncio.wait_for(writer.wait_closed(), 5)
        await served.wait()
        serving.close()
        return taken


async def _chunks(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    while chunk := await reader.read(2 * TLS_BYTES):
        yield chunk


@pytest.fixture(params=["plain", "tls"])
def wire(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Wire:
    """A way to connect."""
    if request.param == "plain":
        return Wire(None, None)
    monkeypatch.setattr(SSLProtocol, "max_size", TLS_BYTES)  # as the cluster's API does
    authority = Authority(tmp_path)
    return Wire(*_contexts(authority, authority.certificate))


def _contexts(authority: Authority, ca: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    pair = authority.signed("localhost")
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(pair.certificate, pair.key)
    return server, ssl.create_default_context(cafile=str(ca))


def _whole(taken: Taken) -> bytes:
    return b"".join(chunk for _, chunk in taken)


async def _quick_lines(writer: asyncio.StreamWriter) -> None:
    for number in range(100):
        writer.write(b"%03d\n" % number)
        await asyncio.sleep(QUICK_S)


def test_quick_lines_come_in_order_and_in_few_chunks(wire: Wire) -> None:
    taken = wire.carry(_quick_lines)
    assert _whole(taken) == b"".join(b"%03d\n" % n for n in range(100))
    assert len(taken) < 25


def test_what_is_written_before_the_end_is_read_whole(wire: Wire) -> None:
    async def write(writer: asyncio.StreamWriter) -> None:
        for number in range(20):  # the tap is closed when the end comes
            writer.write(b"%02d\n" % number)
            await asyncio.sleep(QUICK_S / 10)

    taken = wire.carry(write)
    assert _whole(taken) == b"".join(b"%02d\n" % n for n in range(20))


def test_slow_lines_come_one_by_one(wire: Wire) -> None:
    async def write(writer: asyncio.StreamWriter) -> None:
        for _ in range(5):
            await asyncio.sleep(0.6 * GATHER_S)
            writer.write(b"line\n")

    assert [chunk for _, chunk in wire.carry(write)] == [b"line\n"] * 5


def test_a_backlog_is_read_at_once(wire: Wire) -> None:
    lines = b"x" * 199 + b"\n"

    async def write(writer: asyncio.StreamWriter) -> None:
        for _ in range(400):
            writer.write(lines * 100)
            await writer.drain()

    taken = wire.carry(write)
    assert len(_whole(taken)) == 400 * 100 * 200
    assert taken[-1][0] < 4  # 500 chunks, with a pause behind each


def test_a_connection_may_be_closed_while_it_is_not_read(wire: Wire) -> None:
    assert wire.carry(_quick_lines, until_s=GATHER_S / 2)

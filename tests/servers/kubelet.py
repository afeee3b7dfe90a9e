"""A stand-in for the log endpoint of a kubelet, behind the real API server (TLS, loopback).

``GET /containerLogs/{namespace}/{pod}/{container}?follow&timestamps&sinceSeconds&sinceTime&
tailLines&previous``. It keeps logs in memory and does to them what kubelets do: restarts,
rotations, broken connections. Only the API server's certificate opens a connection.

In a test: :class:`Kubelet`. As a process of its own that also writes (for benchmarks)::

    python -m servers.kubelet --folder CERTIFICATES --port P --containers 500 --rate 20
"""

import argparse
import asyncio
import json
import signal
import ssl
import threading
from collections import deque
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from time import time_ns
from typing import TypeVar

from aiohttp import web

from servers import children
from servers.certificates import Pair
from servers.container_logs import Asked, ContainerLogs, LogFile, Question, nanoseconds

_READ_LINES = 500
"""At once: 50 kB in lines of 100 bytes, below the connection's own high-water mark of 64 KiB."""
_REMEMBERED = 10_000
"""Questions, for tests to look at."""
_KEEP_S = 60
"""Of a load that is kept: 500 containers × 20 lines/s × 60 s × 250 bytes are 150 MB."""
_TICK_S = 0.005
"""Between two looks at what is due: far below any lag that is measured."""

Key = tuple[str, str, str]
T = TypeVar("T")


@dataclass(slots=True)
class _Logs:
    """What the endpoint answers from; belongs to the loop's thread."""

    containers: dict[Key, ContainerLogs] = field(default_factory=dict)
    following: dict[Key, set[asyncio.Transport | None]] = field(default_factory=dict)
    """Connections on which a container is followed now."""
    asked: deque[tuple[Key, dict[str, str]]] = field(
        default_factory=lambda: deque(maxlen=_REMEMBERED)
    )
    refusing: bool = False

    def of(self, key: Key) -> ContainerLogs:
        """Return a container's logs, made on first use."""
        return self.containers.setdefault(key, ContainerLogs())

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Answer a question of the API server."""
        key = (request.match_info["ns"], request.match_info["pod"], request.match_info["name"])
        query = dict(request.query)
        self.asked.append((key, query))
        if self.refusing:
            return web.Response(status=500, text="the runtime does not answer")
        logs = self.containers.get(key)
        if logs is None:
            return web.Response(status=404, text=f"pod or container not found: {'/'.join(key)}")
        try:
            question = Question.parsed(query, now_ns=time_ns())
        except Asked as refusal:
            return web.Response(status=400, text=str(refusal))
        file = logs.file(question)
        if file is None:
            text = f'previous terminated container "{key[2]}" in pod "{key[1]}" not found'
            return web.Response(status=400, text=text)
        return await self._told(request, key, file, question)

    async def _told(
        self, request: web.Request, key: Key, file: LogFile, question: Question
    ) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/plain"})
        response.enable_chunked_encoding()
        connection = request.transport
        followers = self.following.setdefault(key, set())
        if question.follow:
            followers.add(connection)
        try:
            await _send(request, response, file, question)
        except ConnectionError:
            pass  # the reader has gone, or we have dropped him
        finally:
            followers.discard(connection)
        return response


async def _send(
    request: web.Request, response: web.StreamResponse, file: LogFile, question: Question
) -> None:
    """Send what there is and what comes; as of a real kubelet, nothing before the first line."""
    place = file.begin(question)
    while True:
        place, text = file.read(place, most=_READ_LINES, timestamps=question.timestamps)
        if text:
            if not response.prepared:
                await response.prepare(request)
            await response.write(text)
        elif file.ended or not question.follow:
            return
        else:
            waiter = asyncio.get_running_loop().create_future()
            file.waiting.append(waiter)
            await waiter


@dataclass
class Kubelet:
    """The endpoint in a thread of its own; its methods may be called from any other thread.

    Each returns when it is done: what is written is there for the next reader, and in the order of
    the calls. A container exists from its first line, or from :meth:`add` on.
    """

    pair: Pair
    authority: Path
    """Who must have signed the API server's certificate."""
    port: int = field(default_factory=children.free_port)

    def __post_init__(self) -> None:
        """Make it; nothing listens yet."""
        self._logs = _Logs()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="kubelet", daemon=True)
        self._runner: web.AppRunner | None = None

    def start(self) -> None:
        """Listen, unless it does; after :meth:`stop`, on the same port and with the same logs."""
        if self._runner is not None:
            return
        if not self._thread.is_alive():
            self._thread.start()
        serving = _serving(self._logs, self.pair, self.authority, self.port)
        self._runner = asyncio.run_coroutine_threadsafe(serving, self._loop).result()

    def stop(self) -> None:
        """Break off all connections and stop listening: the API server answers 500 for us."""
        runner, self._runner = self._runner, None
        if runner is not None:
            asyncio.run_coroutine_threadsafe(self._ended(runner), self._loop).result()

    def close(self) -> None:
        """Stop for good."""
        self.stop()
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
        self._loop.close()

    def add(self, namespace: str, pod: str, container: str) -> None:
        """Let a container exist, with an empty log."""
        self._do(lambda: self._logs.of((namespace, pod, container)))

    def write(
        self,
        namespace: str,
        pod: str,
        container: str,
        *lines: str | bytes,
        time: datetime | int | None = None,
        newline: bool = True,
    ) -> None:
        """Append lines to a container's log; all have the same time, by default each its own, now.

        A time is a datetime, or nanoseconds since 1970. ``newline=False`` leaves the newline out,
        as does a process that dies in the middle of a line.
        """
        at = nanoseconds(time) if isinstance(time, datetime) else time
        ending = b"\n" if newline else b""

        def append() -> None:
            file = self._logs.of((namespace, pod, container)).current
            for line in lines:
                text = line.encode() if isinstance(line, str) else line
                file.append(time_ns() if at is None else at, text + ending)

        self._do(append)

    def end(self, namespace: str, pod: str, container: str) -> None:
        """The container ends: who follows it gets the last line, then the end of the stream."""
        self._do(lambda: self._logs.of((namespace, pod, container)).end())

    def restart(self, namespace: str, pod: str, container: str) -> None:
        """The container ends and begins anew: its log becomes the previous one (at most one)."""
        self._do(lambda: self._logs.of((namespace, pod, container)).restart())

    def rotate(self, namespace: str, pod: str, container: str, *, stalls: bool = True) -> None:
        """Begin an empty log file: what was written is out of reach.

        Streams that follow stay open and say nothing more (as many real kubelets do), or, with
        ``stalls=False``, go on with the new file.
        """
        self._do(lambda: self._logs.of((namespace, pod, container)).rotate(stalls=stalls))

    def remove(self, namespace: str, pod: str) -> None:
        """The pod is gone with all its logs: streams end, questions are answered 404."""

        def forget() -> None:
            for key in [key for key in self._logs.containers if key[:2] == (namespace, pod)]:
                self._logs.containers.pop(key).end()

        self._do(forget)

    def drop(self, namespace: str, pod: str, container: str) -> int:
        """Cut the connections that follow a container, in the middle; return how many."""

        def cut() -> int:
            return _cut(self._logs.following.get((namespace, pod, container), ()))

        return self._do(cut)

    @contextmanager
    def refusing(self) -> Iterator[None]:
        """Answer new questions with 500 inside the block; open streams go on."""
        self._do(lambda: setattr(self._logs, "refusing", True))
        try:
            yield
        finally:
            self._do(lambda: setattr(self._logs, "refusing", False))

    def followers(self, namespace: str, pod: str, container: str) -> int:
        """Return how many streams follow a container now."""
        return self._do(lambda: len(self._logs.following.get((namespace, pod, container), ())))

    def asked(self, namespace: str, pod: str, container: str) -> list[dict[str, str]]:
        """Return the queries that a container's log was asked with, in order."""
        key = (namespace, pod, container)
        return self._do(lambda: [query for which, query in self._logs.asked if which == key])

    def _do(self, work: Callable[[], T]) -> T:
        """Do something in the loop's thread and return what comes of it."""

        async def done() -> T:
            return work()

        return asyncio.run_coroutine_threadsafe(done(), self._loop).result()

    async def _ended(self, runner: web.AppRunner) -> None:
        if runner.server is not None:  # idle connections too: the API server keeps them for later
            _cut([connection.transport for connection in runner.server.connections])
        await runner.cleanup()


async def _serving(logs: _Logs, pair: Pair, authority: Path, port: int) -> web.AppRunner:
    application = web.Application()
    application.router.add_get("/containerLogs/{ns}/{pod}/{name}", logs.answer)
    runner = web.AppRunner(
        application,
        access_log=None,
        handler_cancellation=True,  # who has gone follows no more
        shutdown_timeout=0.1,
    )
    await runner.setup()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(authority))
    context.load_cert_chain(pair.certificate, pair.key)
    context.verify_mode = ssl.CERT_REQUIRED
    await web.TCPSite(runner, "127.0.0.1", port, ssl_context=context, backlog=1024).start()
    return runner


def _cut(connections: Collection[asyncio.Transport | None]) -> int:
    for connection in connections:
        if connection is not None:
            connection.abort()
    return len(connections)


class _Load:
    """Containers ``main`` of pods ``load-0`` …, each writing numbered lines at an even rate."""

    def __init__(self, logs: _Logs, asked: argparse.Namespace) -> None:
        keys = [(asked.namespace, f"load-{number}", "main") for number in range(asked.containers)]
        self._files = [logs.of(key).current for key in keys]
        for file in self._files:
            file.keep = max(int(asked.rate * _KEEP_S), 1)
        self._per_s = asked.rate * asked.containers
        self._filling = b"." * max(asked.bytes - len(b"00000000 load-000 \n"), 0)
        self.written = 0

    async def run(self) -> None:
        """Write for ever, the containers in turn; what was due late is written late."""
        loop = asyncio.get_running_loop()
        begin = loop.time()
        while True:
            due = int((loop.time() - begin) * self._per_s)
            for number in range(self.written, due):
                turn, which = divmod(number, len(self._files))
                line = b"%08d load-%03d %s\n" % (turn, which, self._filling)
                self._files[which].append(time_ns(), line)
            self.written = due
            await asyncio.sleep(_TICK_S)


async def _main(asked: argparse.Namespace) -> None:
    logs = _Logs()
    load = _Load(logs, asked)
    pair = Pair(asked.folder / "kubelet.pem", asked.folder / "kubelet.key")
    runner = await _serving(logs, pair, asked.folder / "ca.pem", asked.port)
    writing = asyncio.create_task(load.run())
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, writing.cancel)
    with suppress(asyncio.CancelledError):
        await writing
    await runner.cleanup()
    print(json.dumps({"lines": load.written}))  # noqa: T201 - for the benchmark that started it


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="A kubelet's log endpoint that writes by itself.")
    parser.add_argument("--folder", type=Path, required=True, help="of the control plane")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--namespace", default="load")
    parser.add_argument("--containers", type=int, default=500)
    parser.add_argument("--rate", type=float, default=20.0, help="lines a second and container")
    parser.add_argument("--bytes", type=int, default=120, help="of a line, without its stamp")
    return parser.parse_args()


if __name__ == "__main__":
    asyncio.run(_main(_arguments()))

"""A fleet on a stand-in for the cluster's API: pods are told to it by hand."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import wraps
from typing import Any, ParamSpec

from aiohttp import web

from live_api import Answer, answering
from live_sink import KeptSink
from pipeline import clock
from pipeline.ingest.route import Router
from pipeline.live.cluster.api import ClusterApi
from pipeline.live.logs.fleet import Fleet
from pipeline.live.logs.follow import Follower
from pipeline.live.shards import Shard
from pipeline.records import LogPosition, Placement
from pipeline.settings_ingest import LogSettings
from topology.load import load
from topology.model import Application
from topology.versions import Timeline

HUB = "jupyterhub-124-x7k2p"
BORN = "2026-03-02T10:00:00Z"
RUNNING: dict[str, Any] = {"running": {}}


P = ParamSpec("P")


def looped(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Run a test in an event loop of its own."""

    @wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        asyncio.run(test(*args, **kwargs))

    return run


def stamp(time: datetime) -> str:
    """Return a time as the API writes it, with microseconds."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def logged(*texts: str) -> bytes:
    """Return lines of a log that are written now."""
    return b"".join(f"{stamp(clock.now())} {text}\n".encode() for text in texts)


def pod(
    name: str = HUB,
    uid: str = "u1",
    *,
    restarts: int = 0,
    state: dict[str, Any] | None = None,
    last: dict[str, Any] | None = None,
    phase: str = "Running",
) -> dict[str, Any]:
    """Return a pod with one container."""
    container = {
        "name": "main",
        "restartCount": restarts,
        "state": RUNNING if state is None else state,
        "lastState": last or {},
    }
    meta = {"namespace": "ns", "name": name, "uid": uid, "creationTimestamp": BORN}
    return {"metadata": meta, "status": {"phase": phase, "containerStatuses": [container]}}


def ended(at: datetime | None = None) -> dict[str, Any]:
    """Return the state of a container that has ended."""
    return {"terminated": {"exitCode": 1, "finishedAt": stamp(at or clock.now())}}


@dataclass
class Site:
    """The fleet, and what it brings."""

    fleet: Fleet
    sink: KeptSink
    tasks: list["asyncio.Task[None]"]
    placements: list[Placement] = field(default_factory=list)

    async def until(self, fact: Callable[[], bool], within_s: float = 5.0) -> None:
        """Wait until something holds; fail with what was read instead."""
        try:
            async with asyncio.timeout(within_s):
                while not fact():
                    await asyncio.sleep(0.01)
        except TimeoutError:
            raise AssertionError(f"{self.sink.texts()}, {self.sink.gaps}") from None

    async def read(self, *texts: str) -> None:
        """Wait until just these lines have been read."""
        await self.until(lambda: self.sink.texts() == list(texts))


def fleet_of(  # noqa: PLR0913 - one for each thing that a test may choose
    api: ClusterApi,
    sink: KeptSink,
    spawn: Callable[[Follower], "asyncio.Task[None]"],
    placements: list[Placement],
    *,
    logs: LogSettings | None = None,
    positions: dict[str, LogPosition] | None = None,
    ahead: tuple[Application, ...] = (),
) -> Fleet:
    """Return a fleet that follows what belongs to JupyterHub; ``ahead`` are later versions."""
    application = load("jupyterhub-openshift", {})
    return Fleet(
        api=api,
        sink=sink,
        router=Router([Timeline.of([application, *ahead])]),
        shard=Shard(0, 1),
        settings=logs or LogSettings(),
        source="test",
        spawn=spawn,
        on_placement=placements.append,
        on_missed=lambda _seconds: None,
        applications_of=lambda _node: (application.name,),
        positions=positions or {},
    )


@asynccontextmanager
async def fleet_on(
    answer: Answer,
    *,
    logs: LogSettings | None = None,
    positions: dict[str, LogPosition] | None = None,
) -> AsyncIterator[Site]:
    """Run a fleet inside the block; an unexpected end of a follower fails it."""
    sink, tasks, placements = KeptSink(), list["asyncio.Task[None]"](), list[Placement]()
    async with answering(answer) as api, asyncio.TaskGroup() as group:

        def spawn(follower: Follower) -> "asyncio.Task[None]":
            tasks.append(group.create_task(follower.run()))
            return tasks[-1]

        fleet = fleet_of(api, sink, spawn, placements, logs=logs, positions=positions)
        yield Site(fleet, sink, tasks, placements)
        for task in tasks:
            task.cancel()


async def for_ever(request: web.Request, *parts: bytes) -> web.StreamResponse:
    """Answer with parts, then be silent; without any, do not even answer."""
    response = web.StreamResponse()
    response.enable_chunked_encoding()
    for part in parts:
        if not response.prepared:
            await response.prepare(request)
        await response.write(part)
    await asyncio.Event().wait()
    return response

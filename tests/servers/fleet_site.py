"""Watches and followers of live ingest on a real API server, without a broker behind them."""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from live_sink import KeptSink
from pipeline.ingest.route import Router
from pipeline.live.cluster.api import ClusterApi
from pipeline.live.cluster.watch import Watch
from pipeline.live.events import Events
from pipeline.live.logs.fleet import Fleet
from pipeline.live.logs.follow import Follower
from pipeline.live.shards import Shard
from pipeline.records import LogPosition, Placement
from pipeline.settings_ingest import ClusterSettings, LogSettings
from topology.load import load
from topology.versions import Timeline

PAUSE_S = 0.05


@dataclass
class FleetSite:
    """One namespace, watched and followed."""

    cluster: ClusterSettings
    namespace: str
    logs: LogSettings = field(default_factory=LogSettings)
    shard: Shard = field(default_factory=lambda: Shard(0, 1))
    sink: KeptSink = field(default_factory=KeptSink)
    placements: list[Placement] = field(default_factory=list)
    missed: list[float] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)
    seen: OrderedDict[str, int] = field(default_factory=OrderedDict)
    positions: dict[str, LogPosition] = field(default_factory=dict)
    fleet: Fleet = field(init=False)
    events: Events = field(init=False)

    @asynccontextmanager
    async def running(self) -> AsyncIterator["FleetSite"]:
        """Watch and follow inside the block; an unexpected end of a task fails it."""
        application = load("jupyterhub-openshift", {})
        router = Router([Timeline.of([application])])
        async with ClusterApi(self.cluster) as api, asyncio.TaskGroup() as tasks:
            started: list[asyncio.Task[None]] = []

            def spawn(follower: Follower) -> asyncio.Task[None]:
                started.append(tasks.create_task(follower.run()))
                return started[-1]

            self.fleet = Fleet(
                api=api,
                sink=self.sink,
                router=router,
                shard=self.shard,
                settings=self.logs,
                source="test",
                spawn=spawn,
                on_placement=self.placements.append,
                on_missed=self.missed.append,
                applications_of=lambda _node: (application.name,),
                positions=self.positions,
            )
            self.events = Events(
                sink=self.sink,
                router=router,
                machine_of=self.fleet.machine_of,
                on_missed=self.missed.append,
                seen=self.seen,
            )
            for what, handler in (
                ("pods", self.fleet.door(self.namespace)),
                ("events", self.events),
            ):
                watch = Watch(
                    api=api,
                    path=f"/api/v1/namespaces/{self.namespace}/{what}",
                    handler=handler,
                    timeout_s=self.cluster.watch_timeout_s,
                    on_trouble=self._trouble,
                )
                started.append(tasks.create_task(watch.run()))
            started.append(tasks.create_task(self._tick()))
            yield self
            for task in started:
                task.cancel()

    async def until(self, texts: list[str], *, within_s: float = 20.0) -> None:
        """Wait until just these lines have been read; fail with what was read instead."""
        try:
            async with asyncio.timeout(within_s):
                while self.sink.texts() != texts:
                    await asyncio.sleep(PAUSE_S)
        except TimeoutError:
            raise AssertionError(f"{self.sink.texts()} after {within_s} s") from None

    async def _tick(self) -> None:
        while True:
            self.fleet.tick(asyncio.get_running_loop().time())
            await asyncio.sleep(PAUSE_S)

    def _trouble(self, trouble: str | None) -> None:
        if trouble is not None:
            self.troubles.append(trouble)

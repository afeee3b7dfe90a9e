"""An ingest process at work: watches, followers and queries, wired to one outbox.

In: what was published before. It reads on from there until it is told to stop, or fails; then it
publishes and remembers what it has read, so that the next start goes on.
"""

import asyncio
import socket
from collections import Counter
from collections.abc import Awaitable, Callable
from concurrent.futures import CancelledError
from functools import partial
from uuid import uuid4

from pipeline import clock
from pipeline.health import Health
from pipeline.live.cluster.api import ClusterApi, own_namespace
from pipeline.live.cluster.lease import Lease
from pipeline.live.cluster.watch import Watch
from pipeline.live.event_reading import EventReading
from pipeline.live.logs.fleet import Door, Fleet
from pipeline.live.logs.follow import Follower
from pipeline.live.metrics.queries import Query
from pipeline.live.metrics.reading import MetricReading
from pipeline.live.outbox.positions import Restored
from pipeline.live.pause import in_the_end
from pipeline.live.placements import ended, forgotten, told_placements
from pipeline.live.seen import metrics_of
from pipeline.live.shared import Shared, path_of
from pipeline.live.ticker import Ticker
from pipeline.openmetrics import text_of
from pipeline.records import Gap, LogPosition
from pipeline.settings import Settings
from topology.resolve import Identity

METRICS_S = 5.0
"""Prometheus itself waits ten seconds by default."""
PLACEMENTS_S = 6 * 3600.0
"""Often enough for what is kept a day (``placements.KEPT``)."""

Work = Callable[[], Awaitable[None]]


class Troubles:
    """What is wrong now, by who has it."""

    def __init__(self) -> None:
        self._lines: dict[str, str] = {}

    def note(self, who: str, what: str | None) -> None:
        """Take note of a trouble; None: it is over."""
        if what is None:
            self._lines.pop(who, None)
        else:
            self._lines[who] = what

    def lines(self) -> list[str]:
        """Return one line each."""
        return [self._lines[who] for who in sorted(self._lines)]


class Ingest:
    """One ingest process at work."""

    def __init__(
        self,
        shared: Shared,
        restored: Restored,
        *,
        health: Health,
        troubles: Troubles,
        queries: tuple[Query, ...],
    ) -> None:
        self._shared = shared
        self._began = clock.now()
        self._health = health
        self._troubles = troubles
        self._readers: set[asyncio.Task[None]] = set()
        self._leases: list[Lease] = []
        self._fleet = self._fleet_of(restored.containers)
        self._own = restored.own
        self._doors = [self._fleet.door(namespace) for namespace in shared.namespaces]
        self._events = EventReading(
            shared=shared,
            machine_of=self._fleet.machine_of,
            nodes=self._nodes,
        )
        self._metrics = MetricReading(shared=shared, queries=queries)
        self._ticker = Ticker(
            source=shared.source,
            outbox=shared.outbox,
            fleet=self._fleet,
            health=health,
            checkpoint_s=shared.settings.ingest.checkpoint_s,
            is_ready=self._is_ready,
            times=dict(restored.queries),
            queries=self._metrics.positions,
            metrics_behind=self._metrics.behind,
            events_until=self._events.position,
            counts=self._counts,
            troubles=lambda: [*troubles.lines(), *self._fleet.troubles()],
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Read until told to stop, then publish and remember what was read; so at any other end."""
        # before anything is published: who remembers nothing has published nothing
        self._ticker.checkpoint()
        self._health.metrics = self._metrics_text(asyncio.get_running_loop())
        try:
            async with asyncio.TaskGroup() as self._group:
                for work in (self._shared.outbox.run, self._ticker.run, self._read_pods):
                    self._read(work)
                self._alone("events", self._events.run)
                self._alone("metrics", self._metrics.run)
                await stop.wait()
                for reader in self._readers:
                    reader.cancel()
        finally:
            await self._end()

    async def _end(self) -> None:
        """Publish and remember what was read; then let others read events and metrics."""
        self._health.metrics = None
        self._ticker.checkpoint()
        if not await self._shared.outbox.close():
            self._shared.say("not all could be published in time: the next start reads it again")
        await asyncio.gather(*(lease.release() for lease in self._leases))

    def _read(self, work: Work) -> asyncio.Task[None]:
        """Let something run beside the others; when it fails, all end."""

        async def working() -> None:
            await work()

        task = self._group.create_task(working())
        self._readers.add(task)
        task.add_done_callback(self._readers.discard)
        return task

    def _alone(self, what: str, work: Work) -> None:
        """Let something run that only one process may do: where there are several, with a lease."""
        settings = self._shared.settings
        if self._shared.shard.of == 1:
            self._read(work)
            return
        lease = lease_of(
            settings,
            self._shared.api,
            f"{settings.ingest.source}-{what}",
            on_trouble=partial(self._troubles.note, f"lease {what}"),
        )
        self._leases.append(lease)
        self._read(partial(lease.run, work))

    async def _read_pods(self) -> None:
        """Watch pods until cancelled."""
        async with asyncio.TaskGroup() as group:
            for namespace, door in zip(self._shared.namespaces, self._doors, strict=True):
                group.create_task(self._pod_watch(namespace, door).run())
            group.create_task(self._tell_orphans())
            group.create_task(self._keep_placements())

    def _pod_watch(self, namespace: str | None, door: Door) -> Watch:
        path = path_of("pods", namespace)
        return Watch(
            api=self._shared.api,
            path=path,
            handler=door,
            timeout_s=self._shared.settings.ingest.cluster.watch_timeout_s,
            on_trouble=partial(self._troubles.note, path),
        )

    def _fleet_of(self, positions: dict[str, LogPosition]) -> Fleet:
        shard = self._shared.shard
        return Fleet(
            api=self._shared.api,
            sink=self._shared.sink,
            router=self._shared.router,
            redactor=self._shared.redactor,
            shard=shard,
            settings=self._shared.settings.ingest.logs,
            source=self._shared.source,
            spawn=self._follow,
            on_placement=self._shared.outbox.placement,
            on_missed=self._missed,
            applications_of=self._shared.flow.applications_of,
            positions={
                key: position
                for key, position in positions.items()
                if shard.owns(*key.split("/", 2)[:2])
            },
        )

    def _follow(self, follower: Follower) -> asyncio.Task[None]:
        return self._read(follower.run)

    def _missed(self, seconds: float) -> None:
        self._fleet.counts["pods_unseen_s"] += round(seconds)

    def _is_ready(self) -> bool:
        """Say whether everything that we read has been read once."""
        pods = all(door.first_list.is_set() for door in self._doors)
        return pods and (self._events.is_listed or self._shared.shard.of > 1)

    def _nodes(self) -> set[str]:
        """Return all nodes that are known to exist now."""
        now = clock.now()
        graphs = [timeline.at(now) for timeline in self._shared.flow.timelines]
        declared = {node.id for each in graphs for node in each.nodes if "{" not in node.id}
        return declared | self._fleet.nodes()

    def _counts(self) -> Counter[str]:
        read = self._fleet.counts + self._events.counts + self._metrics.counts()
        return read + Counter(redacted=self._shared.redactor.redacted)

    def _metrics_text(self, loop: asyncio.AbstractEventLoop) -> Callable[[], str | None]:
        """Return what answers Prometheus, from whatever thread: by way of our loop."""

        async def told() -> str:
            shared = self._shared
            return text_of(
                metrics_of(
                    shared.sink.spots,
                    shared.outbox.stats,
                    self._counts(),
                    shared.redactor.counts,
                )
            )

        def asked() -> str | None:
            try:
                return asyncio.run_coroutine_threadsafe(told(), loop).result(METRICS_S)
            except (TimeoutError, CancelledError):
                return None  # we are busy, or at our end

        return asked

    async def _keep_placements(self) -> None:
        """Bring up to date, now and then, what the topology topic says of pods that are ours."""
        for door in self._doors:
            await door.first_list.wait()
        shared = self._shared
        read = partial(told_placements, shared.settings.kafka)
        while True:
            told = [
                place
                for place in await in_the_end(read, partial(shared.trouble, "placements"))
                if shared.shard.owns(place.namespace, place.pod)
                and (None in shared.namespaces or place.namespace in shared.namespaces)
            ]
            now = clock.now()
            there = {key for door in self._doors for key in door.known}
            for place in ended(told, there, now):
                shared.outbox.placement(place)
            for place in forgotten(told, now):
                shared.outbox.forget(place)
            await asyncio.sleep(PLACEMENTS_S)

    async def _tell_orphans(self) -> None:
        """Tell of the logs that we were reading when we ended, and whose pods are gone since."""
        for door in self._doors:
            await door.first_list.wait()
        for key, position in self._fleet.orphans().items():
            namespace, pod, _, container = key.split("/", 3)
            identity = Identity(namespace=namespace, name=pod)
            node = self._shared.router.resolve(identity, position.through)
            if node is None or position.ended or key not in self._own:
                continue
            self._shared.sink.gap(
                Gap(
                    source=self._shared.source,
                    node=node,
                    signal="log",
                    since=position.through,
                    until=max(self._began, position.through),
                    reason="not-followed",
                    what=f"{namespace}/{pod}/{container}: the pod went while ingest was away",
                )
            )


def lease_of(
    settings: Settings,
    api: ClusterApi,
    name: str,
    *,
    on_trouble: Callable[[str | None], None],
) -> Lease:
    """Return a lease that this process tries to hold."""
    return Lease(
        api=api,
        namespace=lease_namespace(settings) or "",
        name=f"aftershock-{name}",
        holder=f"{socket.gethostname()}-{uuid4().hex[:8]}",
        on_trouble=on_trouble,
    )


def lease_namespace(settings: Settings) -> str | None:
    """Return where leases are kept; None: nobody says."""
    return settings.ingest.lease_namespace or own_namespace()

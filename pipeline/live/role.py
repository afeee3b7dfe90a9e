"""The role ``ingest``: watches, followers and queries, wired to one outbox.

In: settings and flow. It first finds out what was published before (``positions``), then reads on
from there until it is told to stop; stopping remembers positions, so that the next start goes on.
"""

import asyncio
import socket
from collections import Counter
from collections.abc import Awaitable, Callable
from functools import partial
from uuid import uuid4

from pipeline import clock
from pipeline.errors import UsageError
from pipeline.flow import Flow
from pipeline.health import Health
from pipeline.live.access import check_access
from pipeline.live.api import ClusterApi, own_namespace
from pipeline.live.event_reading import EventReading
from pipeline.live.fleet import Door, Fleet
from pipeline.live.follow import Follower
from pipeline.live.lease import Lease
from pipeline.live.metric_reading import MetricReading, queries_of
from pipeline.live.metrics.queries import Query
from pipeline.live.outbox import Outbox
from pipeline.live.positions import Restored, restore
from pipeline.live.shards import shard_of
from pipeline.live.shared import Shared, path_of
from pipeline.live.ticker import EVENTS, Ticker
from pipeline.live.watch import Watch
from pipeline.records import Gap, LogPosition
from pipeline.settings import Settings
from topology.resolve import Identity

Work = Callable[[], Awaitable[None]]


def namespaces_of(settings: Settings) -> tuple[str | None, ...]:
    """Return the namespaces to watch one by one; (None,): all at once."""
    if settings.ingest.cluster.namespaces:
        return settings.ingest.cluster.namespaces
    named = [instance.parameters.get("namespace") for instance in settings.applications]
    return tuple(sorted({name for name in named if name})) if all(named) else (None,)


async def run_ingest(
    settings: Settings,
    flow: Flow,
    *,
    stop: asyncio.Event,
    health: Health,
    say: Callable[[str], None],
) -> None:
    """Read a cluster until told to stop; ``say`` is told in one line what a person should know.

    Raises:
        UsageError: the cluster, the query set, or which process this is, cannot be used.
        AftershockError: we may not read; another process has taken our place.
        BrokenWorld: at the start no API server, or no broker, answers (later: waited for).
    """
    ingest = settings.ingest
    shard = shard_of(ingest.shard, socket.gethostname())
    source = f"{ingest.source}-{shard.number}"
    namespaces = namespaces_of(settings)
    queries = queries_of(settings, namespaces)
    if shard.of > 1 and _lease_namespace(settings) is None:
        raise UsageError("several ingest processes need a place for leases: ingest.lease_namespace")
    async with ClusterApi(ingest.cluster) as api:
        await check_access(
            api, {path_of(what, each): what for what in ("pods", "events") for each in namespaces}
        )
        restored = await asyncio.to_thread(restore, settings.kafka, source)
        shared = Shared(
            settings=settings,
            flow=flow,
            router=flow.router(),
            api=api,
            outbox=Outbox(settings, source, offsets=restored.offsets),
            shard=shard,
            source=source,
            namespaces=namespaces,
            trouble=(troubles := Troubles()).note,
            say=say,
        )
        ingesting = Ingest(shared, restored, health=health, troubles=troubles, queries=queries)
        await ingesting.run(stop)


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
        self._troubles = troubles
        self._readers: set[asyncio.Task[None]] = set()
        self._fleet = self._fleet_of(restored.containers)
        self._own = restored.own
        self._doors = [self._fleet.door(namespace) for namespace in shared.namespaces]
        self._events = EventReading(
            shared=shared,
            machine_of=self._fleet.machine_of,
            nodes=self._nodes,
            complete_until=restored.queries.get(EVENTS),
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
            troubles=troubles.lines,
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Read until told to stop, then publish and remember what was read."""
        # before anything is published: who remembers nothing has published nothing
        self._ticker.checkpoint()
        async with asyncio.TaskGroup() as self._group:
            for work in (self._shared.outbox.run, self._ticker.run):
                self._read(work)
            self._alone("pods", self._read_pods)
            self._alone("events", self._events.run)
            self._alone("metrics", self._metrics.run)
            await stop.wait()
            for reader in self._readers:
                reader.cancel()
        self._ticker.checkpoint()
        if not await self._shared.outbox.close():
            self._shared.say("not all could be published in time: the next start reads it again")

    def _read(self, work: Work) -> asyncio.Task[None]:
        """Let something run beside the others; when it fails, all end."""

        async def working() -> None:
            await work()

        task = self._group.create_task(working())
        self._readers.add(task)
        task.add_done_callback(self._readers.discard)
        return task

    def _alone(self, what: str, work: Work) -> None:
        """Let something run that only one process may do: where there are several, with a lease.

        The lease on pods is that of our shard: whoever else has our number must wait.
        """
        if self._shared.shard.of == 1:
            self._read(work)
            return
        name = self._shared.source if what == "pods" else self._shared.settings.ingest.source
        lease = Lease(
            api=self._shared.api,
            namespace=_lease_namespace(self._shared.settings) or "",
            name=f"aftershock-{name}-{what}",
            holder=f"{socket.gethostname()}-{uuid4().hex[:8]}",
            # others may follow our pods once it is lost, and what we know of them is no longer true
            final=what == "pods",
            peers=self._shared.shard.of if what == "pods" else None,
            on_trouble=partial(self._troubles.note, f"lease {what}"),
        )
        self._read(partial(lease.run, work))

    async def _read_pods(self) -> None:
        """Watch pods until cancelled."""
        async with asyncio.TaskGroup() as group:
            for namespace, door in zip(self._shared.namespaces, self._doors, strict=True):
                group.create_task(self._pod_watch(namespace, door).run())
            group.create_task(self._tell_orphans())

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
            sink=self._shared.outbox,
            router=self._shared.router,
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
        """Return all nodes that are known to exist."""
        applications = self._shared.flow.applications
        declared = {node.id for each in applications for node in each.nodes if "{" not in node.id}
        return declared | self._fleet.nodes()

    def _counts(self) -> Counter[str]:
        return self._fleet.counts + self._events.counts + self._metrics.counts()

    async def _tell_orphans(self) -> None:
        """Tell of the logs that we were reading when we ended, and whose pods are gone since."""
        for door in self._doors:
            await door.first_list.wait()
        orphans, self._fleet.positions = self._fleet.positions, {}
        for key, position in orphans.items():
            namespace, pod, _, container = key.split("/", 3)
            node = self._shared.router.resolve(Identity(namespace=namespace, name=pod))
            if node is None or position.ended or key not in self._own:
                continue
            self._shared.outbox.gap(
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


def _lease_namespace(settings: Settings) -> str | None:
    return settings.ingest.lease_namespace or own_namespace()

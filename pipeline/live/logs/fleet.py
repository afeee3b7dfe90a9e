"""The pods of the application → a follower for each of their containers, and where they run.

Takes what watches of pods bring, one door a watch. A pod that the topology knows and that this
shard owns gets its containers followed as soon as they have run; where pods run is published as
placements. A follower ends when all is read of a container that has ended, and another begins when
the container does.
"""

import asyncio
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from pipeline import clock
from pipeline.ingest.cluster import Unusable
from pipeline.ingest.route import Router
from pipeline.live.cluster.api import ClusterApi, Json
from pipeline.live.logs.budget import Budget
from pipeline.live.logs.cursor import Cursor
from pipeline.live.logs.follow import Follower
from pipeline.live.logs.lines import LiveLog
from pipeline.live.logs.pods import ContainerView, PodView, pod_of
from pipeline.live.logs.slots import Slots
from pipeline.live.shards import Shard
from pipeline.live.sink import Sink
from pipeline.records import LogPosition, Placement
from pipeline.redact import Redactor
from pipeline.settings_ingest import LogSettings
from topology.resolve import Identity

PARTS = 16
"""Positions are remembered in so many records: of 500 containers, a record has 31, some 12 kB; of
10,000 that have ended (in records of their own, which seldom change) one has 625, some 110 kB."""

_CONNECTS = 64
_READS = 64


@dataclass(frozen=True, slots=True)
class Ended:
    """A container whose log is read to its end, while its pod is there."""

    restarts: int
    position: LogPosition | None
    """None: no line is known."""


@dataclass(slots=True, kw_only=True)
class Fleet:
    """All followers of this process."""

    api: ClusterApi
    sink: Sink
    router: Router
    shard: Shard
    settings: LogSettings
    source: str
    spawn: Callable[[Follower], "asyncio.Task[None]"]
    on_placement: Callable[[Placement], None]
    on_missed: Callable[[float], None]
    applications_of: Callable[[str], tuple[str, ...]]
    positions: dict[str, LogPosition]
    """Of an earlier process, by container; taken out as containers are found again. What is left
    when all lists are read is for others to tell of."""
    counts: Counter[str] = field(default_factory=Counter)
    redactor: Redactor = field(default_factory=Redactor)
    pods: dict[str, PodView] = field(default_factory=dict, init=False)
    followers: dict[str, Follower] = field(default_factory=dict, init=False)
    """By ``namespace/pod/uid/container``."""
    _machines: dict[str, dict[str, str]] = field(default_factory=dict, init=False)
    """Pod → uid → machine, by ``namespace/pod``: also of pods that others follow."""
    _ended: dict[str, Ended] = field(default_factory=dict, init=False)
    """By the same key as followers."""
    _names: dict[str, set[str]] = field(default_factory=dict, init=False)
    """Containers that are followed or have ended, by pod: a status may name them no longer."""
    _heads: dict[str, Follower] = field(default_factory=dict, init=False)
    """The youngest follower of each name ``namespace/pod/container``."""
    _placed: dict[str, Placement] = field(default_factory=dict, init=False)
    _slots: Slots = field(init=False)

    def __post_init__(self) -> None:
        self._slots = Slots(
            streams=asyncio.Semaphore(self.settings.max_streams),
            reads=asyncio.Semaphore(_READS),
            connects=asyncio.Semaphore(_CONNECTS),
        )

    def door(self, namespace: str | None) -> "Door":
        """Return what takes the watch of one namespace (None: of all)."""
        return Door(self, namespace)

    def tick(self, at: float) -> None:
        """Tell of what is missing in logs, in time; ``at`` is the loop's time."""
        for follower in self.followers.values():
            follower.log.tick(at)

    def troubles(self) -> list[str]:
        """Return one line where there are more logs than may be followed."""
        if not self._slots.waiting:
            return []
        most = self.settings.max_streams
        what = f"{self._slots.waiting} logs are not followed: {most} at once is the limit"
        return [f"{what} (ingest.logs.max_streams); share the work (ingest.shard)"]

    def machine_of(self, namespace: str | None, pod: str) -> str | None:
        """Return the machine that a pod runs on, as far as is known."""
        machines = self._machines.get(f"{namespace}/{pod}")
        return next(reversed(machines.values())) if machines else None

    def node_of(self, pod: PodView) -> str | None:
        """Return the graph node that a pod belongs to."""
        return self._node(Identity(namespace=pod.namespace, name=pod.name))

    def _node(self, identity: Identity) -> str | None:
        """Return the node by the graphs that hold now; else by any: a new one may know it."""
        router = self.router
        return router.resolve(identity, clock.now()) or router.resolve(identity)

    def nodes(self) -> set[str]:
        """Return the nodes that have a pod."""
        return {node for pod in self.pods.values() if (node := self.node_of(pod)) is not None}

    def behind(self, now: datetime, at: float) -> Iterator[datetime]:
        """Yield, for each log that is not read up to now, the time up to which it is."""
        for follower in self.followers.values():
            reached = follower.behind(now, at)
            if reached is not None:
                yield reached

    def position_parts(self) -> Mapping[str, dict[str, LogPosition]]:
        """Return the positions of all known logs, in parts that stay the same.

        Those that have ended come first: a position is put in one part before it leaves another.
        """
        parts: dict[str, dict[str, LogPosition]] = {
            f"{kind}/{n}": {} for kind in ("ended", "logs") for n in range(PARTS)
        }
        for key, position in self._positions():
            kind = "ended" if position.ended else "logs"
            parts[f"{kind}/{zlib.crc32(key.encode()) % PARTS}"][key] = position
        return parts

    def orphans(self) -> dict[str, LogPosition]:
        """Take out the positions of an earlier process whose pods are not there."""
        gone = {
            key: position
            for key, position in self.positions.items()
            if key.rpartition("/")[0] not in self.pods
        }
        self.positions = {
            key: position for key, position in self.positions.items() if key not in gone
        }
        return gone

    def _positions(self) -> Iterator[tuple[str, LogPosition]]:
        following = ((key, follower.position()) for key, follower in self.followers.items())
        ended = ((key, ended.position) for key, ended in self._ended.items())
        for key, position in (*self.positions.items(), *ended, *following):
            if position is not None:
                yield key, position

    def take(self, item: Json) -> PodView | None:
        """Take a pod as it is now; return it, unless it says too little of itself."""
        try:
            pod = pod_of(item)
        except Unusable:
            self.counts["unusable_pods"] += 1
            return None
        self._take(pod)
        return pod

    def _take(self, pod: PodView) -> None:
        if pod.cluster_node is not None:
            machines = self._machines.setdefault(f"{pod.namespace}/{pod.name}", {})
            machines[pod.uid] = pod.cluster_node
        if not self.shard.owns(pod.namespace, pod.name):
            return
        wanted = [c for c in pod.containers if self._wants(pod, c.name)]
        node = self.node_of(pod)
        if node is None and not wanted:
            return
        self.pods[pod.key] = pod
        if node is not None:
            self._place(pod, node, until=None)
        for name in self._names.get(pod.key, ()):
            follower = self.followers.get(f"{pod.key}/{name}")
            if follower is not None:
                follower.update(pod)
        for container in wanted:
            self._look(pod, container)

    def _look(self, pod: PodView, container: ContainerView) -> None:
        """Follow a container, unless it is followed, or all of it has been read."""
        key = f"{pod.key}/{container.name}"
        ended = self._ended.get(key)
        if not container.started or key in self.followers:
            return
        if ended is None or container.restarts > ended.restarts:
            self._follow(key, pod, container)

    def vanish(self, pod: PodView) -> None:
        """Take note that a pod is gone."""
        machines = self._machines.get(f"{pod.namespace}/{pod.name}", {})
        machines.pop(pod.uid, None)
        if not machines:
            self._machines.pop(f"{pod.namespace}/{pod.name}", None)
        known = self.pods.pop(pod.key, None)
        if known is None:
            return
        node = self.node_of(known)
        if node is not None:
            self._place(known, node, until=clock.now())
        names = {container.name for container in known.containers}
        for name in names | self._names.pop(pod.key, set()):
            key = f"{pod.key}/{name}"
            self._ended.pop(key, None)
            self.positions.pop(key, None)
            if key in self.followers:
                self.followers[key].vanish()

    def _wants(self, pod: PodView, container: str) -> bool:
        identity = Identity(namespace=pod.namespace, name=pod.name, container=container)
        return self.router.may_map(identity)

    def _follow(self, key: str, pod: PodView, container: ContainerView) -> None:
        self._names.setdefault(pod.key, set()).add(container.name)
        position = self._position(key, pod, container)
        if self._is_over(container, position):
            self._ended[key] = Ended(container.restarts, position)
            return
        same = position is not None and position.restarts == container.restarts
        follower = Follower(
            api=self.api,
            sink=self.sink,
            log=self._log(pod, container.name, position),
            slots=self._slots,
            settings=self.settings,
            pod=pod,
            container=container.name,
            source=self.source,
            counts=self.counts,
            drained=position is not None and position.ended and not (same and container.running),
        )
        self.followers[key] = self._heads[_name(follower)] = follower
        self.spawn(follower).add_done_callback(lambda done: self._finished(key, done))

    def _position(self, key: str, pod: PodView, container: ContainerView) -> LogPosition | None:
        """Return how far a log is known, by whoever read it before."""
        before = self._heads.get(f"{pod.namespace}/{pod.name}/{container.name}")
        read_on = None if before is None else before.make_way(container.began)
        ended = self._ended.pop(key, None)
        position = self.positions.pop(key, None)
        return position or (read_on if ended is None else ended.position)

    def _is_over(self, container: ContainerView, position: LogPosition | None) -> bool:
        """Tell whether there is nothing to read in the log of a container that has ended."""
        if container.running:
            return False
        if position is not None:
            return position.ended and position.restarts >= container.restarts
        first_look = clock.now() - timedelta(seconds=self.settings.first_look_s)
        return container.finished is not None and container.finished < first_look

    def _log(self, pod: PodView, container: str, position: LogPosition | None) -> LiveLog:
        identity = Identity(namespace=pod.namespace, name=pod.name, container=container)
        return LiveLog(
            namespace=pod.namespace,
            pod=pod.name,
            pod_uid=pod.uid,
            container=container,
            cluster_node=pod.cluster_node,
            node=self._node(identity),
            source=self.source,
            cursor=Cursor.of(position),
            budget=Budget(self.settings.lines_per_s, self.settings.burst_lines),
            router=self.router,
            sink=self.sink,
            counts=self.counts,
            redactor=self.redactor,
        )

    def _finished(self, key: str, done: "asyncio.Task[None]") -> None:
        """Forget a follower; while its pod is there, not what it has read."""
        follower = self.followers.pop(key)
        if self._heads.get(_name(follower)) is follower:
            del self._heads[_name(follower)]
        pod = self.pods.get(follower.pod.key)
        if pod is None:
            return
        self._ended[key] = Ended(follower.cursor.restarts, _without_lines(follower))
        if not done.cancelled() and done.exception() is None:  # it may have begun anew just now
            for container in pod.containers:
                if container.name == follower.container:
                    self._look(pod, container)

    def _place(self, pod: PodView, node: str, *, until: datetime | None) -> None:
        for application in self.applications_of(node):
            placement = Placement(
                application=application,
                node=node,
                namespace=pod.namespace,
                pod=pod.name,
                pod_uid=pod.uid,
                cluster_node=pod.cluster_node,
                claims=pod.claims,
                since=pod.created,
                until=until and max(until, pod.created),  # clocks differ
            )
            key = f"{application}|{pod.key}"
            if self._placed.get(key) != placement:
                self._placed[key] = placement
                self.on_placement(placement)
            if until is not None:
                self._placed.pop(key, None)


@dataclass(slots=True)
class Door:
    """Takes what the watch of one namespace brings (a ``Handler`` of it)."""

    fleet: Fleet
    namespace: str | None
    known: dict[str, PodView] = field(default_factory=dict)
    """Pods that exist, also those that others follow."""
    first_list: asyncio.Event = field(default_factory=asyncio.Event)
    """Set as soon as a whole list has been read."""
    _listed: dict[str, PodView] = field(default_factory=dict, init=False)

    def listing(self) -> None:
        """A list begins."""
        self._listed = {}

    def page(self, items: list[Json]) -> None:
        """Take a part of the list."""
        for item in items:
            pod = self.fleet.take(item)
            if pod is not None:  # known from now on, also where the list is broken off
                self._listed[pod.key] = self.known[pod.key] = pod

    def listed(self) -> None:
        """Everything that was in no page is gone."""
        for key, pod in self.known.items():
            if key not in self._listed:
                self.fleet.vanish(pod)
        self.known = self._listed
        self.first_list.set()

    def changed(self, kind: str, item: Json) -> None:
        """Take one change."""
        pod = self.fleet.take(item)
        if pod is None:
            return
        self.known[pod.key] = pod
        if kind == "DELETED":
            del self.known[pod.key]
            self.fleet.vanish(pod)

    def missed(self, seconds: float) -> None:
        """Hand on that changes may have been missed: pods that came and went in between."""
        self.fleet.on_missed(seconds)


def _name(follower: Follower) -> str:
    return f"{follower.pod.namespace}/{follower.pod.name}/{follower.container}"


def _without_lines(follower: Follower) -> LogPosition | None:
    """Return the position of a follower that has ended; of a log that is read to its end, in short.

    Thousands may have ended: each line that is known by itself would be 15 bytes.
    """
    position, newest = follower.position(), follower.cursor.newest
    if position is None or newest is None or not position.ended:
        return position
    through = newest + timedelta(microseconds=1)
    return LogPosition(through=through, restarts=position.restarts, ended=True)

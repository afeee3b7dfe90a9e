"""The pods of the application → a follower for each of their containers, and where they run.

Takes what watches of pods bring, one door a watch. A pod that the topology knows and that this
shard owns gets its containers followed as soon as they have run; where pods run is published as
placements.
"""

import asyncio
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from pipeline import clock
from pipeline.ingest.cluster import Unusable
from pipeline.ingest.route import Router
from pipeline.live.api import ClusterApi, Json
from pipeline.live.budget import Budget
from pipeline.live.cursor import Cursor
from pipeline.live.follow import Follower, Slots
from pipeline.live.lines import LiveLog
from pipeline.live.pods import PodView, pod_of
from pipeline.live.shards import Shard
from pipeline.live.sink import Sink
from pipeline.records import LogPosition, Placement
from pipeline.settings_ingest import LogSettings
from topology.resolve import Identity

PARTS = 16
"""Positions are remembered in so many records: of 500 containers, a record has 31, some 12 kB."""

_CONNECTS = 64


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
    pods: dict[str, PodView] = field(default_factory=dict, init=False)
    followers: dict[str, Follower] = field(default_factory=dict, init=False)
    """By ``namespace/pod/uid/container``."""
    _machines: dict[str, dict[str, str]] = field(default_factory=dict, init=False)
    """Pod → uid → machine, by ``namespace/pod``: also of pods that others follow."""
    _ended: dict[str, LogPosition | None] = field(default_factory=dict, init=False)
    """Positions of logs that are read to their end, while their pods are there (None: empty)."""
    _placed: dict[str, Placement] = field(default_factory=dict, init=False)
    _slots: Slots = field(init=False)

    def __post_init__(self) -> None:
        self._slots = Slots(
            streams=asyncio.Semaphore(self.settings.max_streams),
            connects=asyncio.Semaphore(_CONNECTS),
        )

    def door(self, namespace: str | None) -> "Door":
        """Return what takes the watch of one namespace (None: of all)."""
        return Door(self, namespace)

    def tick(self, at: float) -> None:
        """Tell of what is missing in logs, in time; ``at`` is the loop's time."""
        for follower in self.followers.values():
            follower.log.tick(at)

    def machine_of(self, namespace: str | None, pod: str) -> str | None:
        """Return the machine that a pod runs on, as far as is known."""
        machines = self._machines.get(f"{namespace}/{pod}")
        return next(reversed(machines.values())) if machines else None

    def node_of(self, pod: PodView) -> str | None:
        """Return the graph node that a pod belongs to."""
        return self.router.resolve(Identity(namespace=pod.namespace, name=pod.name))

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
        """Return the positions of all followed containers, in parts that stay the same."""
        parts: dict[str, dict[str, LogPosition]] = {f"logs/{n}": {} for n in range(PARTS)}
        for key, position in self._positions():
            parts[f"logs/{zlib.crc32(key.encode()) % PARTS}"][key] = position
        return parts

    def _positions(self) -> Iterator[tuple[str, LogPosition]]:
        following = ((key, follower.position()) for key, follower in self.followers.items())
        for key, position in (*self.positions.items(), *self._ended.items(), *following):
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
        for container in wanted:
            key = f"{pod.key}/{container.name}"
            if key in self.followers:
                self.followers[key].update(pod)
            elif container.started and key not in self._ended:
                self._follow(key, pod, container.name)

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
        for container in known.containers:
            key = f"{pod.key}/{container.name}"
            self._ended.pop(key, None)
            if key in self.followers:
                self.followers[key].vanish()

    def _wants(self, pod: PodView, container: str) -> bool:
        identity = Identity(namespace=pod.namespace, name=pod.name, container=container)
        return self.router.may_map(identity)

    def _follow(self, key: str, pod: PodView, container: str) -> None:
        position = self.positions.pop(key, None)
        log = LiveLog(
            namespace=pod.namespace,
            pod=pod.name,
            pod_uid=pod.uid,
            container=container,
            cluster_node=pod.cluster_node,
            node=self.router.resolve(
                Identity(namespace=pod.namespace, name=pod.name, container=container)
            ),
            source=self.source,
            cursor=Cursor.of(position),
            budget=Budget(self.settings.lines_per_s, self.settings.burst_lines),
            router=self.router,
            sink=self.sink,
            counts=self.counts,
        )
        follower = Follower(
            api=self.api,
            sink=self.sink,
            log=log,
            slots=self._slots,
            settings=self.settings,
            pod=pod,
            container=container,
            source=self.source,
            counts=self.counts,
            drained=position is not None and position.ended,
        )
        self.followers[key] = follower
        self.spawn(follower).add_done_callback(lambda _done: self._finished(key))

    def _finished(self, key: str) -> None:
        """Forget a follower; while its pod is there, not what it has read."""
        position = self.followers.pop(key).position()
        if key.rpartition("/")[0] in self.pods:
            self._ended[key] = position

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
                until=until,
            )
            key = f"{application}|{pod.key}"
            if self._placed.get(key) != placement:
                self._placed[key] = placement
                self.on_placement(placement)
            if until is not None:
                self._placed.pop(key, None)


@dataclass(slots=True)
class Door:
    """Takes what the watch of one namespace brings (:class:`pipeline.live.watch.Handler`)."""

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
            if pod is not None:
                self._listed[pod.key] = pod

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

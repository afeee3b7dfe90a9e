"""CPU and memory of containers from ``metrics.k8s.io``, where there is no Prometheus.

In: ``PodMetrics`` objects as the cluster's API gives them. Out: one gauge each of memory and of CPU
for every container, with the object's own time, each once. The API knows the present only: what
was not asked for in time does not exist, and there is no position to go on from.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from http import HTTPStatus
from typing import Any

from kubernetes.utils.quantity import parse_quantity

from pipeline import clock
from pipeline.errors import BrokenWorld
from pipeline.ingest.cluster import Unusable, instant_of
from pipeline.ingest.route import Router
from pipeline.live.cluster.api import ClusterApi, Refused
from pipeline.live.pause import Pause
from pipeline.live.sink import Sink
from pipeline.records import Metric, Rejected

Json = Mapping[str, Any]

MEMORY = "container_memory_working_set_bytes"
"""What metrics-server gives is the working set; limits and baselines know it by this name."""
CPU = "container_cpu_usage_cores"
"""Not ``container_cpu_usage_seconds_total``: that one counts, this one is a rate already."""
OLDEST_S = 120.0
"""metrics-server measures each 15 to 60 s; what is older than this is not waited for."""
ABSENT_RETRY_S = 600.0
"""A cluster without metrics-server is asked again after so long."""
FORGET_S = 600.0
"""A container that was not measured for so long is gone."""

_PATH = "/apis/metrics.k8s.io/v1beta1"
_Name = tuple[str, str, str]


@dataclass(slots=True)
class Usage:
    """PodMetrics of one path → samples, each (pod, container, time) once; pure."""

    path: str
    oldest: datetime | None = None
    """The oldest measurement of the last answer: what comes next is newer."""
    _last: dict[_Name, datetime] = field(default_factory=dict)
    _refused: frozenset[bytes] = frozenset()
    """What was unusable in the last answer: it is told of once."""

    def take(self, items: Iterable[Json]) -> tuple[list[Metric], list[Rejected]]:
        """Return the samples of a list that were not there before, in order of time.

        Also what is not as the API documents it, unless the last list had it too.
        """
        samples: list[Metric] = []
        refused: dict[bytes, str] = {}
        times: list[datetime] = []
        for item in items:
            try:
                time, found = _of_pod(item)
            except Unusable as trouble:
                refused[json.dumps(item).encode()] = str(trouble)
                continue
            times.append(time)
            for name, pair in found:
                if name not in self._last or self._last[name] < time:
                    self._last[name] = time
                    samples += pair
        self.oldest = min(times, default=None)
        self._forget(max(times, default=None))
        new = [
            Rejected(code="invalid", where=self.path, what=why, value=value)
            for value, why in refused.items()
            if value not in self._refused
        ]
        self._refused = frozenset(refused)
        return sorted(samples, key=lambda sample: sample.time), new

    def _forget(self, newest: datetime | None) -> None:
        if newest is not None:
            since = newest - timedelta(seconds=FORGET_S)
            self._last = {name: time for name, time in self._last.items() if time >= since}


@dataclass(kw_only=True)
class MetricsApiPoller:
    """The source; run :meth:`run` as a task."""

    api: ClusterApi
    namespaces: Sequence[str]
    """Asked for one by one; none: all at once, which needs a ClusterRole."""
    every_s: float
    sink: Sink
    router: Router
    on_trouble: Callable[[str | None], None] = lambda _trouble: None
    """Told in one line what is wrong; None: all is well."""
    clock: Callable[[], datetime] = clock.now
    counts: Counter[str] = field(default_factory=Counter, init=False)
    """``observations``, ``unmapped``, ``failed_queries`` and ``rejected`` so far."""
    _usages: list[Usage] = field(default_factory=list, init=False)
    _waited_for: bool = field(default=True, init=False)
    _progress: datetime | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        paths = [f"{_PATH}/namespaces/{name}/pods" for name in self.namespaces]
        self._usages = [Usage(path) for path in paths or [f"{_PATH}/pods"]]

    async def run(self) -> None:
        """Ask until cancelled."""
        pause = Pause()
        while True:
            await self.sink.room("metric")
            try:
                for usage in self._usages:
                    await self._ask(usage)
            except Refused as refusal:
                self._failed(f"{_PATH}: {refusal}")
                if refusal.status == HTTPStatus.NOT_FOUND:
                    await asyncio.sleep(ABSENT_RETRY_S)
                else:
                    await pause.wait(at_least_s=refusal.retry_after_s)
            except BrokenWorld as trouble:
                self._failed(str(trouble))
                await pause.wait()
            else:
                self.on_trouble(None)
                pause.reset()
                self._waited_for = True
                await asyncio.sleep(self.every_s)

    def progress(self) -> datetime:
        """Return the event time before which nothing more will come, as far as is known."""
        reached = self.clock() - timedelta(seconds=OLDEST_S)
        known = [usage.oldest for usage in self._usages if usage.oldest is not None]
        if self._waited_for and len(known) == len(self._usages):
            reached = max(reached, min(known))
        self._progress = reached if self._progress is None else max(self._progress, reached)
        return self._progress

    def usual_lag(self) -> timedelta:
        """Return how far :meth:`progress` is behind the clock while all is well."""
        return timedelta(seconds=max(self.every_s, OLDEST_S))

    async def _ask(self, usage: Usage) -> None:
        answer = await self.api.get(usage.path)
        samples, rejected = usage.take(answer.get("items") or ())
        for sample in samples:
            node = self.router.node_of(sample)
            if node:
                self.sink.observe(node, sample)
            self.counts["observations" if node else "unmapped"] += 1
        for each in rejected:
            self.sink.rejected(each)
        self.counts["rejected"] += len(rejected)

    def _failed(self, why: str) -> None:
        self.counts["failed_queries"] += 1
        self._waited_for = False
        self.on_trouble(why)


def _of_pod(item: Json) -> tuple[datetime, list[tuple[_Name, list[Metric]]]]:
    """Return when a pod was measured, and the samples of each of its containers.

    Raises:
        Unusable: it is not what the API documents.
    """
    try:
        namespace, pod = str(item["metadata"]["namespace"]), str(item["metadata"]["name"])
        time = instant_of(str(item["timestamp"]))
        found = []
        for container in item["containers"]:
            name = str(container["name"])
            labels = {"namespace": namespace, "pod": pod, "container": name}
            usage = container["usage"]
            pair = [
                Metric(time=time, name=metric, value=value, labels=labels, type="gauge")
                for metric, value in (
                    (MEMORY, _quantity(usage["memory"])),
                    (CPU, _quantity(usage["cpu"])),
                )
            ]
            found.append(((namespace, pod, name), pair))
    except (KeyError, TypeError, ValueError) as trouble:
        raise Unusable(f"PodMetrics object: {trouble!r}") from None
    return time, found


def _quantity(written: object) -> float:
    """Return a quantity of the API (``12m``, ``100Mi``) as a number."""
    value: Decimal = parse_quantity(written)  # type: ignore[no-untyped-call]
    return float(value)

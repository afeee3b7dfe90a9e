"""What is scraped each minute: containers, pod states, volumes, machines, the hub's counters."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from pipeline.demo.outage.hub import Hub
from pipeline.demo.outage.world import NAMESPACE, Pod, World, every

_MIB = 1024.0 * 1024
_GIB = 1024 * _MIB
_CULLED = 1300.0
"""By then the absentee's pod is gone; the newcomer's is there from ``_CAME`` on."""
_CAME = 700.0


@dataclass(slots=True)
class Usage:
    """What one container uses; memory wanders around its level, processor time adds up."""

    memory: float
    share: float
    """Of one processor."""
    seconds: float = 0.0


@dataclass(slots=True)
class Scraper:
    """Scrapes everything, each target at its own moment of the minute."""

    world: World
    hub: Hub
    usage: dict[str, Usage] = field(default_factory=dict)

    def pods(self, now: float) -> list[Pod]:
        """Return the pods that run now."""
        world = self.world
        fixed = [world.hub, world.database, world.culler, world.neighbour]
        users = [user.pod for user in world.users]
        if now > _CAME:
            users.append(world.newcomer.pod)
        if now < _CULLED:
            users.append(world.absentee.pod)
        return fixed + users

    def containers(self) -> Iterator[float]:
        """Memory and processor time of every container that runs."""
        for now in every(self.world.chance, 60.0, 0.0, start=13.7):
            yield now
            for number, pod in enumerate(self.pods(now)):
                self._container(now + 0.05 * number, pod)

    def states(self) -> Iterator[float]:
        """Readiness, restarts and limits of every pod, and whether machines are ready."""
        for now in every(self.world.chance, 60.0, 0.0, start=41.2):
            yield now
            for pod in self.pods(now):
                self._state(now, pod)
            for number in range(1, 5):
                labels = {"node": f"wrk-{number}", "condition": "Ready", "status": "true"}
                self.world.recorder.sample(now, "kube_node_status_condition", 1, labels)

    def volumes(self) -> Iterator[float]:
        """How full the volumes are."""
        for now in every(self.world.chance, 60.0, 0.0, start=28.9):
            yield now
            used = 412 * _MIB + now * 900 + self.world.chance.uniform(-1, 1) * _MIB
            self._volume(now, "jupyterhub-db", used, _GIB)
            for number, user in enumerate(self.world.users):
                claim = f"{user.pod.name}-pvc"
                self._volume(now, claim, (300 + 140 * number) * _MIB + now * 4e3, 2 * _GIB)

    def service(self) -> Iterator[float]:
        """The hub's own counters, and whether it can be reached from within and from outside."""
        labels = {"namespace": NAMESPACE, "service": "jupyterhub", "job": "jupyterhub"}
        record = self.world.recorder
        for now in every(self.world.chance, 60.0, 0.0, start=52.3):
            yield now
            record.sample(now, "up", 1, {**labels, "pod": self.world.hub.name})
            outside = {"namespace": NAMESPACE, "service": "jupyterhub", "job": "blackbox"}
            record.sample(now, "probe_success", 1, outside)
            self._requests(now, labels)

    def _requests(self, now: float, labels: dict[str, str]) -> None:
        record = self.world.recorder
        named = {**labels, "pod": self.world.hub.name}
        for (method, handler, code), (count, seconds) in sorted(self.hub.requests.items()):
            one = {**named, "method": method, "handler": handler, "code": code}
            name = "jupyterhub_request_duration_seconds"
            record.sample(now, f"{name}_count", count, one, counter=True)
            record.sample(now, f"{name}_sum", seconds, one, counter=True)
        running = len(self.pods(now)) - 4
        record.sample(now, "jupyterhub_running_servers", running, named)

    def _container(self, now: float, pod: Pod) -> None:
        outage, chance = self.world.outage, self.world.chance
        usage = self.usage.setdefault(pod.name, self._level(pod))
        if pod is self.world.database and outage.down(now):
            if now < outage.starts[-1]:
                return  # no container, no samples
            usage.memory, usage.seconds = 31 * _MIB, 0.0  # a new container counts from nothing
        elif pod is self.world.database and usage.memory < 100 * _MIB:
            usage.memory = 74 * _MIB  # its caches fill again only with use
        # writing tracebacks is work
        share = usage.share * (1.7 if pod is self.world.hub and outage.down(now) else 1)
        usage.seconds += 60 * share * chance.lognormvariate(0, 0.25)
        memory = usage.memory * (1 + chance.uniform(-0.012, 0.012))
        labels = _labels(pod) | {"node": pod.machine}
        name = "container_memory_working_set_bytes"
        self.world.recorder.sample(now, name, int(memory), labels)
        name = "container_cpu_usage_seconds_total"
        self.world.recorder.sample(now, name, usage.seconds, labels, counter=True)

    def _level(self, pod: Pod) -> Usage:
        chance, world = self.world.chance, self.world
        before = chance.uniform(900, 9000)
        if pod is world.hub:
            return Usage(372 * _MIB, 0.06, before)
        if pod is world.database:
            return Usage(148 * _MIB, 0.01, before)
        if pod.container == "notebook":
            return Usage(chance.uniform(210, 1100) * _MIB, chance.uniform(0.004, 0.2), before)
        return Usage(chance.uniform(30, 60) * _MIB, 0.003, before)

    def _state(self, now: float, pod: Pod) -> None:
        record, outage = self.world.recorder, self.world.outage
        database = pod is self.world.database
        killed = outage.starts[0] - 2.2
        # the third readiness probe in a row that fails makes it unready, about when it is killed
        unready = database and killed <= now < outage.ready
        names = {"namespace": NAMESPACE, "pod": pod.name}
        record.sample(now, "kube_pod_status_ready", not unready, {**names, "condition": "true"})
        restarts = sum(start <= now for start in outage.starts) if database else 0
        labels = _labels(pod)
        name = "kube_pod_container_status_restarts_total"
        record.sample(now, name, restarts, labels, counter=True)
        limit = {**labels, "resource": "memory"}
        bound = (2 if pod.container == "notebook" else 1) * _GIB
        record.sample(now, "kube_pod_container_resource_limits", bound, limit)
        waits = any(start + 3 <= now < again for start, again in pairwise(outage.starts))
        if database and waits:
            waiting = {**labels, "reason": "CrashLoopBackOff"}
            record.sample(now, "kube_pod_container_status_waiting_reason", 1, waiting)

    def _volume(self, now: float, claim: str, used: float, capacity: float) -> None:
        labels = {"namespace": NAMESPACE, "persistentvolumeclaim": claim}
        values = {"used": int(used), "capacity": capacity, "available": int(capacity - used)}
        for name, value in values.items():
            self.world.recorder.sample(now, f"kubelet_volume_stats_{name}_bytes", value, labels)


def _labels(pod: Pod) -> dict[str, str]:
    return {"namespace": NAMESPACE, "pod": pod.name, "container": pod.container}

"""Kubelets that run short of memory or disk, and evict pods to stay alive."""

from dataclasses import dataclass, field

from pipeline.simulate.cluster.container import Container
from pipeline.simulate.cluster.kubelet import Kubelet
from pipeline.simulate.cluster.machine import Machine
from pipeline.simulate.cluster.model import MIB
from pipeline.simulate.cluster.pod import Pod
from pipeline.simulate.cluster.quota import quantity
from pipeline.simulate.cluster.site import Site
from pipeline.simulate.kernel import Steps

_LOOKS_EVERY_S = 10.0
_LEAST_MEMORY = 100 * MIB
_LEAST_DISK = 0.1
"""Share of the disk."""
_CALM_S = 300.0
"""So long after it was last short of something, a machine says that it is not any more."""
_STAY = frozenset({"Node", "DaemonSet"})


@dataclass(slots=True)
class EvictionManager:
    """The eviction managers of all kubelets."""

    site: Site
    kubelet: Kubelet
    _short: dict[tuple[str, str], float] = field(default_factory=dict)
    """Machine and resource: when it was last short of it, in seconds."""

    def __post_init__(self) -> None:
        self.site.kernel.start(self._look())

    def _look(self) -> Steps:
        while True:
            yield self.site.kernel.wait(_LOOKS_EVERY_S)
            used = dict.fromkeys(self.site.machines, 0.0)
            for pod in self.site.pods:
                for container in pod.running.values():
                    used[container.machine] += container.memory_bytes
            for machine in self.site.machines.values():
                if not machine.lost:
                    self._memory(machine, used[machine.name])
                    self._disk(machine)

    def _memory(self, machine: Machine, used: float) -> None:
        short = machine.memory - machine.foreign_memory - used < _LEAST_MEMORY
        calm = self._note(machine, "memory", short=short)
        if short:
            self._say(machine, "Memory", on=not machine.memory_pressure)
            machine.memory_pressure = True
            self._reclaim(machine, "memory")
        elif calm and machine.memory_pressure:
            machine.memory_pressure = False
            told = f"Node {machine.name} status is now: NodeHasSufficientMemory"
            self.site.tell_machine(machine, "NodeHasSufficientMemory", told)

    def _disk(self, machine: Machine) -> None:
        free = machine.disk - machine.foreign_disk - sum(machine.images.values())
        if free < _LEAST_DISK * machine.disk and self._remove_images(machine):
            return
        short = free < _LEAST_DISK * machine.disk
        calm = self._note(machine, "disk", short=short)
        if short:
            self._say(machine, "Disk", on=not machine.disk_pressure)
            machine.disk_pressure = True
            self._reclaim(machine, "ephemeral-storage")
        elif calm and machine.disk_pressure:
            machine.disk_pressure = False
            told = f"Node {machine.name} status is now: NodeHasNoDiskPressure"
            self.site.tell_machine(machine, "NodeHasNoDiskPressure", told)

    def _note(self, machine: Machine, resource: str, *, short: bool) -> bool:
        """Note a shortage; return whether there has been none for a while."""
        now, key = self.site.kernel.now, (machine.name, resource)
        if short:
            self._short[key] = now
        return now - self._short.get(key, 0.0) > _CALM_S

    def _say(self, machine: Machine, what: str, *, on: bool) -> None:
        if on:
            reason = "NodeHasInsufficientMemory" if what == "Memory" else "NodeHasDiskPressure"
            told = f"Node {machine.name} status is now: {reason}"
            self.site.tell_machine(machine, reason, told)

    def _remove_images(self, machine: Machine) -> bool:
        """Remove images that no pod here uses; return whether there were any."""
        used = {
            slot.spec.image for pod in self.site.pods.on(machine) for slot in pod.slots.values()
        }
        unused = [image for image in machine.images if image not in used]
        for image in unused:
            del machine.images[image]
        return bool(unused)

    def _reclaim(self, machine: Machine, resource: str) -> None:
        """Evict the pod that is furthest beyond what it asked for."""
        told = f"Attempting to reclaim {resource}"
        self.site.tell_machine(machine, "EvictionThresholdMet", told, warning=True)
        pods = [pod for pod in self.site.pods.on(machine) if pod.running and pod.active]
        pods = [pod for pod in pods if pod.spec.owner is None or pod.spec.owner[0] not in _STAY]
        if pods:
            victim = max(pods, key=_beyond)
            self.kubelet.evict(victim, _message(victim, resource))


def _beyond(pod: Pod) -> float:
    return sum(one.memory_bytes - one.spec.memory_request for one in pod.running.values())


def _message(pod: Pod, resource: str) -> str:
    told = f"The node was low on resource: {resource}. "
    for container in pod.running.values():
        used, asked = _used(container, resource)
        if used > asked:
            request = quantity("memory", asked) if asked else "0"
            told += (
                f"Container {container.spec.name} was using {used / 1024:.0f}Ki, which exceeds "
                f"its request of {request}. "
            )
    return told


def _used(container: Container, resource: str) -> tuple[float, float]:
    if resource == "memory":
        return container.memory_bytes, container.spec.memory_request
    written = 96 * 1024 + container.cpu_seconds() * 700
    return written, 0.0

"""What all mechanisms of a cluster stand on."""

from collections.abc import Iterator, Mapping, Sequence
from random import Random

import simpy

from pipeline.simulate.cluster.events import Events
from pipeline.simulate.cluster.gate import Gate
from pipeline.simulate.cluster.machine import Machine
from pipeline.simulate.cluster.network import Network
from pipeline.simulate.cluster.pod import Pod
from pipeline.simulate.cluster.quota import Quota
from pipeline.simulate.cluster.registry import Registry
from pipeline.simulate.cluster.storage import Storage
from pipeline.simulate.kernel import Kernel
from pipeline.simulate.recorder import About

_LETTERS = "bcdfghjklmnpqrstvwxz2456789"
"""What Kubernetes makes random names of."""


class PodStore:
    """All pods that the API knows of; whoever watches is told of changes."""

    def __init__(self) -> None:
        self._pods: dict[tuple[str, str], Pod] = {}
        self._by_ip: dict[str, Pod] = {}
        self.listeners: list[Listener] = []

    def __iter__(self) -> Iterator[Pod]:
        return iter(tuple(self._pods.values()))

    def get(self, namespace: str, name: str) -> Pod | None:
        """Return a pod, or None."""
        return self._pods.get((namespace, name))

    def at(self, ip: str) -> Pod | None:
        """Return the pod that has an address, or None."""
        return self._by_ip.get(ip)

    def on(self, machine: Machine) -> list[Pod]:
        """Return the pods that are bound to a machine."""
        return [pod for pod in self._pods.values() if pod.machine is machine]

    def within(self, namespace: str) -> list[Pod]:
        """Return the pods of a namespace."""
        return [pod for key, pod in self._pods.items() if key[0] == namespace]

    def selected(self, namespace: str, labels: Mapping[str, str]) -> list[Pod]:
        """Return the pods of a namespace that have all of these labels."""
        return [
            pod
            for pod in self.within(namespace)
            if all(pod.spec.labels.get(name) == value for name, value in labels.items())
        ]

    def add(self, pod: Pod) -> None:
        """Take in a pod; whoever watches is told."""
        self._pods[pod.spec.namespace, pod.spec.name] = pod
        self.changed(pod)

    def changed(self, pod: Pod) -> None:
        """Say that something about a pod is different now."""
        if self._pods.get((pod.spec.namespace, pod.spec.name)) is not pod:
            return  # gone, or followed by another of the same name
        if pod.ip is not None:
            self._by_ip[pod.ip] = pod
        pod.refresh()
        for listener in tuple(self.listeners):
            listener.pod_changed(pod)

    def remove(self, pod: Pod) -> None:
        """Forget a pod; whoever watches is told."""
        if self._pods.get((pod.spec.namespace, pod.spec.name)) is not pod:
            return
        del self._pods[pod.spec.namespace, pod.spec.name]
        self.unlink(pod)
        pod.gone = True
        pod.refresh()
        for listener in tuple(self.listeners):
            listener.pod_changed(pod)

    def unlink(self, pod: Pod) -> None:
        """Forget a pod's address."""
        if pod.ip is not None and self._by_ip.get(pod.ip) is pod:
            del self._by_ip[pod.ip]


class Listener:
    """Who wants to know of changes of pods."""

    def pod_changed(self, pod: Pod) -> None:
        """Hear of a change; ``pod.gone`` says that it was the last."""
        raise NotImplementedError


class Site:
    """Time, machines, pods, volumes, images, addresses, bounds, events, names."""

    def __init__(self, kernel: Kernel, machines: Sequence[str]) -> None:
        self.kernel = kernel
        self._numbers: dict[tuple[str, ...], int] = {}
        self._quotas: dict[str, Quota] = {}
        self.counts_oom_kills = False
        """Whether the kubelets count whom the kernel kills: from Kubernetes 1.24 (2022) on."""
        self.gate = Gate(kernel)
        self.events = Events(kernel, self.gate)
        self.pods = PodStore()
        self.network = Network()
        self.registry = Registry(kernel.chance("registry"))
        self.storage = Storage(lambda: kernel.now, kernel.chance, self.uid)
        self.machines = {
            name: Machine(name, self.uid("machine", name), number, simpy.Resource(kernel.env))
            for number, name in enumerate(machines)
        }

    def quota(self, namespace: str) -> Quota:
        """Return the quota of a namespace."""
        return self._quotas.setdefault(namespace, Quota(namespace))

    def quotas(self) -> list[Quota]:
        """Return all quotas that bound something."""
        return [quota for quota in self._quotas.values() if quota.hard]

    def chance(self, *name: str) -> Random:
        """Return a new random stream; each further one of the same name is another."""
        return self.kernel.chance(*name, str(self._number(("chance", *name))))

    def uid(self, *name: str) -> str:
        """Return an identifier in the form of Kubernetes'."""
        digits = f"{self.chance('uid', *name).getrandbits(128):032x}"
        return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))

    def letters(self, count: int, *name: str) -> str:
        """Return random letters, as names of pods end with."""
        return "".join(self.chance("letters", *name).choices(_LETTERS, k=count))

    def tell_machine(
        self, machine: Machine, reason: str, message: str, *, warning: bool = False
    ) -> None:
        """Post an event about a machine."""
        about = About("Node", "default", machine.name, machine.uid, machine.name)
        self.events.tell(about, reason, message, warning=warning)

    def tell(self, pod: Pod, reason: str, message: str, *, warning: bool = False) -> None:
        """Post an event about a pod."""
        spec = pod.spec
        machine = None if pod.machine is None else pod.machine.name
        about = About("Pod", spec.namespace, spec.name, pod.uid, machine)
        self.events.tell(about, reason, message, warning=warning)

    def _number(self, name: tuple[str, ...]) -> int:
        number = self._numbers[name] = self._numbers.get(name, 0) + 1
        return number

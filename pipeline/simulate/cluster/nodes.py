"""The node controller: when a machine is given up, and what becomes of its pods then."""

import math

from pipeline.simulate.cluster.kubelet import Kubelet
from pipeline.simulate.cluster.machine import Machine
from pipeline.simulate.cluster.site import Site
from pipeline.simulate.kernel import Steps

GRACE_S = 40.0
"""Without a sign of life for so long, a machine is not ready."""
TOLERATED_S = 300.0
"""So long its pods are left where they are."""
_RENEWED_EVERY_S = 10.0
_LOOKS_EVERY_S = 5.0
_STAY = frozenset({"Node", "DaemonSet"})
"""Pods of these owners go with the machine."""


class NodeController:
    """Watches over the machines' signs of life."""

    def __init__(self, site: Site, kubelet: Kubelet) -> None:
        self._site, self._kubelet = site, kubelet
        self._losses: dict[str, int] = {}

    def lose(self, machine: Machine) -> None:
        """Have a machine go without a word."""
        if machine.lost:
            return
        self._kubelet.lose(machine)
        number = self._losses[machine.name] = self._losses.get(machine.name, 0) + 1
        self._site.kernel.start(self._give_up(machine, number))

    def recover(self, machine: Machine) -> None:
        """Have a lost machine boot."""
        if machine.lost:
            self._site.kernel.start(self._boot(machine))

    def _give_up(self, machine: Machine, number: int) -> Steps:
        site, kernel = self._site, self._site.kernel
        silent = kernel.chance("lease", machine.name).uniform(0, _RENEWED_EVERY_S)
        due = kernel.now - silent + GRACE_S
        yield kernel.wait(math.ceil(due / _LOOKS_EVERY_S) * _LOOKS_EVERY_S - kernel.now)
        while site.gate.down or kernel.now < site.gate.opened_s + GRACE_S * (
            site.gate.opened_s > 0
        ):
            yield kernel.wait(_LOOKS_EVERY_S)
        if not self._still_lost(machine, number):
            return
        machine.ready = False
        told = f"Node {machine.name} status is now: NodeNotReady"
        site.tell_machine(machine, "NodeNotReady", told)
        for pod in site.pods.on(machine):
            site.tell(pod, "NodeNotReady", "Node is not ready", warning=True)
            pod.unreachable = True
            site.pods.changed(pod)
        yield kernel.wait(TOLERATED_S)
        yield from site.gate.passed()
        if self._still_lost(machine, number):
            self._delete_pods(machine)

    def _delete_pods(self, machine: Machine) -> None:
        for pod in self._site.pods.on(machine):
            owner = pod.spec.owner
            if pod.active and not (owner is not None and owner[0] in _STAY):
                told = f"Marking for deletion Pod {pod.spec.namespace}/{pod.spec.name}"
                self._site.tell(pod, "TaintManagerEviction", told)
                self._kubelet.terminate(pod)

    def _boot(self, machine: Machine) -> Steps:
        site = self._site
        chance = site.chance("boot", machine.name)
        yield site.kernel.wait(chance.uniform(70.0, 130.0))
        yield from site.gate.passed()
        if not machine.lost:
            return
        site.tell_machine(machine, "Starting", "Starting kubelet.")
        boot = f"{chance.getrandbits(128):032x}"
        told = f"Node {machine.name} has been rebooted, boot id: {boot}"
        site.tell_machine(machine, "Rebooted", told, warning=True)
        self._kubelet.boot(machine)
        yield site.kernel.wait(chance.uniform(5.0, 11.0))
        machine.ready = True
        told = f"Node {machine.name} status is now: NodeReady"
        site.tell_machine(machine, "NodeReady", told)

    def _still_lost(self, machine: Machine, number: int) -> bool:
        return machine.lost and self._losses[machine.name] == number

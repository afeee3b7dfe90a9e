"""The scheduler: which machine a pod runs on, or why none will have it."""

from dataclasses import dataclass

from pipeline.simulate.cluster.kubelet import Kubelet
from pipeline.simulate.cluster.machine import MASTER_TAINT, Machine
from pipeline.simulate.cluster.model import PodSpec
from pipeline.simulate.cluster.pod import Pod
from pipeline.simulate.cluster.quota import needs_of
from pipeline.simulate.cluster.site import Listener, Site
from pipeline.simulate.kernel import Steps

_SKIPPED = 0.5
"""Share of the deleted pods that the scheduler still has in hand when they go."""
_TOLERATED = ", that the pod didn't tolerate"


@dataclass(slots=True)
class Asked:
    """What the pods of a machine have asked for."""

    cpu: float = 0.0
    memory: float = 0.0
    gpus: int = 0
    pods: int = 0


class Scheduler(Listener):
    """Gives pods to the machines with the most room."""

    def __init__(self, site: Site, kubelet: Kubelet) -> None:
        self._site, self._kubelet = site, kubelet
        self._moves = site.kernel.env.event()
        site.pods.listeners.append(self)

    def choose(self, pod: Pod) -> Machine:
        """Return the machine for a pod that runs already.

        Raises:
            ValueError: none has room.
        """
        machine, why = self._machine_or_why(pod)
        if machine is None:
            raise ValueError(f"pod {pod.spec.name} cannot be placed: {why}")
        return machine

    def submit(self, pod: Pod) -> None:
        """Schedule a new pod as soon as that can be done."""
        self._site.kernel.start(self._schedule(pod))

    def reconsider(self) -> None:
        """Try again what could not be scheduled: something has changed."""
        moves, self._moves = self._moves, self._site.kernel.env.event()
        moves.succeed()

    def emptiest(self) -> list[str]:
        """Return the workers' names, first that with the most room: where the next pod goes."""
        asked = self.asked()
        workers = [one for one in self._site.machines.values() if not one.master]
        workers.sort(key=lambda one: _fill(one, asked[one.name]))
        return [one.name for one in workers]

    def asked(self) -> dict[str, Asked]:
        """Return what has been asked for on each machine."""
        asked = {name: Asked() for name in self._site.machines}
        for pod in self._site.pods:
            if pod.machine is not None and not (pod.failed or pod.done):
                _count(asked[pod.machine.name], pod.spec)
        return asked

    def pod_changed(self, pod: Pod) -> None:
        """A pod that is over leaves room."""
        if pod.gone or pod.done or pod.failed:
            self.reconsider()

    def _schedule(self, pod: Pod) -> Steps:
        site = self._site
        chance = site.chance("schedule", pod.uid)
        yield from site.gate.passed(chance.uniform(0.01, 0.08))
        while not (pod.gone or pod.terminating):
            machine, why = self._machine_or_why(pod)
            if machine is not None:
                told = f"Successfully assigned {pod.spec.namespace}/{pod.spec.name} to "
                site.tell(pod, "Scheduled", told + machine.name)
                self._kubelet.bind(pod, machine)
                return
            site.tell(pod, "FailedScheduling", why, warning=True)
            if not pod.unschedulable:
                pod.unschedulable = True
                site.pods.changed(pod)
            yield self._moves | site.kernel.wait(chance.uniform(60.0, 95.0))
            yield from site.gate.passed(chance.uniform(0.05, 2.0))
        if pod.terminating and chance.random() < _SKIPPED:
            told = f"skip schedule deleting pod: {pod.spec.namespace}/{pod.spec.name}"
            site.tell(pod, "FailedScheduling", told, warning=True)

    def _machine_or_why(self, pod: Pod) -> tuple[Machine | None, str]:
        machines = self._site.machines
        claims = self._claims_missing(pod)
        if claims:
            return None, claims
        asked = self.asked()
        refusals: dict[str, int] = {}
        fitting: list[Machine] = []
        for machine in machines.values():
            reasons = _refuses(machine, pod.spec, asked[machine.name])
            if not reasons:
                fitting.append(machine)
            for reason in reasons:
                refusals[reason] = refusals.get(reason, 0) + 1
        if fitting:
            return min(fitting, key=lambda one: _fill(one, asked[one.name])), ""
        told = ", ".join(sorted(f"{count} {reason}" for reason, count in refusals.items()))
        return None, f"0/{len(machines)} nodes are available: {told}."

    def _claims_missing(self, pod: Pod) -> str:
        for name in pod.spec.claims:
            claim = self._site.storage.find(pod.spec.namespace, name)
            if claim is None:
                return f'persistentvolumeclaim "{name}" not found'
            if not claim.bound:
                count = len(self._site.machines)
                what = "pod has unbound immediate PersistentVolumeClaims"
                return f"0/{count} nodes are available: {count} {what}."
        return ""


def _count(asked: Asked, spec: PodSpec) -> None:
    needs = needs_of(spec)
    asked.cpu += needs["requests.cpu"]
    asked.memory += needs["requests.memory"]
    asked.gpus += _gpus(spec)
    asked.pods += 1


def _gpus(spec: PodSpec) -> int:
    return sum(one.gpus for one in spec.containers)


def _refuses(machine: Machine, spec: PodSpec, asked: Asked) -> list[str]:
    """Return why a machine will not have a pod, in the scheduler's words."""
    if spec.machine is not None:
        same = machine.name == spec.machine
        return [] if same else ["node(s) didn't match Pod's node affinity"]
    taint = _taint(machine)
    if machine.cordoned:
        return ["node(s) were unschedulable"]
    if taint:
        return [f"node(s) had taint {{{taint}}}{_TOLERATED}"]
    needs = needs_of(spec)
    short = {
        "Too many pods": asked.pods + 1 > machine.max_pods,
        "Insufficient cpu": asked.cpu + needs["requests.cpu"] > machine.cpu,
        "Insufficient memory": asked.memory + needs["requests.memory"] > machine.memory,
        "Insufficient nvidia.com/gpu": asked.gpus + _gpus(spec) > machine.gpus and _gpus(spec) > 0,
    }
    return [reason for reason, is_so in short.items() if is_so]


def _taint(machine: Machine) -> str | None:
    if machine.master:
        return f"{MASTER_TAINT}: "
    conditions = {
        "unreachable": not machine.ready,
        "memory-pressure": machine.memory_pressure,
        "disk-pressure": machine.disk_pressure,
    }
    for name, is_so in conditions.items():
        if is_so:
            return f"node.kubernetes.io/{name}: "
    return next((f"{key}: {value}" for key, value in machine.taints.items()), None)


def _fill(machine: Machine, asked: Asked) -> tuple[float, int]:
    """Return what the scheduler prefers the least of: how full, then in the machines' order."""
    full = asked.cpu / machine.cpu + asked.memory / machine.memory + asked.pods / machine.max_pods
    return round(full, 9), machine.number

"""A pod: what the API keeps of it, and what its kubelet does."""

from dataclasses import dataclass, field

import simpy

from pipeline.simulate.cluster.container import Container
from pipeline.simulate.cluster.machine import Machine
from pipeline.simulate.cluster.model import ContainerSpec, Phase, PodSpec, PodView


@dataclass(slots=True, eq=False)
class Slot:
    """What a pod remembers of one of its containers, from run to run."""

    spec: ContainerSpec
    labels: dict[str, str]
    """Those of its metrics."""
    ready: bool = False
    restarts: int = 0
    waiting: str | None = "ContainerCreating"
    exit_code: int | None = None
    exit_reason: str | None = None
    """Of the last run, when it has ended and none has followed."""
    last_reason: str | None = None
    """Of the run before this one."""
    back_off_s: float = 0.0
    """How long the kubelet waits before it starts the container again."""


@dataclass(slots=True, eq=False)
class Pod:
    """One pod."""

    spec: PodSpec
    uid: str
    slots: dict[str, Slot] = field(init=False)
    labels: dict[str, str] = field(init=False)
    """Those of its metrics."""
    machine: Machine | None = None
    ip: str | None = None
    running: dict[str, Container] = field(default_factory=dict)
    terminating: bool = False
    failed: str | None = None
    """Why it has failed for good (``Evicted``)."""
    unreachable: bool = False
    """The node controller has given its machine up."""
    unschedulable: bool = False
    started: bool = False
    """A container of its own (no init container) has run."""
    counted: bool = False
    """Its quota has counted it."""
    gone: bool = False
    done: bool = False
    """All containers have ended and none is started again."""
    keepers: list[simpy.Process] = field(default_factory=list)
    """The kubelet's processes that see to it."""
    view: PodView = field(init=False)

    def __post_init__(self) -> None:
        self.labels = {"namespace": self.spec.namespace, "pod": self.spec.name}
        self.slots = {
            one.name: Slot(
                one,
                {**self.labels, "container": one.name},
                waiting="ContainerCreating" if one.init else self._waits_first(),
            )
            for one in self.spec.containers
        }
        self.refresh()

    @property
    def main_slots(self) -> list[Slot]:
        """Return the containers that are no init containers."""
        return [slot for slot in self.slots.values() if not slot.spec.init]

    @property
    def init_slots(self) -> list[Slot]:
        """Return the init containers in their order."""
        return [slot for slot in self.slots.values() if slot.spec.init]

    @property
    def active(self) -> bool:
        """Return whether its controller counts it."""
        return not (self.terminating or self.gone or self.done or self.failed)

    def refresh(self) -> None:
        """Make the view say what is so now."""
        slots = self.slots.values()
        self.view = PodView(
            name=self.spec.name,
            namespace=self.spec.namespace,
            uid=self.uid,
            phase=self._phase(),
            ready=self._ready(),
            ip=self.ip,
            machine=None if self.machine is None else self.machine.name,
            terminating=self.terminating,
            exit_codes={
                slot.spec.name: slot.exit_code for slot in slots if slot.exit_code is not None
            },
            waiting=next((slot.waiting for slot in slots if slot.waiting is not None), None),
            labels=self.spec.labels,
            deleted=self.gone,
        )

    def _waits_first(self) -> str:
        init = any(one.init for one in self.spec.containers)
        return "PodInitializing" if init else "ContainerCreating"

    def _ready(self) -> bool:
        if self.unreachable or self.failed or self.done:
            return False
        return all(slot.ready for slot in self.main_slots)

    def _phase(self) -> Phase:
        if self.failed:
            return "Failed"
        codes = [slot.exit_code for slot in self.main_slots]
        if self.done:
            return "Succeeded" if all(code == 0 for code in codes) else "Failed"
        return "Running" if self.started else "Pending"

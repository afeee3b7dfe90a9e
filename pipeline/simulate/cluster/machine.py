"""Machines: what they have, how they fare, and the knobs with which that is changed."""

from dataclasses import dataclass, field

import simpy

from pipeline.simulate.cluster.model import GIB

DEFAULT_MACHINES = (
    *(f"master-{number}" for number in range(3)),
    *(f"wrk-{number}" for number in range(1, 7)),
)
"""Names that begin with ``master-`` are masters: no pod of an application runs there."""
MASTER_TAINT = "node-role.kubernetes.io/master"


@dataclass(slots=True, eq=False)
class Machine:
    """One machine of the cluster. What a scenario may set is said so."""

    name: str
    uid: str
    number: int
    """Its place in the cluster; its addresses follow from it."""
    pulls: simpy.Resource
    """The kubelet pulls one image at a time."""
    cpu: float = 64.0
    """Cores that can be asked for."""
    memory: float = 256 * GIB
    disk: float = 480 * GIB
    gpus: int = 0
    """Knob. Graphics processors that can be asked for."""
    max_pods: int = 250
    overloaded: float = 1.0
    """Knob. By which factor work takes longer than usual (20: hardly anything moves)."""
    cordoned: bool = False
    """Knob. The scheduler passes it by."""
    taints: dict[str, str] = field(default_factory=dict)
    """Knob. Taints that no pod of the application tolerates: key to value."""
    foreign_memory: float = 6 * GIB
    """Knob. Bytes that processes outside of pods take."""
    foreign_disk: float = 60 * GIB
    """Knob. Bytes of the disk that neither images nor pods take."""
    lost: bool = False
    """Without power, or cut off for good: set by ``Cluster.lose`` and ``Cluster.recover``."""
    ready: bool = True
    """What the API says; the node controller takes its time."""
    memory_pressure: bool = False
    """A condition that the kubelet finds: set ``foreign_memory`` to bring it about."""
    disk_pressure: bool = False
    images: dict[str, float] = field(default_factory=dict)
    """Images that are there, and their sizes."""

    @property
    def master(self) -> bool:
        """Return whether it is one of the masters."""
        return self.name.startswith("master-")

    @property
    def runtime_slowness(self) -> float:
        """Return by which factor the container runtime takes longer.

        Most of its work waits for the disk, several times in a row: under load it suffers twice.
        """
        return self.overloaded**2

    @property
    def address(self) -> str:
        """Return its own address."""
        return f"192.168.10.{20 + self.number}"

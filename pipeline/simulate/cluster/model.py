"""What Kubernetes objects are, as far as mechanisms need them. Plain values and one protocol.

A *program* is what runs in a container: a generator started by the kubelet when the container
starts, told to stop by an interrupt whose cause is a ``Stop``, and whose return value is the exit
code. Programs speak through their container (``log``), and set what it uses (memory, CPU); the
kubelet watches over that.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, Protocol

from pipeline.simulate.kernel import Steps

MIB = 1024**2
GIB = 1024**3


@dataclass(frozen=True, slots=True)
class Stop:
    """The cause of the interrupt that ends a program."""

    signal: Literal[15, 9]
    reason: str
    """``Completed``, ``Error``, ``OOMKilled`` … as the container's state will say."""


class Runtime(Protocol):
    """A running container, as its program sees it."""

    memory_bytes: float
    """Working set; beyond the limit the kernel kills."""
    cpu_cores: float

    @property
    def pod(self) -> str:
        """Name of the pod."""

    @property
    def machine(self) -> str:
        """Name of the machine that it runs on."""

    @property
    def ip(self) -> str:
        """Address of the pod."""

    @property
    def restarts(self) -> int:
        """How often the container has been started again."""

    def log(self, text: str) -> None:
        """Print; several lines are several records."""

    def claim_error(self, claim: str) -> str | None:
        """Return what writing to a mounted claim fails with (``No space left on device``,
        ``Disk quota exceeded``, ``Input/output error``), or None: writing works."""

    def slowness(self) -> float:
        """Return by which factor work takes longer on its machine now (1: as usual)."""


Program = Callable[[Runtime], Steps]

Check = Callable[[], str | None]
"""A probe: None when it passes, else the text that the kubelet prints."""


@dataclass(frozen=True, slots=True)
class Probe:
    """What the kubelet asks a container, and how patiently (Kubernetes' defaults)."""

    check: Check
    period_s: float = 10.0
    timeout_s: float = 1.0
    failures: int = 3
    initial_s: float = 0.0


@dataclass(frozen=True, slots=True)
class ContainerSpec:
    """One container of a pod."""

    name: str
    image: str
    program: Program
    memory_limit: float | None = None
    memory_request: float = 256 * MIB
    cpu_limit: float | None = None
    cpu_request: float = 0.25
    gpus: int = 0
    readiness: Probe | None = None
    liveness: Probe | None = None
    init: bool = False
    """An init container: runs to its end, with success, before the others start."""


@dataclass(frozen=True, slots=True)
class PodSpec:
    """A pod to be created."""

    name: str
    namespace: str
    containers: tuple[ContainerSpec, ...]
    labels: dict[str, str] = field(default_factory=dict)
    claims: tuple[str, ...] = ()
    """Persistent volume claims that it mounts."""
    restart: Literal["Always", "OnFailure", "Never"] = "Always"
    owner: tuple[str, str] | None = None
    """Kind and name of the controller that keeps it; None: a bare pod."""
    machine: str | None = None
    """Where it has to run (static pods, tests); None: wherever the scheduler finds room."""
    grace_s: float = 30.0


Phase = Literal["Pending", "Running", "Succeeded", "Failed", "Unknown"]


@dataclass(frozen=True, slots=True)
class PodView:
    """A pod as the API tells of it at one time."""

    name: str
    namespace: str
    uid: str
    phase: Phase
    ready: bool
    ip: str | None
    machine: str | None
    terminating: bool
    exit_codes: dict[str, int]
    """Of containers that have ended (and not started again), by name."""
    waiting: str | None
    """Reason that a container waits for (``ImagePullBackOff``, ``CrashLoopBackOff`` …)."""


class ApiRefusedError(Exception):
    """Nobody listens at the API server's address."""


class ApiTimeoutError(Exception):
    """No answer within the caller's patience."""


class ApiError(Exception):
    """The API server says no."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status, self.reason, self.message = status, reason, message

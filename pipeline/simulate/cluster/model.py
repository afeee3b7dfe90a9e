"""What Kubernetes objects are, as far as mechanisms need them. Plain values and one protocol.

A *program* is what runs in a container: a generator started by the kubelet when the container
starts, told to stop by an interrupt whose cause is a ``Stop``, and whose return value is the exit
code. Programs speak through their container (``log``), and set what it uses (memory, CPU); the
kubelet watches over that.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, Protocol

import simpy

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

    @property
    def ended(self) -> bool:
        """Whether the container has ended: what it prints then is lost."""

    def log(self, text: str) -> None:
        """Print; several lines are several records."""

    def start(self, steps: Steps) -> simpy.Process:
        """Let a thread of the program run.

        It ends when the container does: by an interrupt with the same ``Stop``, which it need not
        catch.
        """

    def claim_error(self, claim: str) -> str | None:
        """Return what writing to a mounted claim fails with, or None: writing works.

        ``No space left on device``, ``Disk quota exceeded``, ``Input/output error``.
        """

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
    work_s: float = 0.02
    """How long the check takes on an idle machine; on a slow one it may exceed the timeout."""
    late: str = "command timed out"
    """What the kubelet prints when it does."""


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
    on_oom: "Callable[[Runtime], bool] | None" = None
    """Asked when memory goes beyond the limit: True says that the kernel of the machine has hit a
    child process (the program has been told, and has set its memory lower); else the container
    dies. Must not wait, log is allowed."""
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
    labels: dict[str, str] = field(default_factory=dict)
    deleted: bool = False
    """Gone: the last word about it (only watches say so)."""


@dataclass(frozen=True, slots=True)
class DeploymentSpec:
    """What a controller keeps running."""

    name: str
    namespace: str
    containers: tuple[ContainerSpec, ...]
    kind: Literal["DeploymentConfig", "Deployment", "Static"] = "DeploymentConfig"
    """``Static``: one pod on each master, named after it."""
    replicas: int = 1
    revision: int = 1
    labels: dict[str, str] = field(default_factory=dict)
    claims: tuple[str, ...] = ()
    grace_s: float = 30.0
    running: bool = True
    """Its pods run already when it is deployed (no events); False: they are created then."""
    machine: str | None = None
    """Where its first pods run; later ones run wherever there is room."""


class ApiRefusedError(Exception):
    """Nobody listens at the API server's address."""


class ApiTimeoutError(Exception):
    """No answer within the caller's patience."""


class ApiError(Exception):
    """The API server says no."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(status, reason, message)  # SimPy builds it anew from these
        self.status, self.reason, self.message = status, reason, message

    def __str__(self) -> str:
        """Return the message."""
        return self.message

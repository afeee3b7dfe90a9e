"""Volumes: claims, and the backends behind them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random

from pipeline.simulate.cluster.model import GIB, ApiError

NO_SPACE = "No space left on device"
QUOTA = "Disk quota exceeded"
BROKEN = "Input/output error"


@dataclass(slots=True, eq=False)
class Backend:
    """What a storage class is served by."""

    name: str
    """The storage class."""
    driver: str
    full_text: str
    """What a writer is told whose own volume is full."""
    full: bool = False
    """Knob. Nothing can be written to any volume."""
    slow: float = 1.0
    """Knob. By which factor reading, writing, attaching and mounting take longer."""
    broken: bool = False
    """Knob. Reads and writes fail, and nothing can be mounted."""


@dataclass(slots=True, eq=False)
class Claim:
    """A persistent volume claim with its volume. How full it is, is worked out when asked."""

    namespace: str
    name: str
    uid: str
    size: float
    backend: Backend
    now: Callable[[], float]
    bound: bool = True
    attached: str | None = None
    """The machine that has the volume (one at a time)."""
    _used: float = 0.0
    _since: float = 0.0
    _rate: float = 0.0

    @property
    def volume(self) -> str:
        """Name of the persistent volume."""
        return f"pvc-{self.uid}"

    @property
    def used(self) -> float:
        """Bytes in use."""
        grown = self._used + self._rate * (self.now() - self._since)
        return min(self.size, max(0.0, grown))

    @property
    def quota_error(self) -> str:
        """What a writer is told when it is full."""
        return self.backend.full_text

    def write(self, amount: float) -> str | None:
        """Write (or remove: negative) bytes; return what that fails with, or None.

        A write that does not fit fills what room there is.
        """
        failure = self.error(amount)
        used = self.used
        if failure is None or (failure == self.backend.full_text and not self.backend.full):
            self._set(min(self.size, max(0.0, used + amount)), self._rate)
        return failure

    def fill(self, bytes_per_s: float) -> None:
        """Knob. Have it fill (or empty) steadily from now on."""
        self._set(self.used, bytes_per_s)

    def set_used(self, amount: float) -> None:
        """Knob. Have this much in use now."""
        self._set(min(self.size, max(0.0, amount)), self._rate)

    def error(self, amount: float = 1.0) -> str | None:
        """Return what writing so many bytes would fail with now, or None."""
        if self.backend.broken:
            return BROKEN
        if self.backend.full and amount > 0:
            return NO_SPACE
        return self.backend.full_text if self.used + amount > self.size else None

    def _set(self, used: float, rate: float) -> None:
        self._used, self._since, self._rate = used, self.now(), rate


@dataclass(slots=True)
class Storage:
    """All claims and backends."""

    now: Callable[[], float]
    chance: Callable[..., Random]
    uid: Callable[..., str]
    backends: dict[str, Backend] = field(default_factory=dict)
    """By short name: ``rbd`` (block devices: databases), ``cephfs`` (files: users' homes)."""
    _claims: dict[tuple[str, str], Claim] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for short, full in (("rbd", NO_SPACE), ("cephfs", QUOTA)):
            name, driver = f"ocs-storagecluster-ceph-{short}", f"openshift-storage.{short}"
            name = name.replace("ceph-cephfs", "cephfs")
            self.backends[short] = Backend(name, f"{driver}.csi.ceph.com", full)

    def claim(self, namespace: str, name: str) -> Claim:
        """Return a claim.

        Raises:
            KeyError: there is none.
        """
        return self._claims[namespace, name]

    def find(self, namespace: str, name: str) -> Claim | None:
        """Return a claim, or None."""
        return self._claims.get((namespace, name))

    def claims(self) -> Iterator[Claim]:
        """Return all claims, the oldest first."""
        return iter(self._claims.values())

    def provide(
        self,
        namespace: str,
        name: str,
        size: float = 2 * GIB,
        *,
        used: float = 0.0,
        backend: str = "cephfs",
    ) -> Claim:
        """Have a claim that has long been bound, with so many bytes in use."""
        claim = self._new(namespace, name, size, backend)
        claim.set_used(used)
        return claim

    def create(self, namespace: str, name: str, size: float, backend: str = "cephfs") -> Claim:
        """Create a claim that still has to be bound.

        Raises:
            ApiError: there is one of that name (409).
        """
        if (namespace, name) in self._claims:
            told = f'persistentvolumeclaims "{name}" already exists'
            raise ApiError(409, "AlreadyExists", told)
        claim = self._new(namespace, name, size, backend)
        claim.bound = False
        return claim

    def _new(self, namespace: str, name: str, size: float, backend: str) -> Claim:
        uid = self.uid("claim", namespace, name)
        claim = Claim(namespace, name, uid, size, self.backends[backend], self.now)
        self._claims[namespace, name] = claim
        return claim

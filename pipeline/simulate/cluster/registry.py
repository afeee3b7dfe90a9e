"""Where images are pulled from."""

from dataclasses import dataclass, field
from random import Random

from pipeline.simulate.cluster.model import GIB, MIB

_PINGING = "error pinging docker registry {host}: "
_REFUSED = (
    f"{_PINGING}Get https://{{host}}/v2/: dial tcp {{ip}}:443: connect: connection refused",
    f"{_PINGING}Get https://{{host}}/v2/: dial tcp {{ip}}:443: i/o timeout",
    f"{_PINGING}received unexpected HTTP status: 503 Service Unavailable",
    f"{_PINGING}received unexpected HTTP status: 502 Bad Gateway",
)
"""How a registry that is down refuses; one outage has one way."""


@dataclass(slots=True)
class Registry:
    """All registries that the cluster pulls from, seen as one."""

    chance: Random
    down: bool = False
    """Knob. Nobody can pull."""
    bytes_per_s: float = 120 * MIB
    """Knob. What one pull gets."""
    missing: dict[str, None] = field(default_factory=dict)
    """Knob. Images of which there is no manifest (any more)."""
    sizes: dict[str, float] = field(default_factory=dict)
    """Bytes of an image, where they matter."""
    default_size: float = 1.6 * GIB
    _streams: dict[str, str] = field(default_factory=dict)
    pulling: int = 0
    """How many pulls are under way."""
    _refusal: str = ""

    def resolve(self, image: str) -> str:
        """Return which image a name in an image stream means now; new pods get that."""
        return self._streams.get(image, image)

    def push(self, image: str) -> str:
        """Have a name in an image stream mean a new image from now on; return that.

        No machine has it yet.
        """
        name = image.partition("@")[0].rpartition(":")[0] or image
        self._streams[image] = f"{name}@sha256:{self.chance.getrandbits(256):064x}"
        return self._streams[image]

    def size(self, image: str) -> float:
        """Return how many bytes an image has to be pulled."""
        return self.sizes.get(image, self.default_size)

    def refusal(self, image: str) -> str | None:
        """Return why a pull fails, in the container runtime's words; None: it does not."""
        if self.down:
            self._refusal = self._refusal or self.chance.choice(_REFUSED)
            host = _host(image)
            ip = f"34.{len(host) * 7 % 200}.{len(host) * 13 % 250}.113"
            return f"rpc error: code = Unknown desc = {self._refusal.format(host=host, ip=ip)}"
        self._refusal = ""
        if image in self.missing:
            tag = image.rpartition(":")[2]
            return (
                f"rpc error: code = Unknown desc = Error reading manifest {tag} in "
                f"{image.rpartition(':')[0]}: manifest unknown: manifest unknown"
            )
        return None


def _host(image: str) -> str:
    host = image.partition("/")[0]
    return host if "." in host else "registry-1.docker.io"

"""What all parts of one deployment share, and how they print."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from pipeline.simulate.cluster.cluster import Cluster
from pipeline.simulate.cluster.model import Runtime
from pipeline.simulate.jupyterhub.wording import Wording
from pipeline.simulate.kernel import Kernel

HUB = "jupyterhub/hub"
DB = "jupyterhub/db"
PROXY = "jupyterhub/proxy"
CULLER = "jupyterhub/culler"
OAUTH = "platform/openshift-oauth"


@dataclass(frozen=True, slots=True)
class Scene:
    """Where the parts play."""

    kernel: Kernel
    cluster: Cluster
    namespace: str
    wording: Wording
    hit: Callable[[str], None]
    """Note that a node has really been harmed, now."""


def stamp(kernel: Kernel) -> str:
    """Return the time as Jupyter's programs print it."""
    return kernel.time.isoformat(" ", "milliseconds")[:23]


def jupyter_line(kernel: Kernel, app: str, where: tuple[str, str], text: str) -> str:
    """Return a record in Jupyter's format (``where``: level and place); more lines are indented."""
    level, place = where
    if "\n" in text:
        text = text.rstrip("\n").replace("\n", "\n    ")
    return f"[{level} {stamp(kernel)} {app} {place}] {text}"


def tornado_line(kernel: Kernel, level: str, place: str, text: str) -> str:
    """Return a record in Tornado's own format, as services of the hub print."""
    time = kernel.time.strftime("%y%m%d %H:%M:%S")
    return f"[{level} {time} {place}] " + text.replace("\n", "\n    ")


def klog_line(kernel: Kernel, level: str, place: str, text: str, *, thread: int = 1) -> str:
    """Return a record in the format of Kubernetes' own programs."""
    time = kernel.time.strftime("%m%d %H:%M:%S.%f")
    return f"{level}{time} {thread:7d} {place}] {text}"


def print_to(runtime: Runtime | None, text: str) -> None:
    """Print, if there is a container that still runs."""
    if runtime is not None and not runtime.ended:
        runtime.log(text)


def about(chance: Random, typical: float, spread: float = 0.35) -> float:
    """Return how much something took: mostly what is typical, seldom much more."""
    return typical * chance.lognormvariate(0, spread)


def escaped(name: str) -> str:
    """Return a user's name as KubeSpawner writes it into names of pods."""
    return "".join(
        letter if letter.isascii() and (letter.islower() or letter.isdigit()) else _escape(letter)
        for letter in name
    )


def _escape(letter: str) -> str:
    return "".join(f"-{byte:02x}" for byte in letter.encode())


def quoted(name: str) -> str:
    """Return a user's name as it is written into paths."""
    return name.replace("@", "%40")

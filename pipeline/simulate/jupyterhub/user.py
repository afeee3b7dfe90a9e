"""Who uses the hub: a name, a pod, a volume, and whether the server answers."""

from collections.abc import Callable
from dataclasses import dataclass, field

from pipeline.simulate.cluster.model import PodSpec
from pipeline.simulate.jupyterhub.http import HttpError
from pipeline.simulate.jupyterhub.scene import escaped, quoted


@dataclass(slots=True, eq=False)
class User:
    """One user and the user's server."""

    name: str
    """As the hub knows the user: ``alice@example.com``."""
    address: str
    """Where the browser calls from, as the hub sees it."""
    manifest: Callable[[], PodSpec]
    """What KubeSpawner has created."""
    trouble: Callable[[], HttpError | None]
    """What a request to the server fails with now; None: it is answered."""
    ip: str | None = None
    """Where the server is now."""

    escaped: str = field(init=False)
    """The name as part of names of objects."""
    node: str = field(init=False)
    """Id of the graph's node."""
    pod_name: str = field(init=False)
    """Name of the server's pod, the same at each spawn."""
    path: str = field(init=False)
    """The server's path on the proxy."""

    def __post_init__(self) -> None:
        self.escaped = escaped(self.name)
        self.node = f"jupyterhub/user/{self.escaped}"
        self.pod_name = f"jupyterhub-nb-{self.escaped}"
        self.path = f"/user/{quoted(self.name)}"

    @property
    def claim(self) -> str:
        """Name of the claim that the server's files are in."""
        return f"{self.pod_name}-pvc"

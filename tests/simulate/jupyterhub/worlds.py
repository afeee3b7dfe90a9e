"""Small worlds for the tests of the simulated JupyterHub: what was recorded, ready to be asked."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from pipeline.simulate.cluster.cluster import Cluster
from pipeline.simulate.jupyterhub.deployment import Deployment
from pipeline.simulate.jupyterhub.user import User
from pipeline.simulate.kernel import START, Kernel, Steps
from pipeline.simulate.recorder import Fields, Recorder


@dataclass(slots=True)
class World:
    """A deployment in a cluster, and all that was taken down."""

    seed: int = 1
    length_s: float = 1200.0
    users: int = 12
    records: list[tuple[float, Fields]] = field(default_factory=list)
    kernel: Kernel = field(init=False)
    cluster: Cluster = field(init=False)
    hub: Deployment = field(init=False)

    def __post_init__(self) -> None:
        self.kernel = Kernel(Recorder(self._take), seed=self.seed, length_s=self.length_s)
        self.cluster = Cluster(self.kernel)
        self.hub = Deployment(self.kernel, self.cluster, users=self.users)

    def _take(self, time: datetime, fields: Fields) -> None:
        self.records.append(((time - START).total_seconds(), fields))

    def run(self) -> "World":
        """Run to the end; return itself."""
        self.kernel.run()
        return self

    def start_at(self, second: float, steps: Steps) -> None:
        """Have a process begin at a time."""

        def act() -> None:
            self.kernel.start(steps)

        self.kernel.at(second, act)

    def lines(self, pod: str = "", after: float = 0.0, until: float = 1e9) -> Iterator[str]:
        """Yield what pods whose names begin so have printed."""
        for second, fields in self.records:
            told = fields["signal"] == "log" and after <= second <= until
            if told and str(fields["pod"]).startswith(pod):
                yield str(fields["message"])

    def hub_lines(self, after: float = 0.0, until: float = 1e9) -> list[str]:
        """Return what the hub's container has printed."""
        return [
            str(fields["message"])
            for second, fields in self.records
            if fields.get("container") == "jupyterhub"
            and fields["signal"] == "log"
            and after <= second <= until
        ]

    def events(self, reason: str) -> list[tuple[float, str, str]]:
        """Return time, object and message of the events of a reason."""
        return [
            (second, str(fields["name"]), str(fields["message"]))
            for second, fields in self.records
            if fields["signal"] == "event" and fields["reason"] == reason
        ]

    def samples(self, name: str, **labels: str) -> list[tuple[float, float]]:
        """Return time and value of a metric's samples with these labels."""
        return [
            (second, float(str(fields["value"])))
            for second, fields in self.records
            if fields["signal"] == "metric"
            and fields["name"] == name
            and labels.items() <= dict(fields["labels"]).items()  # type: ignore[call-overload]  # it is a mapping
        ]

    def pod(self, deployment: str) -> str:
        """Return the name of a deployment's pod."""
        return self.hub.pod_of(deployment) or ""

    def at_work(self) -> User:
        """Return a user whose server runs and who sits before it."""
        return next(user for user in self.hub.users if self.hub.hub.servers[user.name].ip)

    def absent(self) -> User:
        """Return a user without a server."""
        return next(user for user in self.hub.users if not self.hub.hub.servers[user.name].ip)

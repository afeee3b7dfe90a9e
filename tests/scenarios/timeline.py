"""A small language for outages: who says what, in seconds after ten o'clock."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Self

from pipeline.assembly import flow_of
from pipeline.flow import Flow, InProcess
from pipeline.ingest.batching import Batcher
from pipeline.ingest.steps import Stepper
from pipeline.records import Event, Incident, Log, Metric, Observation
from pipeline.settings import Settings

START = datetime(2026, 3, 2, 10, tzinfo=UTC)
NAMESPACE = "opf-jupyterhub"
HUB, DB = "jupyterhub-124-x7k2p", "jupyterhub-db-1-abcde"


def user_pod(name: str) -> str:
    """Return the pod of a user."""
    return f"jupyterhub-nb-{name}"


@dataclass
class Timeline:
    """Observations as they are told; ``incidents`` is what comes of them."""

    told: list[Observation] = field(default_factory=list)

    def hub(self, at: float, level: str, where: str, message: str) -> Self:
        """Let the hub write a line."""
        time = START + timedelta(seconds=at)
        line = f"[{level} {time:%Y-%m-%d %H:%M:%S}.000 JupyterHub {where}] {message}"
        return self._log(at, HUB, "jupyterhub", line)

    def user(self, at: float, name: str, level: str, message: str) -> Self:
        """Let a user's server write a line."""
        time = START + timedelta(seconds=at)
        line = f"[{level} {time:%Y-%m-%d %H:%M:%S}.000 SingleUserLabApp log:181] {message}"
        return self._log(at, user_pod(name), "notebook", line)

    def event(  # noqa: PLR0913 - the fields of an event
        self,
        at: float,
        name: str,
        reason: str,
        message: str,
        *,
        kind: str = "Pod",
        count: int = 1,
        type_: str = "Warning",
        machine: str | None = None,
    ) -> Self:
        """Let Kubernetes tell of something, ``count`` times in all, ten seconds apart."""
        for number in range(1, count + 1):
            time = START + timedelta(seconds=at + 10 * (number - 1))
            self.told.append(
                Event(
                    time=time,
                    namespace=None if kind == "Node" else NAMESPACE,
                    kind=kind,
                    name=name,
                    reason=reason,
                    type=type_,
                    message=message,
                    count=number,
                    first_time=START + timedelta(seconds=at),
                    source_uid=f"{name}-{reason}-{at}",
                    cluster_node=machine,
                )
            )
        return self

    def metric(self, at: float, name: str, value: float, **labels: str) -> Self:
        """Take a sample."""
        time = START + timedelta(seconds=at)
        whole = {"namespace": NAMESPACE, **labels}
        self.told.append(Metric(time=time, name=name, value=value, labels=whole))
        return self

    def incidents(self) -> list[Incident]:
        """Return the final incidents."""
        return incidents(self.told, flow_of(Settings()))

    def _log(self, at: float, pod: str, container: str, line: str) -> Self:
        time = START + timedelta(seconds=at)
        self.told.append(
            Log(time=time, namespace=NAMESPACE, pod=pod, container=container, message=line)
        )
        return self


def incidents(told: Iterable[Observation], flow: Flow) -> list[Incident]:
    """Return the incidents of observations, in process."""
    stepper = Stepper(
        source="timeline",
        node_of=flow.router().node_of,
        batcher=Batcher("timeline"),
        step_us=10_000_000,
        closing_us=flow.closing_us,
        read_counts=dict,
    )
    stages = InProcess(flow)
    stages.run(stepper.run(sorted(told, key=lambda observation: observation.time)))
    return stages.incidents()

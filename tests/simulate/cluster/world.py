"""A small cluster and what is taken down of it, for the laws of its mechanisms."""

from dataclasses import dataclass, field
from datetime import datetime

from pipeline.simulate.cluster.cluster import Cluster
from pipeline.simulate.cluster.model import (
    MIB,
    ContainerSpec,
    DeploymentSpec,
    PodSpec,
    Program,
    Runtime,
)
from pipeline.simulate.kernel import START, Kernel, Steps
from pipeline.simulate.recorder import Fields, Recorder, line

NS = "lab"


@dataclass
class World:
    """A cluster, and its records."""

    seed: int = 7
    length_s: float = 3600.0
    records: list[tuple[datetime, Fields]] = field(default_factory=list)

    def __post_init__(self) -> None:
        recorder = Recorder(lambda time, fields: self.records.append((time, fields)))
        self.kernel = Kernel(recorder, seed=self.seed, length_s=self.length_s)
        self.cluster = Cluster(self.kernel)

    def run(self, until_s: float | None = None) -> None:
        """Let time pass, to the end or only so far."""
        self.kernel.env.run(until=until_s or self.length_s)

    def serve(self, runtime: Runtime) -> Steps:
        """A program that serves for ever."""
        runtime.memory_bytes, runtime.cpu_cores = 200 * MIB, 0.1
        runtime.log("serving")
        yield self.kernel.env.event()

    def crash(self, runtime: Runtime) -> Steps:
        """A program that dies after a second."""
        yield self.kernel.wait(1.0)
        runtime.log("no")
        return 1

    def pod(self, name: str = "p", program: Program | None = None, **more: object) -> PodSpec:
        """Return a pod with one container ``main``; ``more`` goes to the one or the other."""
        of_pod = {
            key: more.pop(key)
            for key in ("claims", "machine", "restart", "labels", "owner", "grace_s")
            if key in more
        }
        image = more.pop("image", "quay.io/lab/main:1")
        container = ContainerSpec("main", image, program or self.serve, **more)
        return PodSpec(name, NS, (container,), **of_pod)

    def deployment(
        self, name: str = "web", program: Program | None = None, **more: object
    ) -> DeploymentSpec:
        """Return a DeploymentConfig with one container ``main``."""
        return DeploymentSpec(name, NS, self.pod(program=program).containers, **more)

    def create(self, spec: PodSpec, at_s: float = 0.0) -> None:
        """Have a pod created at a time."""

        def steps() -> Steps:
            yield self.kernel.wait(at_s)
            yield from self.cluster.api.create_pod(spec, timeout_s=30)

        self.kernel.start(steps())

    def outcome(self, steps: Steps) -> list[object]:
        """Run a call; what it gives, or raises, is appended to the list that is returned."""
        results: list[object] = []

        def call() -> Steps:
            try:
                results.append((yield from steps))
            except Exception as error:  # noqa: BLE001 - the error is what is asked for
                results.append(error)
            results.append(self.kernel.now)

        self.kernel.start(call())
        return results

    def events(
        self, reason: str | None = None, name: str | None = None
    ) -> list[tuple[float, Fields]]:
        """Return events with their seconds."""
        return [
            ((time - START).total_seconds(), fields)
            for time, fields in self.records
            if fields["signal"] == "event"
            and reason in {None, fields["reason"]}
            and name in {None, fields["name"]}
        ]

    def reasons(self, name: str) -> list[object]:
        """Return the reasons of the events about an object, in their order."""
        return [fields["reason"] for _, fields in self.events(name=name)]

    def samples(self, metric: str, **labels: str) -> list[float]:
        """Return the values of a series (of all that have these labels)."""
        return [
            fields["value"]
            for _, fields in self.records
            if fields.get("name") == metric
            and fields["signal"] == "metric"
            and labels.items() <= fields["labels"].items()
        ]

    def written(self) -> bytes:
        """Return all records as they are written."""
        return b"".join(line(time, fields) for time, fields in self.records)

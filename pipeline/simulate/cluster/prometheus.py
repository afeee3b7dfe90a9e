"""What scrapes metrics, each target at its own moment of the interval."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from pipeline.simulate.cluster.pod import Pod
from pipeline.simulate.cluster.requests import Exposed
from pipeline.simulate.cluster.site import PodStore
from pipeline.simulate.kernel import Kernel, Steps

INTERVAL_S = 60.0

Selector = tuple[str, Mapping[str, str]]
"""Namespace and labels of the pods behind a service."""


@dataclass(frozen=True, slots=True)
class Target:
    """What is scraped of an application."""

    job: str
    labels: Mapping[str, str]
    pod: Selector | None
    expose: Callable[[], Iterable[Exposed]]
    answers: Callable[[], bool]


@dataclass(slots=True)
class Prometheus:
    """Scrapes its targets for ever."""

    kernel: Kernel
    pods: PodStore
    interval_s: float = INTERVAL_S
    """Knob, before time begins."""
    _jobs: dict[str, int] = field(default_factory=dict)

    def add_target(  # noqa: PLR0917 - a target is these five, and each is plain
        self,
        job: str,
        labels: Mapping[str, str],
        pod: Selector | None,
        expose: Callable[[], Iterable[Exposed]],
        answers: Callable[[], bool],
    ) -> None:
        """Scrape an application.

        Args:
            job: Name of the job.
            labels: Of the target; those of the samples are added.
            pod: The pods that answer; without one there is no target, and so not even ``up``.
                None: what is scraped is no pod.
            expose: Called a scrape: name, labels, value, whether it is a counter.
            answers: Whether the scrape is answered in time; else ``up`` is 0.
        """
        target = Target(job, {"job": job, **labels}, pod, expose, answers)
        self.add_collector(job, lambda time: self._scrape(time, target))

    def add_collector(self, job: str, collect: Callable[[datetime], None]) -> None:
        """Scrape something that takes its samples down itself, all at the time that is given."""
        number = self._jobs[job] = self._jobs.get(job, 0) + 1
        self.kernel.start(self._run(job, number, collect))

    def _run(self, job: str, number: int, collect: Callable[[datetime], None]) -> Steps:
        yield self.kernel.wait(self.kernel.chance("scrape", job, str(number)).uniform(0, 1) * 60)
        while True:
            collect(self.kernel.time)
            yield self.kernel.wait(self.interval_s)

    def _scrape(self, time: datetime, target: Target) -> None:
        if target.pod is None:
            self._take(time, target, target.labels, up=target.answers())
            return
        for pod in self.pods.selected(target.pod[0], target.pod[1]):
            if pod.ip is None or pod.done or pod.failed or not pod.started:
                continue
            up = bool(pod.running) and not _is_lost(pod) and target.answers()
            self._take(time, target, {**target.labels, **pod.labels}, up=up)

    def _take(self, time: datetime, target: Target, labels: Mapping[str, str], *, up: bool) -> None:
        record = self.kernel.recorder.sample
        record(time, "up", int(up), labels)
        if up:
            for name, own, value, counter in target.expose():
                record(time, name, value, {**labels, **own}, counter=counter)


def _is_lost(pod: Pod) -> bool:
    return pod.machine is None or pod.machine.lost

"""The flow in one place: which stage feeds which, and with what.

``Flow`` wires the pure stages from topologies, a signature pack and settings; ``analyze`` runs them
in process, the Kafka workers run the same stages between topics.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from pipeline.correlate.changes import kept_s
from pipeline.correlate.overtime import Model, model_of
from pipeline.correlate.partition import CorrelatePartition
from pipeline.correlate.settings import CorrelateSettings
from pipeline.detect.detector import Detector
from pipeline.detect.partition import DetectPartition, DetectStep
from pipeline.detect.registry import NodeDetectors
from pipeline.ingest.route import Router
from pipeline.records import FEED_OF_SIGNAL, FEEDS, Batch, Gap, Incident, Mark, Signal, Symptom
from pipeline.redact import DEFAULT, Redaction, Redactor
from topology.model import Application
from topology.versions import Timeline

_SECOND = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Windows:
    """Spans of event time, in seconds."""

    lateness_s: float = 120.0
    """How late an observation may come and still count as if it had been on time."""
    step_s: float = 10.0
    """Event time between two marks of a replay."""


@dataclass(frozen=True, kw_only=True)
class Flow:
    """The stages, wired."""

    timelines: Sequence[Timeline]
    """The applications, each with the versions that its graph has had."""
    detectors: Mapping[str, NodeDetectors]
    """By instance (the first part of its node ids); ``""`` for all other nodes."""
    detect_span_s: float
    """Longest time after its last observation by which a symptom has closed."""
    correlate: CorrelateSettings = field(default_factory=CorrelateSettings)
    windows: Windows = field(default_factory=Windows)
    redaction: Redaction = DEFAULT
    """What is replaced before anything is published."""
    keep_incidents_s: float | None = None
    """Event time after its end by which an incident leaves the topic; None: it stays."""

    @property
    def applications(self) -> tuple[Application, ...]:
        """The latest version of each application."""
        return tuple(timeline.latest for timeline in self.timelines)

    def router(self) -> Router:
        """Return ingest's first stage: observation → node."""
        return Router(self.timelines)

    def redactor(self) -> Redactor:
        """Return what takes secrets out of observations, with counts of its own."""
        return Redactor(self.redaction)

    def detect_partition(self, number: int, peers: int) -> DetectPartition:
        """Return one of ``peers`` partitions of detection."""
        return DetectPartition(
            number,
            peers,
            self.detector_of,
            applications_of=self.applications_of,
            lateness_us=int(self.windows.lateness_s * _SECOND),
        )

    def correlate_partition(self, number: int) -> CorrelatePartition:
        """Return one partition of correlation."""
        lateness = int(self.windows.lateness_s * _SECOND)
        keep = None if self.keep_incidents_s is None else int(self.keep_incidents_s * _SECOND)
        return CorrelatePartition(number, self._models, lateness_us=lateness, keep_us=keep)

    def detector_of(self, signal: Signal, node: str) -> Detector[Any]:
        """Return the detector of a signal at a node."""
        instance = node.partition("/")[0]
        return self.detectors.get(instance, self.detectors[""]).at(signal, node)

    def applications_of(self, node: str) -> tuple[str, ...]:
        """Return the names of the applications that declare a node, in any version."""
        return tuple(timeline.name for timeline in self.timelines if timeline.declares(node))

    @property
    def closing_us(self) -> int:
        """Event time after the last observation by which everything has closed, in microseconds."""
        kept = max((kept_s(model) for model in self._models.values()), default=0.0)
        span = self.windows.lateness_s + self.detect_span_s + kept
        return int((span + self.windows.step_s) * _SECOND)

    @cached_property
    def _models(self) -> dict[str, Model]:
        return {timeline.name: model_of(timeline, self.correlate) for timeline in self.timelines}


@dataclass(slots=True)
class InProcess:
    """All stages after ingest in one process: what Kafka carries between them is handed over."""

    flow: Flow
    on_revision: Callable[[Incident], None] = lambda _incident: None
    on_symptom: Callable[[Symptom], None] = lambda _symptom: None
    joins: bool = True
    """False: detection alone."""
    detect: DetectPartition = field(init=False)
    correlate: CorrelatePartition = field(init=False)
    latest: dict[str, Incident] = field(default_factory=dict, init=False)
    """The latest revision of each incident."""
    _offset: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self.detect = self.flow.detect_partition(0, 1)
        self.correlate = self.flow.correlate_partition(0)

    def run(self, published: Iterable[Batch | Gap | Mark]) -> None:
        """Take what ingest would publish, in order."""
        for value in published:
            self._offset += 1
            for step in detected(self.detect, self._offset, value):
                self._correlate(step)

    def incidents(self) -> list[Incident]:
        """Return the latest revisions, merged ones left out, by start and id."""
        return final(self.latest.values())

    def _correlate(self, step: DetectStep) -> None:
        for _, symptom in step.symptoms:
            self.on_symptom(symptom)
        if not self.joins:
            return
        steps = [self.correlate.on_symptom(name, symptom) for name, symptom in step.symptoms]
        if step.mark is not None:
            steps.append(self.correlate.on_mark(step.mark))
        for told in steps:
            for incident in told.incidents:
                self.latest[incident.id] = incident
                self.on_revision(incident)


def detected(
    partition: DetectPartition, offset: int, value: Batch | Gap | Mark
) -> Iterator[DetectStep]:
    """Yield what one value that ingest published at an offset brings: a mark is of every feed."""
    if isinstance(value, Batch):
        yield partition.on_batch(FEED_OF_SIGNAL[value.signal], offset, value)
    elif isinstance(value, Gap):
        yield partition.on_gap(FEED_OF_SIGNAL[value.signal], offset, value)
    else:
        for feed in FEEDS:
            yield partition.on_mark(feed, value)


def final(incidents: Iterable[Incident], *, merged: bool = False) -> list[Incident]:
    """Return incidents as ``analyze`` and ``export`` write them: by start, then id.

    Which merged ones ever existed depends on the order of arrival, so they are left out unless
    asked for.
    """
    kept = (incident for incident in incidents if merged or incident.status != "merged")
    return sorted(kept, key=lambda incident: (incident.started_at, incident.id))

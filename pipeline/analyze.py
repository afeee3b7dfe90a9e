"""The whole core in process: recorded observations in, final incidents out, without Kafka.

A shell around ``pipeline.flow``: it reads files. What replay and the workers do between topics is
done here by hand-over, with the same steps of event time, so the incidents are the same bytes.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.detect.partition import Suppressed
from pipeline.flow import Flow, InProcess
from pipeline.ingest.batching import Batcher
from pipeline.ingest.files import Reader
from pipeline.ingest.route import Router
from pipeline.ingest.steps import Stepper
from pipeline.records import Incident, Rejected, Symptom

_SECOND = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """What came out."""

    incidents: list[Incident]
    """Final incidents by start and id."""
    counts: Counter[str]
    """What became of every line, by bucket."""
    unmapped: list[tuple[str, int]]
    """Some of what no application knows, and how often it came."""
    redacted: Counter[str]
    """Secrets that were replaced, by rule."""
    found: list[str]
    """What was recognised besides recordings, in lines for people."""
    suppressed: list[Suppressed]
    """What is known to be harmless, or was held back, counted."""


def analyze(
    paths: Sequence[str | Path],
    flow: Flow,
    *,
    on_rejected: Callable[[Rejected], None],
    on_progress: Callable[[int, int], None] | None = None,
    on_symptom: Callable[[Symptom], None] = lambda _symptom: None,
    joins: bool = True,
) -> Analysis:
    """Read recordings and return their incidents; with ``joins`` false, only tell the symptoms.

    Raises:
        UsageError: there is nothing to read.
    """
    reader = Reader(paths, on_rejected=on_rejected, on_progress=on_progress)
    router = flow.router()
    stepper = stepper_of(flow, "analyze", reader, router)
    stages = InProcess(flow, on_symptom=on_symptom, joins=joins)
    stages.run(stepper.run(reader))
    counts = Counter(reader.counts)
    counts.update(published=stepper.published, unmapped=stepper.unmapped)
    return Analysis(
        incidents=stages.incidents(),
        counts=counts,
        unmapped=router.unmapped_samples(),
        redacted=stepper.redactor.counts,
        found=reader.found.told(reader.counts["repeated"]),
        suppressed=stages.detect.suppressed(),
    )


def stepper_of(
    flow: Flow,
    source: str,
    reader: Reader,
    router: Router,
    *,
    batch_size: int = 500,
    hurried: bool = True,
) -> Stepper:
    """Return the steps of event time that a recording is published in."""
    return Stepper(
        source=source,
        node_of=router.node_of,
        batcher=Batcher(source, max_observations=batch_size),
        redactor=flow.redactor(),
        step_us=int(flow.windows.step_s * _SECOND),
        closing_us=flow.closing_us,
        hurried=hurried,
        read_counts=lambda: dict(reader.counts),
    )

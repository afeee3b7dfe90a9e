"""Recorded observations → Kafka, in event-time order.

In: files and folders. Out: batches keyed by node and time marks (``steps``), rejected lines to the
rejected topic. As fast as the broker takes it, or so many times real time. It decides nothing about
what it reads: ``analyze`` uses the same steps in process.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from uuid import uuid4

from pipeline import clock
from pipeline.analyze import stepper_of
from pipeline.broker.producer import ObservationPublisher
from pipeline.flow import Flow
from pipeline.ingest.batching import MAX_OBSERVATIONS
from pipeline.ingest.files import Reader
from pipeline.ingest.steps import Stepper
from pipeline.records import Batch, Mark, Observation, Rejected, micros
from pipeline.settings import KafkaSettings

MAX_BUFFERED_BYTES = 64 * 1024 * 1024
"""Observations of one step of event time that wait for their batches to fill; beyond it, batches
are published before the step ends."""
TELL_S = 1.0
"""While waiting for event time, so often a mark says how far it has come: silence moves time, and
nobody takes the source for dead."""

_SECOND = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """What was done."""

    source: str
    counts: Counter[str]
    """What became of every line, by bucket."""
    unmapped: list[tuple[str, int]]
    """Some of what no application knows, and how often it came."""
    redacted: Counter[str]
    """Secrets that were replaced, by rule."""
    found: list[str]
    """What was recognised besides recordings, in lines for people."""
    batches: int
    seconds: float
    """Of wall time, with reading and sorting."""


@dataclass(slots=True, kw_only=True)
class Replay:
    """One replay of recordings; see :meth:`run`."""

    flow: Flow
    kafka: KafkaSettings
    source: str
    """Its name in batches and marks: each replay needs one of its own."""
    batch_size: int = MAX_OBSERVATIONS
    speed: float | None = None
    """Event time over wall time; None: as fast as it goes."""
    told_until: datetime | None = None
    """Event time that other sources have already told on these topics."""
    on_older: Callable[[datetime, datetime], None] | None = None
    """Told when the recording begins before that, so that it will count as late: its first time,
    and ``told_until``."""
    on_read: Callable[[int, int], None] | None = None
    """Told bytes read so far, and in all."""
    on_published: Callable[[int, int], None] | None = None
    """Told observations handled so far, and in all."""
    on_rejected: Callable[[Rejected], None] | None = None

    def run(self, paths: Sequence[str | Path]) -> Replayed:
        """Publish all recordings; return when everything is acknowledged.

        Raises:
            UsageError: there is nothing to read.
            BrokenWorld: the broker is away, or a record was not acknowledged for good.
        """
        started = clock.monotonic()
        with ObservationPublisher(self.kafka) as publisher:
            reader = Reader(
                paths,
                on_rejected=lambda rejected: self._reject(publisher, rejected),
                on_progress=self.on_read,
            )
            router = self.flow.router()
            stepper = stepper_of(
                self.flow,
                self.source,
                reader,
                router,
                batch_size=self.batch_size,
                hurried=self.speed is None,
            )
            batches = self._publish(publisher, reader, stepper)
            publisher.flush()
        counts = Counter(reader.counts)
        counts.update(published=stepper.published, unmapped=stepper.unmapped)
        return Replayed(
            source=self.source,
            counts=counts,
            unmapped=router.unmapped_samples(),
            redacted=stepper.redactor.counts,
            found=reader.found.told(reader.counts["repeated"]),
            batches=batches,
            seconds=clock.monotonic() - started,
        )

    def _publish(self, publisher: ObservationPublisher, reader: Reader, stepper: Stepper) -> int:
        """Publish everything in order; return the number of batches."""
        out = _Out(publisher)
        for value in stepper.run(self._paced(reader, stepper, out)):
            out.publish(value)
            if isinstance(value, Mark) and self.on_published is not None:
                done = stepper.published + stepper.unmapped
                self.on_published(done, reader.counts["observations"])
        return out.batches

    def _paced(self, reader: Reader, stepper: Stepper, out: "_Out") -> Iterator[Observation]:
        """Yield the observations, each not before its time has come; keep the buffer bounded."""
        pace: _Pace | None = None
        first = True
        for observation in reader:
            if first:
                self._compare(observation.time)
                first = False
            if self.speed is not None:
                now = micros(observation.time)
                pace = pace or _Pace(self.speed, now)
                for reached in pace.until(now):
                    out.publish_all(stepper.tick(reached))
            yield observation
            if stepper.batcher.pending_bytes > MAX_BUFFERED_BYTES:
                out.publish_all(stepper.batcher.flush())

    def _compare(self, begins: datetime) -> None:
        """Say so when what is published will be late: other sources have told of later times."""
        late = timedelta(seconds=self.flow.windows.lateness_s)
        if self.told_until is not None and self.on_older and begins < self.told_until - late:
            self.on_older(begins, self.told_until)

    def _reject(self, publisher: ObservationPublisher, rejected: Rejected) -> None:
        publisher.rejected(rejected)
        if self.on_rejected is not None:
            self.on_rejected(rejected)


def new_source() -> str:
    """Return a name that no other replay has."""
    return f"replay-{uuid4().hex[:8]}"


class _Out:
    """Publishes what the steps yield, and counts."""

    def __init__(self, publisher: ObservationPublisher) -> None:
        self._publisher = publisher
        self.batches = 0

    def publish(self, value: Batch | Mark) -> None:
        if isinstance(value, Mark):
            self._publisher.mark(value)
        else:
            self._publisher.batch(value)
            self.batches += 1

    def publish_all(self, values: Iterable[Batch | Mark]) -> None:
        for value in values:
            self.publish(value)


class _Pace:
    """Makes wall time wait for event time: ``speed`` seconds of event time in one second."""

    def __init__(self, speed: float, first_us: int) -> None:
        self._speed = speed
        self._first_us = first_us
        self._started = clock.monotonic()
        self._told = self._started

    def until(self, now_us: int) -> Iterator[int]:
        """Return when an event time has come; yield how far it is, about once a second."""
        while True:
            elapsed = clock.monotonic() - self._started
            reached = self._first_us + int(elapsed * self._speed * _SECOND)
            if reached >= now_us:
                return
            if self._started + elapsed - self._told >= TELL_S:
                self._told = self._started + elapsed
                yield reached
            clock.sleep(min(TELL_S, (now_us - reached) / _SECOND / self._speed))

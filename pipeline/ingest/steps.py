"""Observations in event-time order → batches and time marks, step by step of event time.

In: observations, oldest first. Out: what is to be published, in order: batches keyed by node, and
after each step of event time a mark that promises that nothing older comes. The last mark lies so
far past the end that everything closes. Pure: ``replay`` publishes this to Kafka, ``analyze`` feeds
it to the same core in process.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from pipeline.ingest.batching import Batcher
from pipeline.records import FEEDS, Batch, Mark, Observation, instant, micros
from pipeline.redact import Redactor

WORTH_BYTES = 4 * 1024 * 1024
"""Some 16,000 observations: over 1,000 nodes, batches of a dozen and more."""
MAX_STEPS = 11
"""A hurried step waits for that many more at most: with steps of 10 s, a mark each two minutes."""


@dataclass(slots=True, kw_only=True)
class Stepper:
    """Turns one source's observations into batches and marks."""

    source: str
    node_of: Callable[[Observation], str | None]
    """Resolves the graph node; None where the topology has none (unmapped)."""
    batcher: Batcher
    step_us: int
    """Event time between two marks, in microseconds."""
    closing_us: int
    """Event time after the last observation by which everything has closed, in microseconds."""
    redactor: Redactor = field(default_factory=Redactor)
    """Takes secrets out, before anything looks at an observation."""
    hurried: bool = True
    """Nobody waits for event time: steps grow until batches are worth a message."""
    read_counts: Callable[[], dict[str, int]]
    """What the reader counted so far: lines read, rejected …"""
    published: int = 0
    unmapped: int = 0
    _next_mark: int | None = field(default=None, init=False)

    def run(self, observations: Iterable[Observation]) -> Iterator[Batch | Mark]:
        """Yield batches and marks for the observations, which must come oldest first."""
        latest: int | None = None
        for observation in observations:
            latest = micros(observation.time)
            yield from self._step(latest)
            redacted = self.redactor.observation(observation)
            node = self.node_of(redacted)
            if node is None:
                self.unmapped += 1
                continue
            self.published += 1
            full = self.batcher.add(node, redacted)
            if full is not None:
                yield full
        if latest is not None:
            yield from self.tick(latest)  # so far the recording shows that nothing else was there
            yield self._mark(latest + self.closing_us, final=True)

    def _step(self, now: int) -> Iterator[Batch | Mark]:
        if self._next_mark is None:
            self._next_mark = now + self.step_us
        late = now - self._next_mark
        worth = self.batcher.pending_bytes >= WORTH_BYTES or late >= MAX_STEPS * self.step_us
        if late >= 0 and (worth or not self.hurried):
            yield from self.tick(now)

    def tick(self, now: int) -> Iterator[Batch | Mark]:
        """Yield what is held, then a mark: event time has come this far, in microseconds."""
        yield from self.batcher.flush()
        yield self._mark(now, final=False)
        self._next_mark = now + self.step_us

    def _mark(self, time: int, *, final: bool) -> Mark:
        counts = self.read_counts() | {"published": self.published, "unmapped": self.unmapped}
        if self.redactor.redacted:
            counts["redacted"] = self.redactor.redacted
        return Mark(source=self.source, time=instant(time), feeds=FEEDS, final=final, counts=counts)

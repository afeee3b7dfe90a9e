"""What the observation topics carry: batches of observations, marks of time, and gaps."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Discriminator, Field, TypeAdapter, model_validator

from pipeline.records.base import Instant, Record, SchemaVersion
from pipeline.records.observation import Observation, Signal


def _sorted_counts(counts: dict[str, int]) -> dict[str, int]:
    return dict(sorted(counts.items()))


class Batch(Record):
    """Observations of one node and one signal, in one Kafka record keyed by the node."""

    kind: Literal["batch"] = "batch"
    schema_version: SchemaVersion = 1
    source: str
    """Who published it: one ingest worker or one replay, as named in its marks."""
    node: str
    observations: Annotated[tuple[Observation, ...], Field(min_length=1)]

    @property
    def signal(self) -> Signal:
        """The signal that all its observations have."""
        return self.observations[0].signal

    @model_validator(mode="after")
    def _of_one_signal(self) -> Self:
        if len({observation.signal for observation in self.observations}) > 1:
            raise ValueError("a batch holds observations of one signal only")
        return self


class Mark(Record):
    """A promise about time: nothing before ``time`` will come from this source.

    A source publishes its mark to every partition that it feeds. The watermark of a partition is
    the least mark of its live sources.
    """

    kind: Literal["mark"] = "mark"
    schema_version: SchemaVersion = 1
    source: str
    time: Instant
    feeds: Annotated[tuple[str, ...], Field(min_length=1)]
    """All inputs that this source feeds in step (topics, or peer partitions): a reader that has not
    yet seen the mark of each of them has no watermark yet."""
    final: bool = False
    """The source has ended: it no longer holds the watermark back."""
    counts: Annotated[dict[str, int], AfterValidator(_sorted_counts)] = Field(default_factory=dict)
    """What became of everything the source read so far, by bucket (cumulative)."""


GapReason = Literal[
    "rate-limited",  # a container wrote more than it is allowed to
    "buffer-full",  # the broker was away for longer than the buffer lasts
    "not-followed",  # a log or a watch was not read for a while, and what was in it is gone
    "too-many-series",  # a query brought more series than its limit
]


class Gap(Record):
    """A stretch of event time in which observations of a node were lost, or could not be made.

    Keyed by its node, on the topic of its signal: whoever reads that topic knows where it was
    blind. A gap is no observation: nothing is counted from it as one.
    """

    kind: Literal["gap"] = "gap"
    schema_version: SchemaVersion = 1
    source: str
    node: str
    signal: Signal
    since: Instant
    until: Instant
    lost: Annotated[int, Field(ge=0)] | None = None
    """Observations that are known to be lost; None: nobody knows how many."""
    reason: GapReason
    what: str
    """One line for people: what was lost where (the container, the query)."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.until < self.since:
            raise ValueError("a gap ends after it begins")
        return self


OBSERVATION_VALUE: TypeAdapter[Batch | Mark | Gap] = TypeAdapter(
    Annotated[Batch | Mark | Gap, Discriminator("kind")]
)
"""Reads a value of an observation topic."""

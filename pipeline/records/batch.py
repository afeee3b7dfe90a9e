"""What the observation topics carry: batches of observations, and time marks between them."""

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


BATCH_OR_MARK: TypeAdapter[Batch | Mark] = TypeAdapter(
    Annotated[Batch | Mark, Discriminator("kind")]
)
"""Reads a value of an observation topic."""

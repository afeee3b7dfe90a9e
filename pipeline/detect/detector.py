"""What every detector is: facts in, symptom revisions out."""

from collections.abc import Sequence
from typing import Generic, Protocol, TypeVar, runtime_checkable

from pipeline.records import Observation, Signal, Symptom

F = TypeVar("F")
"""A detector's facts about one node: a ``msgspec.Struct``, changed in place, snapshot as JSON."""
F_contra = TypeVar("F_contra", contravariant=True)
"""The same, where they only go in."""


class Detector(Protocol, Generic[F]):
    """Turns observations of one signal at one node into symptoms.

    The caller owns one ``facts`` value per node. Times are integer microseconds of event time
    (``pipeline.records.micros``). ``closed_to`` is the watermark less the allowed lateness: no
    observation before it may still come, so a bucket that ends at or before it is closed for good.
    """

    @property
    def signal(self) -> Signal:
        """The signal whose observations it takes."""

    def new_facts(self) -> F:
        """Return the facts of a node of which nothing has been seen."""

    def apply(self, facts: F, observations: Sequence[Observation], closed_to: int) -> None:
        """Add observations to the facts and count each into exactly one bucket.

        Anything with a time before ``closed_to`` is counted as late and changes no episode; what a
        signature recognises in it may be told as late (see ``belated``).
        """

    def revisions(self, facts: F, node: str, closed_to: int) -> list[Symptom]:
        """Close what ``closed_to`` closes; return the symptom revisions due to be published.

        The facts remember what has been returned, so a second call returns nothing new. Calling it
        seldom or often changes which intermediate revisions exist, never the closed ones.
        """

    def notify_at(self, facts: F) -> int | None:
        """Return the ``closed_to`` from which :meth:`revisions` has something to do, if any."""

    def counts(self, facts: F) -> dict[str, int]:
        """Return how many observations ended in which bucket; they sum to ``received``."""

    def dump(self, facts: F) -> bytes:
        """Return the facts as JSON bytes."""

    def load(self, snapshot: bytes) -> F:
        """Return the facts of a snapshot (the inverse of :meth:`dump`)."""


@runtime_checkable
class MissesObservations(Protocol[F_contra]):
    """A detector to which it matters that there is nothing: that may be since nobody looked."""

    def unobserved(self, facts: F_contra, time: int) -> None:
        """Take note that nobody knows what happened at a time.

        What is closed stays as it is.
        """

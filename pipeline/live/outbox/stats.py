"""What the outbox has done so far: a value for marks, health and metrics."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxStats:
    """The truth at one moment; counts since the start."""

    put: dict[str, int]
    """Observations taken, by signal; what was lost is not in it."""
    published: dict[str, int]
    """Observations that the broker has, by signal."""
    lost: dict[str, int]
    """Observations that did not fit, by signal."""
    batches: int
    rejected: int
    rejected_lost: int
    """Rejected records that did not fit, or that the broker refused."""
    gaps: int
    refused: int
    """Messages that the broker will never take (its limit is lower than ours)."""
    waiting_bytes: int
    """All that is held: open batches, the queue (packed), what is under way."""
    in_flight_bytes: int
    """Of that, what is under way."""
    resends: int
    """Messages that were sent again by a new producer: they may have come twice."""
    oldest_s: float
    """For how long the oldest message has waited, in seconds; 0: none waits."""

"""The table of topics: name, key, partitions, what the broker keeps; pure.

Nothing else names a topic or a consumer group. What is a number for the site comes from
:class:`KafkaSettings`; what the flow's correctness hangs on (key, equal partition counts, cleanup
policy) is here.
"""

from dataclasses import dataclass
from typing import Literal

from pipeline.records import FEED_OF_SIGNAL, FEEDS, Signal
from pipeline.settings import KafkaSettings

CleanupPolicy = Literal["delete", "compact"]

_HOUR_MS = 3_600_000
MAX_ROW_BYTES = 8 * 1024 * 1024
"""Largest row or output of a worker: a node with all its 512 series stays below 1 MB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """One topic as it must be."""

    name: str
    key: str
    """What its records are keyed by (for people)."""
    partitions: int
    cleanup_policy: CleanupPolicy
    configs: dict[str, str]
    """Further configuration given at creation; a site may change it later."""


def observations(prefix: str, signal: Signal) -> str:
    """Return the topic of a signal's batches."""
    return f"{prefix}.observations.{FEED_OF_SIGNAL[signal]}"


def observation_topics(prefix: str) -> tuple[str, ...]:
    """Return the three observation topics, which are read together."""
    return tuple(f"{prefix}.observations.{feed}" for feed in FEEDS)


def symptoms(prefix: str) -> str:
    """Return the topic of symptoms."""
    return f"{prefix}.symptoms"


def topology(prefix: str) -> str:
    """Return the topic of graphs."""
    return f"{prefix}.topology"


def incidents(prefix: str) -> str:
    """Return the topic of incidents."""
    return f"{prefix}.incidents"


def rejected(prefix: str) -> str:
    """Return the topic of rejected records."""
    return f"{prefix}.rejected"


def ingest(prefix: str) -> str:
    """Return the topic of ingest's positions."""
    return f"{prefix}.ingest"


def group(prefix: str, role: str) -> str:
    """Return the consumer group of a role."""
    return f"{prefix}-{role}"


def state(prefix: str, role: str) -> str:
    """Return the topic of a worker's rows (Faust's name for the changelog of table ``state``)."""
    return f"{group(prefix, role)}-state-changelog"


def state_topic(prefix: str, role: str, partitions: int) -> Topic:
    """Return what the topic of a worker's rows must be: with as many partitions as its input."""
    return Topic(
        name=state(prefix, role),
        key="row",
        partitions=partitions,
        cleanup_policy="compact",
        configs={
            **_compacted(),
            # a worker that takes partitions over reads what is not compacted yet
            "segment.bytes": str(64 * 1024 * 1024),
            "segment.ms": str(_HOUR_MS),
            "max.message.bytes": str(MAX_ROW_BYTES),
        },
    )


def table(kafka: KafkaSettings) -> tuple[Topic, ...]:
    """Return all topics, in flow order."""
    prefix, partitions, keep = kafka.topic_prefix, kafka.partitions, kafka.retention
    return (
        *(
            Topic(
                name=name,
                key="node",
                partitions=partitions.observations,
                cleanup_policy="delete",
                configs=_kept(keep.observations_h),
            )
            for name in observation_topics(prefix)
        ),
        Topic(
            name=symptoms(prefix),
            key="application",
            partitions=partitions.symptoms,
            cleanup_policy="delete",
            configs=_kept(keep.symptoms_h),
        ),
        Topic(
            name=topology(prefix),
            key="application",
            partitions=1,  # rare, and its order is its meaning
            cleanup_policy="compact",
            configs=_compacted(),
        ),
        Topic(
            name=incidents(prefix),
            key="incident",
            partitions=partitions.incidents,
            cleanup_policy="compact",
            configs=_compacted(),
        ),
        Topic(
            name=ingest(prefix),
            key="source and part",
            partitions=1,  # rare and small; read whole at a start
            cleanup_policy="compact",
            configs=_compacted(),
        ),
        Topic(
            name=rejected(prefix),
            key="as it came",
            partitions=1,  # people read it in order, and the parts of one record follow each other
            cleanup_policy="delete",
            configs=_kept(keep.rejected_h),
        ),
    )


def _kept(hours: float) -> dict[str, str]:
    # counted from the time of publishing: records carry wall time, so that a recording of last
    # year is not deleted as soon as it arrives
    return {"retention.ms": str(int(hours * _HOUR_MS)), "message.timestamp.type": "CreateTime"}


def _compacted() -> dict[str, str]:
    return {
        "min.cleanable.dirty.ratio": "0.1",
        "segment.ms": str(24 * _HOUR_MS),  # the open segment is never compacted
        "delete.retention.ms": str(24 * _HOUR_MS),  # a reader may lag a day and still see deletions
    }

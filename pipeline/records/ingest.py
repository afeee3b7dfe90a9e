"""What ingest remembers of itself, and what it tells of pods."""

from typing import Annotated, Literal

from pydantic import Field

from pipeline.records.base import Instant, Record, SchemaVersion


class LogPosition(Record):
    """How far the log of one container has been published.

    Two streams of one container may be written in slightly another order than their times say. So
    the position is a time before which all is published, and the lines behind it one by one.
    """

    through: Instant
    """Every line before this has been published."""
    recent: tuple[str, ...] = ()
    """Hashes of the published lines from there on (``pipeline.live.logs.cursor``)."""
    restarts: Annotated[int, Field(ge=0)] = 0
    """Restarts of the container when its log was last read."""
    ended: bool = False
    """The instance that was read has ended, and nothing of its log is missing."""


class Positions(Record):
    """How far one part of a source has been published; keyed by source and part (compacted)."""

    kind: Literal["positions"] = "positions"
    schema_version: SchemaVersion = 1
    source: str
    part: str
    """Which of the source's positions these are: ``logs/7``, ``metrics``."""
    offsets: dict[str, int] = Field(default_factory=dict)
    """Where the observation topics stood, as ``topic/partition``: what this source published
    before is in these positions; what came after is read back from there."""
    containers: dict[str, LogPosition] = Field(default_factory=dict)
    """By ``namespace/pod/uid/container``."""
    queries: dict[str, Instant] = Field(default_factory=dict)
    """Time up to which each query for metrics has been published."""


class Placement(Record):
    """A pod as the cluster runs it: its node in the graph, its machine, its volumes."""

    kind: Literal["placement"] = "placement"
    schema_version: SchemaVersion = 1
    application: str
    node: str
    namespace: str
    pod: str
    pod_uid: str
    cluster_node: str | None = None
    """None: not scheduled yet."""
    claims: tuple[str, ...] = ()
    """Names of its persistent volume claims, sorted."""
    since: Instant
    """When the pod was made."""
    until: Instant | None = None
    """When it was seen to be gone."""

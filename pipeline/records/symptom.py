"""Symptoms: episodes of one kind of trouble at one node."""

import operator
from typing import Annotated, Literal

from pydantic import Discriminator, Field, TypeAdapter

from pipeline.records.base import Instant, Record, SchemaVersion
from pipeline.records.batch import Mark

Severity = Literal["minor", "major", "critical"]
TroubleClass = Literal[
    "availability",  # it is not there, not ready, crashes or restarts
    "error",  # it answers, with failures
    "latency",  # it answers late
    "saturation",  # it nears or hits a limit: memory, volume, connections, quota
    "scheduling",  # it cannot be placed, pulled, mounted
    "network",
    "auth",
    "traffic",  # more or less work than usual
    "unusual",  # differs from its past, meaning unknown
]
SymptomClass = Literal[
    TroubleClass,
    "change",  # no trouble: somebody, or the cluster, has changed something (always a whisper)
]
SymptomState = Literal["open", "closed"]
AmountUnit = Literal["seconds", "failures"]
MAX_NAMES = 8
"""Pods, and machines, named by a symptom: the first few by name (a few dozen bytes each)."""


class Implication(Record):
    """Another node that this symptom speaks about."""

    node: str
    strength: Annotated[float, Field(gt=0, le=1)]
    """Probability that the named node is at fault, given this symptom alone."""


class Amount(Record):
    """How much more there was than usual of something that adds up along calls (design §6)."""

    unit: AmountUnit
    """Extra seconds of waiting, summed over requests; or extra failed requests."""
    total: float
    error: Annotated[float, Field(ge=0)]
    """Standard error of the extra of one step."""
    step_s: Annotated[int, Field(ge=1)]
    steps: tuple[tuple[int, float], ...]
    """(number of the step since 1970, extra in it), earliest first; bounded."""


class Earlier(Record):
    """Episodes of the same trouble at the same node, each within two hours of the next."""

    count: Annotated[int, Field(ge=1)]
    since: Instant
    """When the first of them began."""


class Roster(Record):
    """Pods of one node: which came anew, and which of the older ones ran on meanwhile."""

    new: tuple[str, ...]
    """Sorted; bounded."""
    beside: tuple[str, ...] = ()
    """Older pods that were heard of after the new ones had begun (sorted, bounded). Which there
    are besides, nobody knows."""


class Symptom(Record):
    """A revision of a symptom: the whole episode as far as it is known."""

    kind: Literal["symptom"] = "symptom"
    schema_version: SchemaVersion = 1
    id: str
    """Hash of node, detector, fingerprint and onset (see ``symptom_id``)."""
    revision: Annotated[int, Field(ge=1)]
    """Facts that went in, plus one when the episode has closed."""
    node: str
    detector: str
    signature: str
    """What was recognised: id of the signature, limit or baseline rule."""
    fingerprint: str
    """Tells apart episodes of one signature at one node (a series, a claim, a user)."""
    symptom_class: Annotated[SymptomClass, Field(alias="class")]
    severity: Severity
    title: str
    """What a person would say: ``database connection lost``; without node and time."""
    onset: Instant
    detected_at: Instant
    """Event time at which the evidence, taken in event order, first sufficed."""
    last_seen: Instant
    resolution_s: Annotated[float, Field(ge=0)]
    """How far the onset may truly lie on either side, in seconds."""
    count: Annotated[int, Field(ge=1)]
    state: SymptomState
    score: Annotated[float, Field(ge=0)]
    """Strength for ranking: deviations in robust sigmas; 0 where the signature has no number."""
    exemplars: tuple[str, ...]
    """A few original messages or values, earliest first."""
    implicates: tuple[Implication, ...] = ()
    pods: tuple[str, ...] = ()
    """Pods that the evidence came from (sorted, the first ``MAX_NAMES``)."""
    cluster_nodes: tuple[str, ...] = ()
    """Machines that those pods ran on (sorted, the first ``MAX_NAMES``)."""
    amount: Amount | None = None
    """What can be accounted for along the edges; None where nothing is counted."""
    whisper: bool = False
    """Below the threshold: it opens nothing, but is evidence near what is open."""
    late: Annotated[bool, Field(exclude_if=operator.not_)] = False
    """It came after the allowed lateness: evidence of what is open; it opens nothing itself. Left
    out where it is false: who knows no late symptoms reads all others as before."""
    earlier: Annotated[Earlier | None, Field(exclude_if=operator.not_)] = None
    """Episodes of the same in the hours before it; left out where there were none."""
    roster: Annotated[Roster | None, Field(exclude_if=operator.not_)] = None
    """For a change that tells which pods are new: it is told to judge other changes by."""
    supersedes: tuple[str, ...] = ()
    """Ids that earlier revisions of this episode had, before its onset was known to be earlier."""


SYMPTOM_OR_MARK: TypeAdapter[Symptom | Mark] = TypeAdapter(
    Annotated[Symptom | Mark, Discriminator("kind")]
)
"""Reads a value of the symptoms topic."""

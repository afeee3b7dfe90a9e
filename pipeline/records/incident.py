"""Incidents: symptoms explained together, with ranked causes. Others rely on these fields."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from pipeline.records.base import Instant, Record, SchemaVersion
from pipeline.records.symptom import Severity, SymptomState, TroubleClass

IncidentStatus = Literal["open", "resolved", "merged"]
Verdict = Literal["confident", "ambiguous", "unknown"]
Probability = Annotated[float, Field(ge=0, le=1)]
ReasonCode = Literal[
    "earliest-symptom",
    "explains-effects",
    "implicated",
    "own-symptoms",
    "no-upstream-cause",
    "prior-of-kind",
    "recent-change",
    "change-judged",
    "absent-effects",
    "counterfactual",
    "storm",
    "graph-changed",
    "clock-skew",
]


def _sorted_numbers(numbers: dict[str, float]) -> dict[str, float]:
    return dict(sorted(numbers.items()))


class Reason(Record):
    """Why a decision fell as it did: a code and numbers for programs, a text for people."""

    code: ReasonCode
    text: str
    numbers: Annotated[dict[str, float], AfterValidator(_sorted_numbers)] = Field(
        default_factory=dict
    )
    """What the text says in figures, by name; which there are depends on the code."""


class Change(Record):
    """A change (rollout, scaling …) at or above a cause, shortly before the incident."""

    node: str
    time: Instant
    text: str


class MayBeNext(Record):
    """A node below the likeliest cause that has not been hit so far."""

    node: str
    by: Instant
    """When the longest delay from the cause will have passed."""


class Cause(Record):
    """A node that may have set off the incident."""

    node: str
    probability: Probability
    inferred: bool
    """Nothing was seen at the node itself: its effects or a signature point to it."""
    reasons: tuple[Reason, ...]
    path: tuple[str, ...]
    """From the cause along the most probable hops to the farthest effect."""
    pods: tuple[str, ...]
    changes: tuple[Change, ...] = ()
    """First those that pods and past speak for, last those that they speak against; of those that
    are alike in this, the nearest in time and graph first."""


class Parent(Record):
    """The most probable trigger of a symptom."""

    symptom: str
    edge: str
    """``cause → effect`` as node ids; a path over silent nodes names them all."""
    delay_s: float
    probability: Probability


class IncidentSymptom(Record):
    """A symptom as it stands in an incident."""

    id: str
    node: str
    detector: str
    signature: str
    symptom_class: Annotated[TroubleClass, Field(alias="class")]
    severity: Severity
    onset: Instant
    last_seen: Instant
    count: int
    state: SymptomState
    exemplar: str
    parent: Parent | None
    whisper: bool = False
    """Below the threshold: weak evidence, that opens nothing by itself."""


class Incident(Record):
    """A revision of an incident, whole."""

    schema_version: SchemaVersion = 1
    id: str
    """Hash of application and anchor symptom (the earliest)."""
    revision: Annotated[int, Field(ge=1)]
    application: str
    status: IncidentStatus
    merged_into: str | None = None
    reopened: int = 0
    title: str
    started_at: Instant
    detected_at: Instant
    updated_at: Instant
    resolved_at: Instant | None
    severity: Severity
    verdict: Verdict
    causes: tuple[Cause, ...]
    nodes: tuple[str, ...]
    symptoms: tuple[IncidentSymptom, ...]
    symptom_count: int
    absent: tuple[str, ...] = ()
    """Direct effects of the likeliest cause that were expected by now and did not show, as node
    ids; what nobody can see is not among them."""
    unobserved: tuple[str, ...] = ()
    """Nodes at or above the causes, or right below the likeliest, that nobody can see."""
    counterfactual: str | None = None
    """Id of the symptom without which the first cause, or else the verdict, would be another."""
    graph_version: str
    """Version of the graph that held when its trouble began."""
    late_revision: str | None = None
    """Why a late record changed it, or null."""
    may_be_next: tuple[MayBeNext, ...] = ()
    """Known nodes that the trouble may still reach, soonest first; none once it is resolved."""

"""Incidents: symptoms explained together, with ranked causes. Others rely on these fields."""

from typing import Annotated, Literal

from pydantic import Field

from pipeline.records.base import Instant, Record, SchemaVersion
from pipeline.records.symptom import Severity, SymptomClass, SymptomState

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
]


class Reason(Record):
    """Why a decision fell as it did: a code for programs, a text with the numbers for people."""

    code: ReasonCode
    text: str


class Change(Record):
    """A change (rollout, scaling …) at or above a cause, shortly before it."""

    node: str
    time: Instant
    text: str


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
    symptom_class: Annotated[SymptomClass, Field(alias="class")]
    severity: Severity
    onset: Instant
    last_seen: Instant
    count: int
    state: SymptomState
    exemplar: str
    parent: Parent | None


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
    """Expected effects that did not show, as node ids."""
    unobserved: tuple[str, ...] = ()
    """Nodes at or above the causes that nobody can see."""
    counterfactual: str | None = None
    """The symptom whose removal would change the verdict."""
    graph_version: str
    late_revision: str | None = None
    """Why a late record changed it, or null."""

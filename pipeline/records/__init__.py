"""What travels: observations, batches and marks, symptoms, incidents, rejected records.

Law: frozen values with a schema version and one canonical byte form. No I/O, no clock, no logic
beyond validation.
"""

from pipeline.records.base import (
    EARLIEST,
    EPOCH,
    LATEST,
    Instant,
    Record,
    canonical,
    instant,
    micros,
)
from pipeline.records.batch import OBSERVATION_VALUE, Batch, Gap, GapReason, Mark
from pipeline.records.incident import (
    Cause,
    Change,
    Incident,
    IncidentStatus,
    IncidentSymptom,
    MayBeNext,
    Parent,
    Reason,
    ReasonCode,
    Verdict,
)
from pipeline.records.ingest import LogPosition, Placement, Positions
from pipeline.records.observation import (
    FEED_OF_SIGNAL,
    FEEDS,
    OBSERVATION,
    SIGNAL_OF_FEED,
    SIGNALS,
    Event,
    Log,
    Metric,
    Observation,
    Signal,
)
from pipeline.records.rejected import Rejected, RejectionCode
from pipeline.records.symptom import (
    SYMPTOM_OR_MARK,
    Amount,
    AmountUnit,
    Implication,
    Severity,
    Symptom,
    SymptomClass,
    SymptomState,
    TroubleClass,
)
from pipeline.records.topology import GraphRecord

__all__ = [
    "EARLIEST",
    "EPOCH",
    "FEEDS",
    "FEED_OF_SIGNAL",
    "LATEST",
    "OBSERVATION",
    "OBSERVATION_VALUE",
    "SIGNALS",
    "SIGNAL_OF_FEED",
    "SYMPTOM_OR_MARK",
    "Amount",
    "AmountUnit",
    "Batch",
    "Cause",
    "Change",
    "Event",
    "Gap",
    "GapReason",
    "GraphRecord",
    "Implication",
    "Incident",
    "IncidentStatus",
    "IncidentSymptom",
    "Instant",
    "Log",
    "LogPosition",
    "Mark",
    "MayBeNext",
    "Metric",
    "Observation",
    "Parent",
    "Placement",
    "Positions",
    "Reason",
    "ReasonCode",
    "Record",
    "Rejected",
    "RejectionCode",
    "Severity",
    "Signal",
    "Symptom",
    "SymptomClass",
    "SymptomState",
    "TroubleClass",
    "Verdict",
    "canonical",
    "instant",
    "micros",
]

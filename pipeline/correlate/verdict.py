"""How sure we are: of the first cause, and that it is worth an incident at all."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from pipeline.correlate.likelihood import Likelihood
from pipeline.correlate.overtime import Model
from pipeline.records import Severity, Symptom, Verdict

OPENING_WEIGHT = 1.0
"""Weight of evidence that opens an incident: one major symptom, or several minor ones."""
CONFIDENT, AMBIGUOUS = 0.9, 0.3
"""A first cause this likely is confident: nine in ten are right. Below the last it is unknown."""
RANK: Mapping[Severity, int] = {"minor": 0, "major": 1, "critical": 2}

_LESSER: dict[Severity, Severity] = {"minor": "minor", "major": "minor", "critical": "major"}


def verdict_of(probabilities: Sequence[float]) -> Verdict:
    """Return the verdict on causes by their probabilities."""
    first = max(probabilities, default=0.0)
    if first >= CONFIDENT:
        return "confident"
    return "ambiguous" if first >= AMBIGUOUS else "unknown"


def severity_of(symptoms: Sequence[Symptom], model: Likelihood, *, changed: bool) -> Severity:
    """Return the worst of the symptoms, a rank lower where no user can have felt it yet.

    What was ``changed`` (rolled out, scaled) just before is away for a while: that is minor, as
    long as it does not last.
    """
    worst = max((symptom.severity for symptom in symptoms), key=RANK.__getitem__)
    lasts_s = (max(s.last_seen for s in symptoms) - min(s.onset for s in symptoms)).total_seconds()
    if changed and lasts_s <= model.settings.rollout_s:
        return "minor"
    felt = not model.graph.has_entries or any(model.is_entry(symptom.node) for symptom in symptoms)
    return worst if felt else _LESSER[worst]


def opens(symptoms: Sequence[Symptom], model: Model) -> bool:
    """Tell whether the evidence suffices for an incident."""
    return _sufficed(symptoms, model) is not None


def detected_at(symptoms: Sequence[Symptom], model: Model) -> datetime:
    """Return the event time at which the evidence, taken in event order, first sufficed."""
    return _sufficed(symptoms, model) or max(symptom.detected_at for symptom in symptoms)


def _sufficed(symptoms: Sequence[Symptom], model: Model) -> datetime | None:
    """Return when the evidence first weighed enough.

    What came after the allowed lateness is evidence of what is open, and opens nothing.
    Several symptoms of one class at one node (three quantiles of one latency) are one thing seen
    several times: the heaviest counts.
    """
    weights: dict[tuple[str, str], float] = {}
    told = (symptom for symptom in symptoms if not symptom.whisper and not symptom.late)
    for symptom in sorted(told, key=lambda each: (each.detected_at, each.id)):
        kind = (symptom.node, symptom.symptom_class)
        weight = model.settings.severity_weight[symptom.severity]
        weights[kind] = max(weight, weights.get(kind, 0.0))
        if sum(weights.values()) >= OPENING_WEIGHT:
            return symptom.detected_at
    return None

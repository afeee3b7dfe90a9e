"""From a group to the incident record: title, causes with reasons, symptoms with parents."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b

from pipeline.correlate.explain import Group
from pipeline.correlate.likelihood import Likelihood
from pipeline.correlate.tree import Tree
from pipeline.records import (
    Cause,
    Incident,
    IncidentStatus,
    IncidentSymptom,
    Parent,
    Reason,
    Severity,
    Symptom,
    Verdict,
)

MAX_CAUSES = 5
MIN_PROBABILITY = 0.01
"""Causes less likely than this are left out of the record."""
MAX_NODES = 1_000
"""Affected nodes listed (about 40 B each, 40 kB)."""
MAX_EXEMPLAR = 500
"""Characters of an exemplar in an incident; the symptom has it whole."""
OPENING_WEIGHT = 1.0
"""Weight of evidence that opens an incident: one major symptom, or several minor ones."""
CONFIDENT, CONFIDENT_LEAD, AMBIGUOUS = 0.6, 0.2, 0.3
"""A first cause this likely and this far ahead is confident; below the last it is unknown."""

_LESSER: dict[Severity, Severity] = {"minor": "minor", "major": "minor", "critical": "major"}
_RANK: dict[Severity, int] = {"minor": 0, "major": 1, "critical": 2}


def incident_id(application: str, anchor: Symptom) -> str:
    """Return the id of an incident: a hash of its application and its earliest symptom."""
    return blake2b(f"{application}\n{anchor.id}".encode(), digest_size=8).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where an incident stands in its life, as far as the symptoms do not say it themselves."""

    revision: int
    status: IncidentStatus
    reopened: int


def narrate(group: Group, standing: Standing, model: Likelihood) -> Incident:
    """Return the incident record of a group."""
    tree = Tree(group, model)
    symptoms = group.symptoms
    anchor = symptoms[0]
    causes = _causes(group, tree)
    last_seen = max(symptom.last_seen for symptom in symptoms)
    return Incident(
        id=incident_id(model.graph.application.name, anchor),
        revision=standing.revision,
        application=model.graph.application.name,
        status=standing.status,
        reopened=standing.reopened,
        title=_title(group, causes),
        started_at=anchor.onset,
        detected_at=detected_at(symptoms, model),
        updated_at=last_seen,
        resolved_at=last_seen if standing.status == "resolved" else None,
        severity=_severity(symptoms, model),
        verdict=_verdict(causes),
        causes=causes,
        nodes=tuple(sorted({symptom.node for symptom in symptoms})[:MAX_NODES]),
        symptoms=_listed(group, tree, model.settings.max_listed),
        symptom_count=len(symptoms),
        unobserved=_unobserved(group, causes, model),
        graph_version=model.graph.application.version,
    )


def _severity(symptoms: Sequence[Symptom], model: Likelihood) -> Severity:
    """Return the worst of the symptoms, a rank lower where no user can have felt it yet."""
    told = [symptom for symptom in symptoms if not symptom.whisper] or symptoms
    worst = max((symptom.severity for symptom in told), key=_RANK.__getitem__)
    felt = not model.has_entries or any(model.is_entry(symptom.node) for symptom in told)
    return worst if felt else _LESSER[worst]


def merged(former: Incident, into: str | None, revision: int) -> Incident:
    """Return the last revision of an incident that turned out to be part of another.

    ``into`` is None where what is left of its evidence no longer suffices for an incident.
    """
    return former.model_copy(
        update={"status": "merged", "merged_into": into, "revision": revision, "resolved_at": None}
    )


def opens(symptoms: Sequence[Symptom], model: Likelihood) -> bool:
    """Tell whether the evidence suffices for an incident."""
    return _sufficed(symptoms, model) is not None


def detected_at(symptoms: Sequence[Symptom], model: Likelihood) -> datetime:
    """Return the event time at which the evidence, taken in event order, first sufficed."""
    return _sufficed(symptoms, model) or max(symptom.detected_at for symptom in symptoms)


def _sufficed(symptoms: Sequence[Symptom], model: Likelihood) -> datetime | None:
    """Return when the evidence first weighed enough.

    Several symptoms of one class at one node (three quantiles of one latency) are one thing seen
    several times: the heaviest counts.
    """
    weights: dict[tuple[str, str], float] = {}
    told = (symptom for symptom in symptoms if not symptom.whisper)
    for symptom in sorted(told, key=lambda each: (each.detected_at, each.id)):
        kind = (symptom.node, symptom.symptom_class)
        weight = model.settings.severity_weight[symptom.severity]
        weights[kind] = max(weight, weights.get(kind, 0.0))
        if sum(weights.values()) >= OPENING_WEIGHT:
            return symptom.detected_at
    return None


def _causes(group: Group, tree: Tree) -> tuple[Cause, ...]:
    likely = [item for item in group.shares.items() if item[1] >= MIN_PROBABILITY][:MAX_CAUSES]
    return tuple(
        Cause(
            node=node,
            probability=round(probability, 4),
            inferred=not group.at(node),
            reasons=_reasons(group, tree, node),
            path=tree.path_from(node),
            pods=tuple(sorted({pod for symptom in group.at(node) for pod in symptom.pods})),
        )
        for node, probability in likely
    )


def _reasons(group: Group, tree: Tree, node: str) -> tuple[Reason, ...]:
    reasons = []
    own = group.at(node)
    if own:
        titles = ", ".join(dict.fromkeys(symptom.title for symptom in own))
        since = f"{own[0].onset:%H:%M:%S}"
        reasons.append(Reason(code="own-symptoms", text=f"{titles}; first at {since}"))
    named_by = group.naming(node)
    if named_by:
        reasons.append(Reason(code="implicated", text=_implication(named_by)))
    if own and own[0].id == group.symptoms[0].id and len(group.symptoms) > 1:
        reasons.append(Reason(code="earliest-symptom", text="the earliest symptom is here"))
    explained = tree.explained_by(node)
    if explained:
        text = f"the likeliest parents of {explained} of {len(group.symptoms)} symptoms lead here"
        reasons.append(Reason(code="explains-effects", text=text))
    alone = max((group.posteriors[p.id].alone for p in group.evidence if p.node == node), default=0)
    if alone > 0.5:  # noqa: PLR2004  # more likely than not
        text = f"came by itself with probability {alone:.2f}"
        reasons.append(Reason(code="no-upstream-cause", text=text))
    return tuple(reasons)


def _implication(named_by: Sequence[Symptom]) -> str:
    nodes = sorted({symptom.node for symptom in named_by})
    titles = ", ".join(dict.fromkeys(symptom.title for symptom in named_by))
    times = sum(symptom.count for symptom in named_by)
    return f"named by “{titles}” at {_some(nodes)}, {times} times"


def _verdict(causes: Sequence[Cause]) -> Verdict:
    first = causes[0].probability if causes else 0.0
    second = causes[1].probability if len(causes) > 1 else 0.0
    if first >= CONFIDENT and first - second >= CONFIDENT_LEAD:
        return "confident"
    return "ambiguous" if first >= AMBIGUOUS else "unknown"


def _title(group: Group, causes: Sequence[Cause]) -> str:
    node = causes[0].node if causes else group.symptoms[0].node
    own = group.at(node)
    told = own or group.naming(node) or group.symptoms
    leading = min(told, key=lambda symptom: (-_RANK[symptom.severity], symptom.onset, symptom.id))
    says = leading.title if own else f"suspected, from “{leading.title}” at {leading.node}"
    others = sorted({symptom.node for symptom in group.symptoms} - {node})
    affects = f"; affects {_some(others)}" if others else ""
    return f"{node}: {says}{affects}"


def _some(nodes: Sequence[str], shown: int = 2) -> str:
    more = f" and {len(nodes) - shown} more" if len(nodes) > shown else ""
    return ", ".join(nodes[:shown]) + more


def _listed(group: Group, tree: Tree, bound: int) -> tuple[IncidentSymptom, ...]:
    return tuple(
        IncidentSymptom(
            id=symptom.id,
            node=symptom.node,
            detector=symptom.detector,
            signature=symptom.signature,
            symptom_class=symptom.symptom_class,
            severity=symptom.severity,
            onset=symptom.onset,
            last_seen=symptom.last_seen,
            count=symptom.count,
            state=symptom.state,
            exemplar=symptom.exemplars[0][:MAX_EXEMPLAR] if symptom.exemplars else "",
            parent=_parent(symptom, tree),
        )
        for symptom in group.symptoms[:bound]
    )


def _parent(symptom: Symptom, tree: Tree) -> Parent | None:
    found = tree.parent_of(symptom)
    if found is None:
        return None
    cause, way, probability = found
    return Parent(
        symptom=cause.id,
        edge=" → ".join(way),
        delay_s=round((symptom.onset - cause.onset).total_seconds(), 3),
        probability=round(probability, 4),
    )


def _unobserved(group: Group, causes: Sequence[Cause], model: Likelihood) -> tuple[str, ...]:
    seen = {symptom.node for symptom in group.symptoms}
    above = {node for cause in causes for node in model.graph.unobserved_above(cause.node)}
    return tuple(sorted(above - seen))

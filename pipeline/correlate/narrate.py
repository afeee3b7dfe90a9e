"""From a group to the incident record: causes with reasons, symptoms with parents, the outlook."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b

from pipeline.correlate.changes import Candidate, candidates
from pipeline.correlate.component import Component
from pipeline.correlate.counterfactual import Decisive, decisive, told
from pipeline.correlate.explain import Group
from pipeline.correlate.likelihood import Likelihood
from pipeline.correlate.outlook import Expected, Outlook
from pipeline.correlate.overtime import Model
from pipeline.correlate.reasons import (
    absent,
    changed,
    clock_skew,
    graph_changed,
    judgements,
    prior_of_kind,
    reasons_for,
    stormy,
)
from pipeline.correlate.storm import is_storm
from pipeline.correlate.titles import title_of
from pipeline.correlate.tree import Tree
from pipeline.correlate.verdict import detected_at, severity_of, verdict_of
from pipeline.records import (
    Cause,
    Incident,
    IncidentStatus,
    IncidentSymptom,
    Parent,
    Reason,
    Symptom,
)

MAX_CAUSES = 5
MIN_PROBABILITY = 0.01
"""Causes less likely than this are left out of the record."""
MAX_NODES = 1_000
"""Affected nodes listed (about 40 B each, 40 kB)."""
MAX_EXEMPLAR = 500
"""Characters of an exemplar in an incident; the symptom has it whole."""


def incident_id(application: str, anchor: Symptom) -> str:
    """Return the id of an incident: a hash of its application and its earliest symptom."""
    return blake2b(f"{application}\n{anchor.id}".encode(), digest_size=8).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where an incident stands in its life, as far as the symptoms do not say it themselves."""

    revision: int
    status: IncidentStatus
    reopened: int
    until_s: float
    """All that happened before is known, in seconds since 1970. Once it is resolved, the end of its
    quiet time: then the record is a function of the facts alone."""


@dataclass(frozen=True, slots=True)
class _Telling:
    """One group, judged, with all that its record is made from."""

    group: Group
    tree: Tree
    outlook: Outlook
    model: Likelihood
    """Over the graph of the time at which the trouble began."""
    expected: Mapping[str, Expected]
    """By cause."""
    changes: Mapping[str, tuple[Candidate, ...]]
    """By cause."""
    decides: Decisive | None

    @property
    def first(self) -> str:
        """The likeliest cause."""
        return next(iter(self.group.shares))

    def causes(self) -> tuple[Cause, ...]:
        return tuple(
            Cause(
                node=node,
                probability=round(self.group.shares[node], 4),
                inferred=not self.group.at(node),
                reasons=self._reasons(node),
                path=self.tree.path_from(node),
                pods=tuple(sorted({pod for at in self.group.at(node) for pod in at.pods})),
                changes=tuple(candidate.change for candidate in self.changes[node]),
            )
            for node in self.expected
        )

    @property
    def was_changed(self) -> bool:
        """Tell whether the likeliest cause itself was changed just before."""
        limit_s = self.outlook.model.settings.rollout_s
        found = self.changes.get(self.first, ())
        return any(each.hops == 0 and each.before_s <= limit_s for each in found)

    def unobserved(self) -> tuple[str, ...]:
        """Return what nobody sees at or above the causes, or right below the likeliest."""
        seen = {symptom.node for symptom in self.group.symptoms}
        graph = self.model.graph
        above = {node for cause in self.expected for node in graph.unobserved_above(cause)}
        below = self.expected[self.first].unseen if self.first in self.expected else ()
        return tuple(sorted((above | {*below}) - seen))

    def _reasons(self, node: str) -> tuple[Reason, ...]:
        changes, expected = self.changes[node], self.expected[node]
        reasons = list(reasons_for(self.group, node, self.tree))
        own = [piece for piece in self.group.evidence if piece.node == node and piece.symptom]
        reasons += prior_of_kind(own, self.outlook.component.weights.background)
        reasons += clock_skew(own)
        if changes:
            reasons.append(changed(changes))
            reasons += judgements(changes)
        if expected.absent:
            reasons.append(absent(expected))
        if node == self.first and self.decides is not None:
            numbers = {"probability": round(self.decides.probability, 4)}
            reasons.append(Reason(code="counterfactual", text=told(self.decides), numbers=numbers))
        if node != self.first:
            return tuple(reasons)
        settings = self.outlook.model.settings
        if is_storm(len(self.outlook.component.pieces), settings):
            reasons.append(stormy(self.outlook.component.symptoms, settings))
        reasons += graph_changed(self.group, self.outlook.model)
        return tuple(reasons)


def narrate(group: Group, component: Component, standing: Standing, model: Model) -> Incident:
    """Return the incident record of a group of a component."""
    resolved = standing.status == "resolved"
    telling = _telling(group, Outlook(component, model, standing.until_s), resolved=resolved)
    group, then = telling.group, telling.model
    causes = telling.causes()
    last_seen = max(symptom.last_seen for symptom in group.told)
    decides = telling.decides
    expected = telling.expected.get(telling.first)
    return Incident(
        id=incident_id(model.name, group.anchor),
        revision=standing.revision,
        application=model.name,
        status=standing.status,
        reopened=standing.reopened,
        title=title_of(group, telling.first, then),
        started_at=group.anchor.onset,
        detected_at=detected_at(group.symptoms, model),
        updated_at=last_seen,
        resolved_at=last_seen if resolved else None,
        severity=severity_of(group.told, then, changed=telling.was_changed),
        verdict=verdict_of([cause.probability for cause in causes]),
        causes=causes,
        nodes=tuple(sorted({symptom.node for symptom in group.symptoms})[:MAX_NODES]),
        symptoms=_listed(group, telling.tree, model.settings.max_listed),
        symptom_count=len(group.symptoms),
        absent=expected.absent if expected is not None else (),
        unobserved=telling.unobserved(),
        counterfactual=decides.symptom.id if decides is not None else None,
        graph_version=then.graph.application.version,
        late_revision=_late_revision(group.symptoms),
        may_be_next=() if resolved else telling.outlook.may_be_next(group, telling.first),
    )


def _late_revision(symptoms: Sequence[Symptom]) -> str | None:
    """Return why late records changed an incident, or None."""
    late = [symptom for symptom in symptoms if symptom.late]
    if not late:
        return None
    last, count = late[-1], sum(symptom.count for symptom in late)
    records = "a record" if count == 1 else f"{count} records"
    return (
        f"{records} came after the allowed lateness: “{last.title}” at {last.node},"
        f" of {last.onset:%H:%M:%S}"
    )


def merged(former: Incident, into: str | None, revision: int) -> Incident:
    """Return the last revision of an incident that turned out to be part of another.

    ``into`` is None where what is left of its evidence no longer suffices for an incident.
    """
    return former.model_copy(
        update={
            "status": "merged",
            "merged_into": into,
            "revision": revision,
            "resolved_at": None,
            "may_be_next": (),
        }
    )


def _telling(group: Group, outlook: Outlook, *, resolved: bool) -> _Telling:
    judged = outlook.judged(group)
    then = outlook.model.at(judged.onset_s)
    likely = [node for node, share in judged.shares.items() if share >= MIN_PROBABILITY]
    nodes = likely[:MAX_CAUSES]
    sure = verdict_of([round(judged.shares[node], 4) for node in nodes]) == "confident"
    ask = resolved or not sure
    return _Telling(
        group=judged,
        tree=Tree(judged, outlook.model),
        outlook=outlook,
        model=then,
        expected={node: outlook.expected(judged, node) for node in nodes},
        changes={node: candidates(judged, node, outlook.component.changes, then) for node in nodes},
        decides=decisive(judged, outlook, resolved=resolved) if ask else None,
    )


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
            whisper=symptom.whisper,
        )
        for symptom in group.symptoms[:bound]
        if symptom.symptom_class != "change"  # never: changes are no evidence
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

"""Incidents of one component: who belongs together, and which node is the cause.

A component is a set of symptoms that may have to do with each other. Inside it the likeliest
parents decide: a symptom that was set off by something joins its likeliest parent; what hangs
together is one group, and the probability of each node to be its cause is where a walk from every
symptom to its parents comes to rest.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from topology.graph import Graph

from pipeline.correlate.chain import absorb
from pipeline.correlate.evidence import Evidence
from pipeline.correlate.parents import Posterior, Weights
from pipeline.correlate.settings import CorrelateSettings
from pipeline.records import Symptom


@dataclass(frozen=True, slots=True)
class Group:
    """Symptoms explained together."""

    evidence: tuple[Evidence, ...]
    """In event order; implied evidence included."""
    posteriors: dict[str, Posterior]
    shares: dict[str, float]
    """Probability of each node to be the cause, likeliest first; the sum is at most 1."""

    @property
    def symptoms(self) -> tuple[Symptom, ...]:
        """The symptoms themselves, earliest first: the first is the anchor."""
        return tuple(piece.symptom for piece in self.evidence if piece.implied is None)

    def at(self, node: str) -> tuple[Symptom, ...]:
        """Return the symptoms seen at a node."""
        return tuple(symptom for symptom in self.symptoms if symptom.node == node)


def weight(symptom: Symptom, graph: Graph, settings: CorrelateSettings) -> float:
    """Return how much a symptom counts in the cause of its incident."""
    template = graph.application.template_of(symptom.node)
    entry = template is not None and template.entry
    return settings.severity_weight[symptom.severity] * (settings.entry_factor if entry else 1.0)


def explain(component: Sequence[Evidence], weights: Weights) -> list[Group]:
    """Return the groups of a component, by their anchors."""
    pieces = sorted(component, key=lambda piece: piece.order)
    posteriors = {piece.id: weights.posterior(piece.id) for piece in pieces}
    settings, graph = weights.model.settings, weights.model.graph
    groups = []
    for members in _joined(pieces, posteriors, settings.join_at):
        if any(piece.implied is None for piece in members):
            shares = _shares(members, posteriors, settings, graph)
            groups.append(Group(tuple(members), posteriors, shares))
    return groups


def _joined(
    pieces: Sequence[Evidence], posteriors: dict[str, Posterior], join_at: float
) -> list[list[Evidence]]:
    leader = {piece.id: piece.id for piece in pieces}

    def find(member: str) -> str:
        while leader[member] != member:
            leader[member] = leader[leader[member]]
            member = leader[member]
        return member

    for piece in pieces:
        posterior = posteriors[piece.id]
        if posterior.likeliest is not None and 1.0 - posterior.alone >= join_at:
            leader[find(piece.id)] = find(posterior.likeliest)
    groups: dict[str, list[Evidence]] = {}
    for piece in pieces:
        groups.setdefault(find(piece.id), []).append(piece)
    return list(groups.values())


def _shares(
    members: Sequence[Evidence],
    posteriors: dict[str, Posterior],
    settings: CorrelateSettings,
    graph: Graph,
) -> dict[str, float]:
    states = [piece.id for piece in members]
    start = {
        piece.id: weight(piece.symptom, graph, settings)
        for piece in members
        if piece.implied is None
    }
    rested = absorb(
        states,
        {state: posteriors[state].parents for state in states},
        {state: posteriors[state].alone for state in states},
        start,
    )
    scale = (1.0 - settings.something_else) / sum(start.values())
    shares: dict[str, float] = {}
    for piece in members:
        shares[piece.node] = shares.get(piece.node, 0.0) + scale * rested[piece.id]
    return dict(sorted(shares.items(), key=lambda item: (-round(item[1], 4), item[0])))

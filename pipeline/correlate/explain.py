"""Incidents of one component: who belongs together, and which node is the cause.

A component is a set of symptoms that may have to do with each other. Every symptom has a root:
where its trouble came from. Symptoms that probably have the same root are one group, and a node's
probability to be its cause is the weighted mean, over the group's symptoms, of having the root
there.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from pipeline.correlate.evidence import Evidence
from pipeline.correlate.forest import Array, Positions
from pipeline.correlate.grouping import joined
from pipeline.correlate.hidden import Explanation, explained
from pipeline.correlate.overtime import Model
from pipeline.correlate.parents import Weights
from pipeline.correlate.settings import CorrelateSettings
from pipeline.records import Symptom

_MORE_LIKELY_THAN_NOT = 0.5

_BELONGS = 0.5
"""A whisper belongs to a group that set it off with at least this probability."""


@dataclass(frozen=True, slots=True)
class Posterior:
    """What set off one piece of evidence."""

    alone: float
    """P(∅ → j): it came by itself."""
    _whole: Explanation
    _position: int

    def parents(self) -> Iterator[tuple[str, float]]:
        """Yield evidence ids with P(k → j), likeliest first (ties by id), if likelier than ∅.

        Of a thousand it is mostly the first that is asked for, so the others are only then sorted.
        """
        by_id = self._whole.by_id
        chances = self._whole.forest.parents(self._position)[by_id]
        some = np.flatnonzero(chances > self.alone)
        if not len(some):
            return
        yield self._told(by_id, chances, some[chances[some].argmax()])
        for at in some[np.argsort(-chances[some], kind="stable")][1:]:
            yield self._told(by_id, chances, at)

    def _told(self, by_id: Positions, chances: Array, at: np.intp) -> tuple[str, float]:
        return self._whole.pieces[by_id[at]].id, float(chances[at])


@dataclass(frozen=True)
class Group:
    """Symptoms explained together."""

    symptoms: tuple[Symptom, ...]
    """Earliest first."""
    evidence: tuple[Evidence, ...]
    """The symptoms as evidence, and the hidden faults that may be behind them."""
    shares: dict[str, float]
    """Probability of each node to be the cause, likeliest first; the sum is at most 1."""
    whole: Explanation
    """The explanation of the component that it is a group of."""

    @cached_property
    def posteriors(self) -> dict[str, Posterior]:
        """What set off each piece of evidence, by its id."""
        chosen = {piece.id for piece in self.evidence}
        chances = zip(self.whole.pieces, self.whole.forest.came_alone.tolist(), strict=True)
        return {
            piece.id: Posterior(alone, self.whole, position)
            for position, (piece, alone) in enumerate(chances)
            if piece.id in chosen
        }

    @cached_property
    def told(self) -> tuple[Symptom, ...]:
        """Return the symptoms that are more than a whisper; all, if there are none."""
        return tuple(s for s in self.symptoms if not s.whisper) or self.symptoms

    @property
    def anchor(self) -> Symptom:
        """Return the earliest of them."""
        return self.told[0]

    @cached_property
    def onset_s(self) -> float:
        """When its trouble began, in seconds since 1970: the graph of that time explains it."""
        anchor = self.anchor.id
        return next(piece.onset_s for piece in self.evidence if piece.id == anchor)

    def at(self, node: str) -> tuple[Symptom, ...]:
        """Return the symptoms seen at a node."""
        return tuple(symptom for symptom in self.symptoms if symptom.node == node)

    def naming(self, node: str) -> tuple[Symptom, ...]:
        """Return the symptoms elsewhere that implicate a node."""
        return tuple(
            symptom
            for symptom in self.symptoms
            if symptom.node != node and any(i.node == node for i in symptom.implicates)
        )


def explain(component: Sequence[Evidence], weights: Weights) -> list[Group]:
    """Return the groups of a component, by their anchors."""
    symptoms = sorted(component, key=lambda piece: piece.order)
    model = weights.model
    whole = explained(symptoms, weights.forest(symptoms), model)
    start = np.array([_weight(piece, model) for piece in symptoms])
    groups = joined(
        whole.roots[: len(symptoms)],
        faults(whole.pieces, whole.roots),
        start,
        model.settings.join_at,
    )
    return [_group(whole, members, start[members], model.settings) for members in groups]


def faults(pieces: Sequence[Evidence], roots: Array) -> list[int]:
    """Return for each piece the number of its fault: what is at one node at one time is one.

    A fault lasts for as long as what goes back to it by ``roots``, more likely than not: a volume
    that fills again while the server that failed on it still restarts is the same volume full. Weak
    evidence has no part in how long a fault lasts: some deviation there is at most times.
    """
    lasts = [piece.last_seen_s for piece in pieces]
    for piece, root, sure in zip(pieces, roots.argmax(axis=1), roots.max(axis=1), strict=True):
        if sure >= _MORE_LIKELY_THAN_NOT and not piece.is_whisper:
            lasts[root] = max(lasts[root], piece.last_seen_s)
    numbers: dict[str, int] = {}
    ends: dict[str, float] = {}
    found = [0] * len(pieces)
    for position in sorted(range(len(pieces)), key=lambda at: pieces[at].order):
        piece = pieces[position]
        begins, until = piece.onset_s - piece.unsure_s, lasts[position] + piece.unsure_s
        if begins >= ends.get(piece.node, -math.inf):
            numbers[piece.node] = position
        if not piece.is_whisper:
            ends[piece.node] = max(until, ends.get(piece.node, -math.inf))
        found[position] = numbers[piece.node]
    return found


def _weight(piece: Evidence, model: Model) -> float:
    settings = model.settings
    severity = "minor" if piece.symptom is None else piece.symptom.severity
    weight = settings.whisper_weight if piece.is_whisper else settings.severity_weight[severity]
    return weight * (settings.entry_factor if model.at(piece.onset_s).is_entry(piece.node) else 1.0)


def _group(
    whole: Explanation, members: Sequence[int], start: Array, settings: CorrelateSettings
) -> Group:
    members, start = _without_chance(whole, members, start)
    share = start / start.sum() @ whole.roots[members] * (1.0 - settings.something_else)
    chosen = {whole.pieces[member].id for member in members}
    pieces = [piece for piece in whole.pieces if piece.symptom is None or piece.id in chosen]
    shares = {piece.node: 0.0 for piece in pieces}
    for piece, probability in zip(whole.pieces, share.tolist(), strict=True):
        if piece.symptom is None or piece.id in chosen:  # else it is the root of another group
            shares[piece.node] += probability
    return Group(
        symptoms=tuple(piece.symptom for piece in pieces if piece.symptom is not None),
        evidence=tuple(pieces),
        shares=dict(sorted(shares.items(), key=lambda item: (-round(item[1], 4), item[0]))),
        whole=whole,
    )


def _without_chance(
    whole: Explanation, members: Sequence[int], start: Array
) -> tuple[Sequence[int], Array]:
    """Leave out whispers that probably only happen to be there: nothing of the group set them off.

    Amounts stay: what is missing in an effect's sum may be a whisper.
    """
    supposed = (at for at, piece in enumerate(whole.pieces) if piece.symptom is None)
    inside = [*members, *supposed]
    kept = [at for at, member in enumerate(members) if _belongs(whole, member, inside)]
    if not kept:
        return members, start
    return [members[at] for at in kept], start[kept]


def _belongs(whole: Explanation, member: int, inside: Sequence[int]) -> bool:
    piece = whole.pieces[member]
    if not piece.is_whisper or piece.amount is not None:
        return True
    return float(whole.forest.parents(member)[inside].sum()) >= _BELONGS

"""What may have set off what: rates between all active symptoms, kept per pair."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from pipeline.correlate.evidence import Evidence
from pipeline.correlate.forest import Array, Forest
from pipeline.correlate.likelihood import Likelihood, Trigger
from pipeline.correlate.overtime import Model

MEDIATED = 0.1
"""Factor on the rate of a cause whose way leads over another one that was seen."""

UNTOUCHED = 0.3
"""Factor on the rate of a cause whose way leads over a node that is looked at and shows nothing."""


@dataclass(frozen=True, slots=True)
class _Row:
    """What may have set off one piece of evidence, as it goes into a forest."""

    causes: tuple[str, ...]
    rates: Array
    alone: float


@dataclass(slots=True)
class Weights:
    """Trigger rates between all active symptoms.

    A rate is a function of its two ends (and of the machines that are known of their nodes), so a
    new or revised symptom touches only its own row and column.
    """

    model: Model
    evidence: dict[str, Evidence] = field(default_factory=dict)
    _causes: dict[str, dict[str, Trigger]] = field(default_factory=dict)
    _effects: dict[str, set[str]] = field(default_factory=dict)
    _rows: dict[str, _Row] = field(default_factory=dict)
    """What is made of the causes of a piece, until one of them is another; 17 B a pair."""
    _by_family: dict[str, dict[str, Evidence]] = field(default_factory=dict)
    """Evidence by the family of its node: what is in reach is found by it."""
    _naming: dict[str, set[str]] = field(default_factory=dict)
    """Ids of the evidence that implicates a node."""
    _own_machines: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Machines that each piece names itself; one that names none has those of its neighbours."""

    def put(self, new: Evidence) -> None:
        """Add a piece of evidence, or replace its former revision."""
        self._drop(new.id)
        self._own_machines[new.id] = new.cluster_nodes
        neighbours = self._at(new.node)
        machines = {*new.cluster_nodes}.union(*(self._own_machines[o.id] for o in neighbours))
        for piece in (*neighbours, new):
            known = self._own_machines[piece.id] or tuple(sorted(machines))
            if piece is new or known != piece.cluster_nodes:
                self._place(replace(piece, cluster_nodes=known))

    def _place(self, new: Evidence) -> None:
        """Put a piece among the others, in place of what had its id."""
        own_machines = self._own_machines[new.id]
        self._drop(new.id)
        self._own_machines[new.id] = own_machines
        self.evidence[new.id] = new
        for named in new.implicated:
            self._naming.setdefault(named, set()).add(new.id)
        self._causes[new.id] = {}
        self._effects[new.id] = set()
        begins = new.onset_s - new.unsure_s
        for family in self.model.reach(new.node):
            for other in self._by_family.get(family, {}).values():
                if new.onset_s > other.onset_s - other.unsure_s:  # else it was there before
                    self._weigh(other, new)
                if other.onset_s > begins:
                    self._weigh(new, other)
        self._by_family.setdefault(self.model.family(new.node), {})[new.id] = new

    def remove(self, evidence_id: str) -> None:
        """Forget a piece of evidence, and what its neighbours know from it."""
        gone = self.evidence.get(evidence_id)
        self._drop(evidence_id)
        if gone is not None and gone.cluster_nodes:
            for piece in self._at(gone.node):
                self.put(replace(piece, cluster_nodes=self._own_machines[piece.id]))

    def _drop(self, evidence_id: str) -> None:
        gone = self.evidence.pop(evidence_id, None)
        if gone is None:
            return
        del self._own_machines[evidence_id]
        for named in gone.implicated:
            self._naming[named].discard(evidence_id)
            if not self._naming[named]:
                del self._naming[named]
        alike = self._by_family[self.model.family(gone.node)]
        del alike[evidence_id]
        if not alike:
            del self._by_family[self.model.family(gone.node)]
        self._rows.pop(evidence_id, None)
        for cause in self._causes.pop(evidence_id):
            self._effects[cause].discard(evidence_id)
        for effect in self._effects.pop(evidence_id):
            self._causes[effect].pop(evidence_id, None)
            self._rows.pop(effect, None)

    def neighbours(self, evidence_id: str) -> set[str]:
        """Return what may have to do with it: effects, causes, and what names the same node.

        Whispers have to do with what is more than a whisper, and not with each other.
        """
        mine = self.evidence[evidence_id]
        found = self._effects[evidence_id] | self._causes[evidence_id].keys()
        speak_of = set().union(*map(self._speaking_of, {mine.node, *mine.implicated}))
        at_named = {o.id for named in mine.implicated for o in self._at(named)}
        alike = (speak_of | at_named) - {evidence_id}
        found |= {other for other in alike if self._at_one_time(mine, self.evidence[other])}
        if mine.is_whisper:
            found = {other for other in found if not self.evidence[other].is_whisper}
        return found

    def forest(self, pieces: Sequence[Evidence]) -> Forest:
        """Return the rates between some of the symptoms, in the given order."""
        index = {piece.id: position for position, piece in enumerate(pieces)}
        rates = np.zeros((len(pieces), len(pieces)))
        alone = np.zeros(len(pieces))
        for row, piece in enumerate(pieces):
            known = self._rows.get(piece.id)
            if known is None:
                known = self._rows[piece.id] = self._row(piece)
            alone[row] = known.alone
            positions = np.array([index.get(cause, -1) for cause in known.causes], dtype=np.intp)
            here = positions >= 0
            rates[row, positions[here]] = known.rates[here]
        return Forest(rates, alone)

    def _row(self, piece: Evidence) -> _Row:
        """Return the rates at which others set off a piece, and that at which it came by itself.

        A symptom that names a node with strength s came from there with probability s at least, if
        there is trouble there: all that it does not name shares the rest.
        """
        model = self.model.at(piece.onset_s)
        triggers = self._direct(piece, model)
        alone = model.alone(piece) + model.unaccounted(piece, triggers.values())
        names = np.array([trigger.named > 0.0 for trigger in triggers.values()], dtype=bool)
        rates = np.array([trigger.rate for trigger in triggers.values()], dtype=np.float64)
        named = math.fsum(rates[names])  # exact, so that it does not matter what came first
        others = alone + math.fsum(rates[~names])
        said = max((trigger.named for trigger in triggers.values()), default=0.0)
        share = min(1.0, named * (1.0 - said) / (said * others)) if named > 0.0 else 1.0
        return _Row(tuple(triggers), np.where(names, rates, rates * share), alone * share)

    def _direct(self, piece: Evidence, model: Likelihood) -> dict[str, Trigger]:
        """Return what may have set off a piece; what came by way of another node counts less.

        Where a node between has trouble that may be the cause, it is asked for its own causes.
        Where it has none, though it would be seen, little came by it.
        """
        triggers = self._causes[piece.id]
        present = {self.evidence[cause].node for cause in triggers} - {piece.node}
        ways = {trigger.between for trigger in triggers.values()}
        factors = {way: _passing(way, present, model) for way in ways}
        passed = {
            cause: trigger.potential * factors[trigger.between]
            for cause, trigger in triggers.items()
        }
        shared = self._once_a_node(passed)
        return {
            cause: trigger
            if shared[cause] == trigger.potential
            else Trigger(shared[cause], *trigger[1:])  # a fifth of what _replace takes
            for cause, trigger in triggers.items()
        }

    def _once_a_node(self, potentials: dict[str, float]) -> dict[str, float]:
        """Share out among a node's symptoms what its trouble sets off.

        They tell of one trouble: however many they are, together they set off what the likeliest of
        them would alone.
        """
        at: dict[str, list[str]] = {}
        for cause in potentials:
            at.setdefault(self.evidence[cause].node, []).append(cause)
        shared = dict(potentials)
        for causes in at.values():
            several = [potentials[cause] for cause in causes]
            total = math.fsum(several)
            if len(several) > 1 and total > 0.0:
                share = max(several) / total
                shared.update({cause: potentials[cause] * share for cause in causes})
        return shared

    def _weigh(self, cause: Evidence, effect: Evidence) -> None:
        trigger = self.model.trigger(cause, effect)
        if trigger is not None and trigger.rate > 0:
            self._causes[effect.id][cause.id] = trigger
            self._effects[cause.id].add(effect.id)
            self._rows.pop(effect.id, None)

    def _at(self, node: str) -> list[Evidence]:
        alike = self._by_family.get(self.model.family(node), {}).values()
        return [piece for piece in alike if piece.node == node]

    def _speaking_of(self, node: str) -> set[str]:
        return self._naming.get(node, set())

    def _at_one_time(self, one: Evidence, other: Evidence) -> bool:
        """Tell whether one fault, that one speaks of, may be behind both."""
        apart = max(one.onset_s, other.onset_s) - min(one.last_seen_s, other.last_seen_s)
        return apart <= self.model.settings.same_node_longest_s


def _passing(between: tuple[str, ...], present: set[str], model: Likelihood) -> float:
    """Return the factor for the nodes on the way of a trigger."""
    if not present.isdisjoint(between):
        return MEDIATED
    return UNTOUCHED if any(map(model.is_observed, between)) else 1.0

"""What may have set off what: rates between all active symptoms, kept per pair."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from pipeline.correlate.evidence import Evidence
from pipeline.correlate.forest import Forest
from pipeline.correlate.likelihood import Likelihood


@dataclass(slots=True)
class Weights:
    """Trigger rates between all active symptoms.

    A rate is a function of its two ends alone, so a new or revised symptom touches only its own
    row and column.
    """

    model: Likelihood
    evidence: dict[str, Evidence] = field(default_factory=dict)
    _causes: dict[str, dict[str, float]] = field(default_factory=dict)
    _effects: dict[str, set[str]] = field(default_factory=dict)

    def put(self, new: Evidence) -> None:
        """Add a piece of evidence, or replace its former revision."""
        self.remove(new.id)
        self.evidence[new.id] = new
        self._causes[new.id] = {}
        self._effects[new.id] = set()
        for other in self.evidence.values():
            if other.id != new.id:
                self._weigh(other, new)
                self._weigh(new, other)

    def remove(self, evidence_id: str) -> None:
        """Forget a piece of evidence."""
        if self.evidence.pop(evidence_id, None) is None:
            return
        for cause in self._causes.pop(evidence_id):
            self._effects[cause].discard(evidence_id)
        for effect in self._effects.pop(evidence_id):
            self._causes[effect].pop(evidence_id, None)

    def neighbours(self, evidence_id: str) -> Iterable[str]:
        """Return what may have to do with it: effects, causes, and what names the same node."""
        mine = self.evidence[evidence_id]
        alike = (other.id for other in self.evidence.values() if self._name_the_same(mine, other))
        return {*self._effects[evidence_id], *self._causes[evidence_id], *alike} - {evidence_id}

    def forest(self, pieces: Sequence[Evidence]) -> Forest:
        """Return the rates between some of the symptoms, in the given order."""
        index = {piece.id: position for position, piece in enumerate(pieces)}
        rates = np.zeros((len(pieces), len(pieces)))
        for piece in pieces:
            for cause, rate in self._causes[piece.id].items():
                position = index.get(cause)
                if position is not None:
                    rates[index[piece.id], position] = rate
        return Forest(rates, np.array([self.model.alone(piece) for piece in pieces]))

    def _weigh(self, cause: Evidence, effect: Evidence) -> None:
        rate = self.model.trigger(cause, effect)
        if rate > 0:
            self._causes[effect.id][cause.id] = rate
            self._effects[cause.id].add(effect.id)

    def _name_the_same(self, one: Evidence, other: Evidence) -> bool:
        """Tell whether one hidden fault may be behind both."""
        shared = one.implicated.keys() & other.implicated.keys()
        if not shared:
            return False
        apart = max(one.onset_s, other.onset_s) - min(one.last_seen_s, other.last_seen_s)
        return apart <= self.model.settings.same_node_longest_s

"""Whose effect is each piece of evidence: weights, kept per pair, and the posteriors from them."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from pipeline.correlate.evidence import Evidence
from pipeline.correlate.likelihood import Likelihood

MAX_PARENTS = 16
"""Likeliest parents that are kept of one piece of evidence: the rest is lost in the sum's digits,
and the chain's cost stays linear in the number of symptoms."""


@dataclass(frozen=True, slots=True)
class Posterior:
    """What set off one piece of evidence."""

    alone: float
    """P(∅ → j): it came by itself."""
    parents: dict[str, float]
    """P(k → j) by evidence id, likeliest first (ties by id)."""

    @property
    def likeliest(self) -> str | None:
        """Id of the likeliest parent, if there is any."""
        return next(iter(self.parents), None)


@dataclass(slots=True)
class Weights:
    """Trigger weights between all active pieces of evidence.

    A weight is a function of its two ends alone, so a new or revised symptom touches only its own
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
        """Return what it may have set off, and what may have set it off."""
        return self._effects[evidence_id] | self._causes[evidence_id].keys()

    def posterior(self, effect_id: str) -> Posterior:
        """Return P(i is the parent of j) = w(i→j) / (w(∅→j) + Σ_k w(k→j))."""
        background = self.model.background(self.evidence[effect_id])
        weights = sorted(self._causes[effect_id].items(), key=lambda item: (-item[1], item[0]))
        total = background + sum(weight for _, weight in weights)
        parents = {cause: weight / total for cause, weight in weights[:MAX_PARENTS]}
        return Posterior(background / total, parents)

    def _weigh(self, cause: Evidence, effect: Evidence) -> None:
        weight = self.model.trigger(cause, effect)
        if weight > 0:
            self._causes[effect.id][cause.id] = weight
            self._effects[cause.id].add(effect.id)

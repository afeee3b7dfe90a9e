"""What a hidden fault offers to explain of each piece of evidence, and at which price; pure."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipeline.correlate.evidence import Evidence
from pipeline.correlate.overtime import Model


@dataclass(frozen=True, slots=True)
class Suspect:
    """A hidden fault that may be real."""

    fault: Evidence
    span_s: float
    """Time in which it must have come."""
    only: frozenset[str] = frozenset()
    """Ids of the evidence that it may explain, if that is not all: nobody named it, so it takes
    nothing away from causes that were seen."""

    def explains(self, piece: Evidence) -> bool:
        """Tell whether it may explain a piece."""
        return not self.only or piece.id in self.only


def supposable(symptom: Evidence, model: Model) -> list[str]:
    """Return the nodes that a symptom's word alone lets suppose at fault."""
    then = model.at(symptom.onset_s)
    return [node for node in symptom.accused if then.may_be_hidden(node)]


@dataclass(frozen=True, slots=True)
class Offered:
    """What a hidden fault offers to explain of a piece."""

    rate: float
    """At which it sets off the piece, per second."""
    often: float
    """How many times it does, on average."""
    witness: bool
    """Whether the piece speaks of the fault."""
    at_most: float
    """Times the rate of all that is known (see ``Offer._at_most``)."""

    def beyond(self, total: float) -> tuple[float, float]:
        """Return the rate, per second, at which it sets off the piece, and how often it does.

        Of a piece that is no witness it only takes what ``total``, the rate of all that is known,
        leaves: a second explanation of what is explained already is no reason to suppose anything.
        """
        if self.witness:
            return min(self.rate, self.at_most * total), 0.0
        left = min(max(0.0, self.rate - total), self.at_most * total)
        return left, self.often * left / self.rate


@dataclass(frozen=True, slots=True)
class Offer:
    """What a hidden fault offers to explain."""

    suspect: Suspect
    cost: float
    """Probability that such a fault comes in the time in which it must have come."""
    seen_since: Mapping[str, float]
    """Since when each node where anything is seen has trouble; infinite where it is all weak."""
    model: Model

    def to(self, piece: Evidence) -> Offered | None:
        """Return what it offers to explain of a piece; None where that is nothing.

        For a witness the rate is what makes the odds right when it is the only one: a symptom that
        names a node with strength s is set off by that node's fault with probability s, whatever
        supposing the fault costs. Every further witness then comes for free. Who names an unseen
        node on the way (a volume, where the storage behind it is supposed) is a witness too.
        """
        fault = self.suspect.fault
        trigger = self.model.trigger(fault, piece) if self.suspect.explains(piece) else None
        if trigger is None or trigger.rate == 0.0:
            return None
        strength = self._named(piece, trigger.between)
        if strength > 0.0:
            often = self.model.at(piece.onset_s).background(piece.node)
            rate, at_most = often * strength / self.cost, self._at_most(piece, strength)
            return Offered(rate, 0.0, witness=True, at_most=at_most)
        often, at_most = trigger.expected * trigger.dose, self._at_most(piece)
        return Offered(trigger.rate, often, witness=False, at_most=at_most)

    def _at_most(self, piece: Evidence, strength: float = 0.0) -> float:
        """Return the rate that can be offered, in rates of all that is known of the piece.

        Who speaks of trouble that is seen has that for a cause with what probability it says. What
        nobody saw is the less likely of two that it names, or shares what is left.
        """
        named = piece.implicated.items()
        known = [s for node, s in named if self.seen_since.get(node, math.inf) < piece.onset_s]
        if not known:
            return math.inf
        return strength / max(known) if strength else 1.0 - max(known)

    def _named(self, piece: Evidence, between: Sequence[str]) -> float:
        """Return the probability of the fault given only that a piece names it, or its way."""
        node = self.suspect.fault.node
        said = piece.implicated.get(node, 0.0)
        if node in supposable(piece, self.model):
            return said
        named = [one for one in between if one in piece.implicated and one not in self.seen_since]
        model = self.model.at(piece.onset_s)
        ways = [(model.way(node, one), piece.implicated[one]) for one in named]
        return max((said, *(way.strength * other for way, other in ways if way is not None)))

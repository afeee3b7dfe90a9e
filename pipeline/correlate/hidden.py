"""Hidden faults: nodes that symptoms implicate, or share, and that have no symptoms of their own.

Supposing a fault that nobody saw has its price: the rate at which such faults come, times the time
in which this one must have come. It pays if it explains more than it costs: the weight of all
forests with it against that without it is the odds that it is real. What it sets off is asked of
the graph at the effect's onset, and what it is itself of the graph when it was first named.
"""

import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from pipeline.correlate.evidence import Evidence, supposed
from pipeline.correlate.forest import Array, Forest, Positions
from pipeline.correlate.likelihood import Likelihood
from pipeline.correlate.offers import Offer, Offered, Suspect, supposable
from pipeline.correlate.overtime import Model

MAX_SUPPOSED = 8
"""Hidden faults that are tried, of those named and of those in common: those with most witnesses
first (each costs a determinant). A node counts once for each time in which it is named."""

_BY_ITSELF = 0.5
"""What came by itself with this probability asks for a hidden cause."""

_DIGITS = 9
"""Suspects whose log odds differ by less are equal, and the first by name is tried first."""

SURE = 0.95
"""No edge is surer than this to bring its effect."""

IN_COMMON = 3
"""So many places of trouble below one node, and it is tried as their common cause."""


Placed = tuple[Evidence, str]
"""A piece of evidence, and the node that it counts for."""
Said = tuple[str, list[Evidence]]
"""A node, and what speaks of trouble there at one time, earliest first."""


@dataclass(frozen=True)
class Explanation:
    """Evidence with the hidden faults that are worth supposing, and where everything comes from."""

    pieces: tuple[Evidence, ...]
    """The symptoms in event order, then the supposed faults."""
    forest: Forest
    roots: Array
    """Distribution of the root (column) of each piece (row); where it is not sure that a hidden
    fault is real, a mixture of both cases."""

    @cached_property
    def by_id(self) -> Positions:
        """Positions of the pieces in order of their ids."""
        ranked = sorted(range(len(self.pieces)), key=lambda at: self.pieces[at].id)
        return np.array(ranked, dtype=np.intp)


def explained(symptoms: Sequence[Evidence], forest: Forest, model: Model) -> Explanation:
    """Suppose hidden faults one by one, the best first, as long as they are likely to be real."""
    best = Explanation(tuple(symptoms), forest, forest.roots())
    seen_since = _seen_since(symptoms)
    suspects = _suspects(symptoms, _unexplained(symptoms, forest, model), seen_since, model)
    left = [_Trial(suspect, seen_since, model) for suspect in suspects]
    while left:
        tried = {each.suspect.fault.id: each.tried(best) for each in left}
        choice = max(sorted(tried), key=lambda fault_id: round(tried[fault_id].log_odds, _DIGITS))
        log_odds = tried[choice].log_odds
        if log_odds <= 0:
            break
        wider = tried[choice].wider(best.forest)
        real = 1.0 / (1.0 + math.exp(-log_odds))
        size = len(best.pieces)
        mixed = real * wider.roots()
        mixed[:size, :size] += (1.0 - real) * best.roots
        mixed[size, size] += 1.0 - real
        chosen = next(each for each in left if each.suspect.fault.id == choice)
        best = Explanation((*best.pieces, chosen.suspect.fault), wider, mixed)
        left.remove(chosen)
    return best


def _unexplained(symptoms: Sequence[Evidence], forest: Forest, model: Model) -> list[Evidence]:
    """Return what probably came by itself, or from what nobody saw, if nothing hidden is supposed.

    What speaks of another node was seldom set off by anything else.
    """
    seen_at = {symptom.node for symptom in symptoms}
    return [
        symptom
        for symptom, alone in zip(symptoms, forest.came_alone.tolist(), strict=True)
        if not symptom.is_whisper
        and (_names_unseen(symptom, seen_at, model) or alone >= _BY_ITSELF)
    ]


def _names_unseen(symptom: Evidence, seen_at: Collection[str], model: Model) -> bool:
    named = (node for node in supposable(symptom, model) if node not in seen_at)
    return max((symptom.implicated[node] for node in named), default=0.0) >= _BY_ITSELF


def _seen_since(symptoms: Sequence[Evidence]) -> dict[str, float]:
    """Return since when each node has trouble; infinite where all that is seen there is weak."""
    found = {symptom.node: math.inf for symptom in symptoms}
    for symptom in symptoms:
        if not symptom.is_whisper:
            began_s = symptom.onset_s - symptom.unsure_s
            found[symptom.node] = min(found[symptom.node], began_s)
    return found


def _suspects(
    symptoms: Sequence[Evidence],
    unexplained: Sequence[Evidence],
    seen_since: Mapping[str, float],
    model: Model,
) -> list[Suspect]:
    """Return possible hidden faults: what symptoms name, and what several have in common."""
    named = _earlier(_named(symptoms, model), seen_since)
    known = {node for node, _ in named}
    common = _earlier(_in_common(unexplained, model).items(), seen_since)
    shared = [(node, below) for node, below in common if node not in known]
    found = [_suspect(node, said_by, model) for node, said_by in _ranked(named)]
    found += [_suspect(node, below, model, only=below) for node, below in _ranked(shared)]
    return [suspect for suspect in found if suspect is not None]


def _named(symptoms: Sequence[Evidence], model: Model) -> Iterator[Said]:
    """Yield what symptoms name, once for each time in which they do."""
    placed: dict[str, list[Placed]] = {}
    for symptom in symptoms:
        for node in supposable(symptom, model):
            if model.at(symptom.onset_s).graph.has(node):
                placed.setdefault(node, []).append((symptom, node))
    for node, pieces in placed.items():
        for burst in _bursts(pieces, model.settings.same_node_longest_s):
            yield node, [piece for piece, _ in burst]


def _bursts(pieces: Iterable[Placed], apart_s: float) -> list[list[Placed]]:
    """Return pieces by the times in which something goes on, or ended less than that ago.

    What comes back after more than ``apart_s`` seconds need not be the same fault.
    """
    bursts: list[list[Placed]] = []
    until_s = -math.inf
    for piece, place in sorted(pieces, key=lambda placed: (placed[0].order, placed[1])):
        if piece.onset_s - until_s > apart_s:
            bursts.append([])
        bursts[-1].append((piece, place))
        until_s = max(until_s, piece.last_seen_s)
    return bursts


def _earlier(said: Iterable[Said], seen_since: Mapping[str, float]) -> list[Said]:
    """Return those whose node had no symptoms when others began to speak of its trouble."""
    return [
        (node, said_by)
        for node, said_by in said
        if said_by[0].onset_s < seen_since.get(node, math.inf)
    ]


def _ranked(said: Iterable[Said]) -> list[Said]:
    """Return the nodes and times to try, those with most witnesses first."""
    ranked = sorted(said, key=lambda each: (-len(each[1]), each[0], each[1][0].order))
    return ranked[:MAX_SUPPOSED]


def _in_common(unexplained: Sequence[Evidence], model: Model) -> dict[str, list[Evidence]]:
    """Return what lies above several: six users on one machine, all their volumes on one backend.

    Named trouble counts where it is named: above the volumes that symptoms implicate, not above
    whoever says so.
    """
    below: dict[str, dict[str, list[Evidence]]] = {}
    for symptom in unexplained:
        graph = model.at(symptom.onset_s).graph
        for place in supposable(symptom, model) or (symptom.node,):
            for above in graph.above(place, symptom.cluster_nodes):
                below.setdefault(above, {}).setdefault(place, []).append(symptom)
    apart_s = model.settings.same_node_longest_s
    found = {above: _at_one_time(places, apart_s) for above, places in below.items()}
    return {above: witnesses for above, witnesses in found.items() if witnesses}


def _at_one_time(places: Mapping[str, Sequence[Evidence]], apart_s: float) -> list[Evidence]:
    """Return what came in the burst of most places, earliest first; nothing if they are too few.

    Trouble that comes back for hours, now here and now there, has nothing in common but the day.
    """
    placed = ((piece, place) for place, pieces in places.items() for piece in pieces)
    bursts = _bursts(placed, apart_s)
    widest = max(bursts, key=_places_of)
    return [piece for piece, _ in widest] if _places_of(widest) >= IN_COMMON else []


def _places_of(burst: Sequence[Placed]) -> int:
    return len({place for _, place in burst})


def _suspect(
    node: str,
    witnesses: Sequence[Evidence],
    model: Model,
    only: Sequence[Evidence] = (),
) -> Suspect | None:
    ways = [
        model.at(witness.onset_s).way(node, witness.node, witness.cluster_nodes)
        for witness in witnesses
    ]
    spans = [way.longest_s for way in ways if way is not None]
    if not spans:
        return None
    first = witnesses[0]
    until = max(witness.last_seen_s for witness in witnesses)
    fault = supposed(node, first.onset_s, until, max(spans) + first.unsure_s)
    return Suspect(fault, max(spans), frozenset(piece.id for piece in only))


@dataclass(frozen=True, slots=True)
class _Tried:
    """A suspect as one more state of the known forest."""

    log_odds: float
    """That the fault is real."""
    sets_off: Array
    set_off_by: Array
    alone: float

    def wider(self, known: Forest) -> Forest:
        """Return the forest if it is real."""
        return known.with_state(self.sets_off, self.set_off_by, self.alone)


class _Trial:
    """What is asked of a suspect again, each time that another fault has been supposed."""

    def __init__(self, suspect: Suspect, seen_since: Mapping[str, float], model: Model) -> None:
        fault = suspect.fault
        self.suspect = suspect
        self._model = model
        self._then = model.at(fault.onset_s)
        self._alone = self._then.background(fault.node)
        cost = self._alone * suspect.span_s
        self._offer = Offer(suspect, cost, seen_since, model)
        self._spared = tuple(_spared(suspect, self._then))
        self._offered: list[tuple[int, Offered]] = []
        """By position of the piece, for those that it may set off."""
        self._set_off_by: list[float] = []

    def tried(self, known: Explanation) -> _Tried:
        """Return what comes of supposing the fault.

        A fault that has many effects would have had them: each that it offers to explain was to be
        expected so many times on average, which is a price (the compensator of a point process).
        """
        self._look_at(known.pieces)
        forest = known.forest
        sets_off = np.zeros(len(known.pieces))
        expected = 0.0
        for at, offered in self._offered:
            sets_off[at], number = offered.beyond(float(forest.totals[at]))
            expected += number
        set_off_by = np.array(self._set_off_by)
        log_odds = forest.gain(sets_off, set_off_by, self._alone) + math.log(self.suspect.span_s)
        log_odds -= expected + self._missing(known.pieces)
        return _Tried(log_odds, sets_off, set_off_by, self._alone)

    def _look_at(self, pieces: Sequence[Evidence]) -> None:
        """Ask of the pieces that are new what they have to do with it."""
        fault = self.suspect.fault
        for at in range(len(self._set_off_by), len(pieces)):
            offered = self._offer.to(pieces[at])
            if offered is not None:
                self._offered.append((at, offered))
            self._set_off_by.append(self._then.rate(pieces[at], fault))

    def _missing(self, pieces: Sequence[Evidence]) -> float:
        """Return what speaks against a common cause: it, and parts next to it, show nothing.

        It is minus the logarithm of the chance that a fault leaves all of them alone.
        """
        if not self.suspect.only:
            return 0.0  # somebody has named it
        troubled = {piece.node for piece in pieces if not piece.is_whisper}
        spared = [strength for part, strength in self._spared if part not in troubled]
        hidden = [self._model.settings.same_node_strength] * self._times_unseen(pieces)
        return -sum(math.log1p(-min(SURE, strength)) for strength in (*spared, *hidden))

    def _times_unseen(self, pieces: Sequence[Evidence]) -> int:
        """Return how often the fault could have shown at its own node, and did not.

        One trouble at a node brings others there within a span (``same_node_longest_s``). Where
        somebody would see them, each span without any is one time.
        """
        fault, span_s = self.suspect.fault, self._model.settings.same_node_longest_s
        if not self._then.is_observed(fault.node):
            return 0
        own = [each for each in pieces if each.node == fault.node and not each.is_whisper]
        spans = 1 + int((fault.last_seen_s - fault.onset_s) / span_s)
        since = [fault.onset_s + number * span_s for number in range(spans)]
        return sum(
            all(each.last_seen_s < begin or each.onset_s > begin + span_s for each in own)
            for begin in since
        )


def _spared(suspect: Suspect, model: Likelihood) -> Iterator[tuple[str, float]]:
    """Yield the parts next to a common cause that would show its trouble, and how surely.

    Nobody named such a cause; it is thought of for its effects only, and these would be its
    effects, too.
    """
    node = suspect.fault.node
    for part in model.parts_below(node) if suspect.only else ():
        way = model.way(node, part)
        if way is not None:
            yield part, way.strength

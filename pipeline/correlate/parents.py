"""What may have set off what: rates between all active symptoms, kept per pair."""

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pipeline.correlate.background import Background
from pipeline.correlate.evidence import Evidence
from pipeline.correlate.forest import Array, Forest
from pipeline.correlate.learned import Memory
from pipeline.correlate.likelihood import Likelihood
from pipeline.correlate.overtime import Model
from pipeline.correlate.pairs import FIELDS, NODE, Pairs, Weighing, described
from pipeline.correlate.ways import NO_WAY, Numbering, Numbers, Ways, longer, wide

MEDIATED = 0.1
"""Factor on the rate of a cause whose way leads over another one that was seen."""

UNTOUCHED = 0.3
"""Factor on the rate of a cause whose way leads over a node that is looked at and shows nothing."""

MAX_WAYS = 65_536
"""Different ways that are remembered, some 300 B each, or twice as many as were in use when last
there were too many: all is then made anew."""

_FEW = 16

Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class _Row:
    """What may have set off one piece of evidence, as it goes into a forest."""

    causes: Numbers
    rates: Array
    alone: float


class Weights:
    """Trigger rates between all active symptoms.

    A rate is a function of its two ends (and of the machines that are known of their nodes), so a
    new or revised symptom touches only its own row and column. A thousand pieces have a million
    pairs, of 21 B, in arrays that double when they are full, and 16 B a pair of what is made of
    them for the forest: 37 MB.
    """

    def __init__(self, model: Model, memory: Memory | None = None) -> None:
        self.model = model
        self.background = Background(model, Memory() if memory is None else memory)
        self.evidence: dict[str, Evidence] = {}
        self._own_machines: dict[str, tuple[str, ...]] = {}
        """Machines that each piece names itself; one that names none has those of its
        neighbours."""
        self._most_ways = MAX_WAYS
        self._begin()

    def _begin(self) -> None:
        self._numbers = Numbering()
        self._by_number: dict[int, Evidence] = {}
        self._pieces = np.zeros((FIELDS, _FEW))
        self._potential = np.zeros((_FEW, _FEW))
        """By effect and cause; 0 where it did not set it off."""
        self._dose = np.zeros((_FEW, _FEW))
        self._way = np.zeros((_FEW, _FEW), dtype=np.int32)
        self._linked = np.zeros((_FEW, _FEW), dtype=bool)
        """Whether one of two may have set off the other."""
        self._rows: dict[int, _Row] = {}
        """What is made of the causes of a piece, until one of them is another."""
        self._nodes = Numbering()
        self._at: dict[str, set[int]] = {}
        """Numbers of the pieces at a node."""
        self._naming: dict[str, set[int]] = {}
        """Numbers of the pieces that implicate a node."""
        self._whispers = np.zeros(_FEW, dtype=bool)
        self._graph = np.zeros(_FEW, dtype=np.intp)
        """By piece: the number of the graph that held at its onset."""
        self._weighing: dict[int, Weighing] = {}
        """By graph."""

    def put(self, new: Evidence) -> None:
        """Add a piece of evidence, or replace its former revision."""
        self._drop(new.id)
        self._own_machines[new.id] = new.cluster_nodes
        neighbours = [self._by_number[other] for other in self._at.get(new.node, ())]
        machines = {*new.cluster_nodes}.union(*(self._own_machines[o.id] for o in neighbours))
        for piece in (*neighbours, new):
            known = self._own_machines[piece.id] or tuple(sorted(machines))
            if piece is new:
                changed = known != new.cluster_nodes
                self._place(replace(new, cluster_nodes=known) if changed else new)
            elif known != piece.cluster_nodes:
                self._place(replace(piece, cluster_nodes=known))
        ways = sum(len(one.ways.between) for one in self._weighing.values())
        if ways > self._most_ways:
            self._make_anew()

    def _make_anew(self) -> None:
        """Forget all ways but those in use."""
        known = [*self.evidence.values()]
        self._begin()
        for piece in known:
            self._place(piece)
        ways = sum(len(one.ways.between) for one in self._weighing.values())
        self._most_ways = max(MAX_WAYS, 2 * ways)

    def _place(self, new: Evidence) -> None:
        """Put a piece among the others, in place of what had its id."""
        own_machines = self._own_machines[new.id]
        self._drop(new.id)
        self._own_machines[new.id] = own_machines
        self.evidence[new.id] = new
        number = self._enter(new)
        if self.model.family(new.node):
            self._weigh(number, new.node)

    def _enter(self, new: Evidence) -> int:
        """Give a piece a number, and room; return the number."""
        number = self._numbers.take(new.id)
        self._make_room(number)
        self._by_number[number] = new
        self._at.setdefault(new.node, set()).add(number)
        for named in new.implicated:
            self._naming.setdefault(named, set()).add(number)
        graph = bisect_right(self.model.changes_s, new.onset_s)
        model = self.model.at(new.onset_s)
        self._pieces[:, number] = described(new, model, self._nodes.take(new.node))
        self._whispers[number] = new.is_whisper
        self._graph[number] = graph
        for one in self._weighing.values():
            one.ways.put(number, new)
        if graph not in self._weighing:
            ways = Ways(model, self._by_number, len(self._graph))
            for other, piece in self._by_number.items():
                ways.put(other, piece)
            self._weighing[graph] = Weighing(ways, self.model.settings)
        return number

    def _make_room(self, number: int) -> None:
        if number < len(self._graph):
            return
        self._pieces, self._graph = longer(self._pieces, number), wide(self._graph, number)
        self._potential, self._dose = wide(self._potential, number), wide(self._dose, number)
        self._way, self._linked = wide(self._way, number), wide(self._linked, number)
        self._whispers = wide(self._whispers, number)

    def _weigh(self, number: int, node: str) -> None:
        """Find the rates of a new piece: what may have set it off, and what it may have."""
        own = int(self._graph[number])
        weighing = self._weighing[own]
        into = weighing.ways.into(number, node, self._at)
        found = weighing.causes_of(number, into, self._pieces)
        self._potential[number, found.others] = found.potentials
        self._dose[number, found.others] = found.doses
        self._way[number, found.others] = found.ways
        self._link(number, found)
        for graph, one in self._weighing.items():
            out_of = one.ways.out_of(number, node, self._at)
            if len(self._weighing) > 1:  # what is there has a row by the graph of its own onset
                out_of[self._graph != graph] = NO_WAY
            found = one.effects_of(number, out_of, self._pieces)
            self._potential[found.others, number] = found.potentials
            self._dose[found.others, number] = found.doses
            self._way[found.others, number] = found.ways
            self._link(number, found)
            self._forget_rows(found.others)

    def forget_rows_since(self, onset_s: float) -> None:
        """Make the rates of what began at or after a time anew: its background is another."""
        later = [n for n, piece in self._by_number.items() if piece.onset_s >= onset_s]
        self._forget_rows(np.array(later, dtype=np.intp))

    def _forget_rows(self, effects: Numbers) -> None:
        for effect in effects.tolist() if self._rows else ():
            self._rows.pop(effect, None)

    def _link(self, number: int, found: Pairs) -> None:
        self._linked[number, found.others] = True
        self._linked[found.others, number] = True

    def remove(self, evidence_id: str) -> None:
        """Forget a piece of evidence, and what its neighbours know from it."""
        gone = self.evidence.get(evidence_id)
        self._drop(evidence_id)
        if gone is not None and gone.cluster_nodes:
            for piece in [self._by_number[other] for other in self._at.get(gone.node, ())]:
                self.put(replace(piece, cluster_nodes=self._own_machines[piece.id]))

    def _drop(self, evidence_id: str) -> None:
        gone = self.evidence.pop(evidence_id, None)
        if gone is None:
            return
        del self._own_machines[evidence_id]
        number = self._numbers[evidence_id]
        self._numbers.leave(evidence_id)
        self._nodes.leave(gone.node)
        del self._by_number[number]
        for named in gone.implicated:
            _discard(self._naming, named, number)
        _discard(self._at, gone.node, number)
        for one in self._weighing.values():
            one.ways.drop(number, gone)
        self._rows.pop(number, None)
        self._forget_rows(self._potential[:, number].nonzero()[0])
        self._potential[number] = self._potential[:, number] = 0.0
        self._linked[number] = self._linked[:, number] = False

    def component(self, evidence_id: str, enough: int | None = None) -> list[str]:
        """Return the ids of what may have to do with a piece, however indirectly, in order.

        The search stops when there are ``enough``, or more.
        """
        number = self._numbers[evidence_id]
        found = np.zeros(len(self._graph), dtype=bool)
        found[number] = True
        front, count = [number], 1
        while front and (enough is None or count < enough):
            new = np.flatnonzero(self._beside(front.pop()) & ~found)
            found[new] = True
            count += len(new)
            front += new.tolist()
        return sorted(self._by_number[each].id for each in np.flatnonzero(found).tolist())

    def _beside(self, number: int) -> Flags:
        """Tell which pieces may have to do with one: effects, causes, and what names the same node.

        Whispers have to do with what is more than a whisper, and not with each other.
        """
        mine = self._by_number[number]
        found: Flags = self._linked[number].copy()
        if mine.implicated or mine.node in self._naming:
            alike = set().union(*(self._naming.get(n, ()) for n in (mine.node, *mine.implicated)))
            alike.update(*(self._at.get(named, ()) for named in mine.implicated))
            for other in alike - {number}:
                found[other] |= self._at_one_time(mine, self._by_number[other])
        if mine.is_whisper:
            found &= ~self._whispers
        return found

    def forest(self, pieces: Sequence[Evidence]) -> Forest:
        """Return the rates between some of the symptoms, in the given order."""
        numbers = [self._numbers[piece.id] for piece in pieces]
        position = np.full(len(self._graph), -1, dtype=np.intp)
        position[numbers] = np.arange(len(numbers))
        rates = np.zeros((len(pieces), len(pieces)))
        alone = np.zeros(len(pieces))
        for at, (number, piece) in enumerate(zip(numbers, pieces, strict=True)):
            known = self._rows.get(number)
            if known is None:
                known = self._rows[number] = self._row(number, piece)
            alone[at] = known.alone
            positions = position[known.causes]
            here = positions >= 0
            rates[at, positions[here]] = known.rates[here]
        return Forest(rates, alone)

    def _row(self, number: int, piece: Evidence) -> _Row:
        """Return the rates at which others set off a piece, and that at which it came by itself.

        A symptom that names a node with strength s came from there with probability s at least, if
        there is trouble there: all that it does not name shares the rest.
        """
        model = self.model.at(piece.onset_s)
        causes = self._potential[number].nonzero()[0]
        doses = self._dose[number, causes]
        potentials = self._direct(number, causes, piece, model)
        often = self.background.factor(piece)
        alone = often * model.alone(piece) + model.unaccounted(piece, potentials, doses)
        rates = potentials * doses
        if not piece.implicated or not len(causes):
            return _Row(causes, rates, alone)
        weighing = self._weighing[int(self._graph[number])]
        said = weighing.named(number, causes, self._way[number, causes], self._pieces)
        names = said > 0.0
        named = math.fsum(rates[names])  # exact, so that it does not matter what came first
        if named <= 0.0:
            return _Row(causes, rates, alone)
        others = alone + math.fsum(rates[~names])
        most = float(said.max())
        share = min(1.0, named * (1.0 - most) / (most * others))
        return _Row(causes, np.where(names, rates, rates * share), alone * share)

    def _direct(self, number: int, causes: Numbers, piece: Evidence, model: Likelihood) -> Array:
        """Return the potentials of causes; what came by way of another node counts less.

        Where a node between has trouble that may be the cause, it is asked for its own causes.
        Where it has none, though it would be seen, little came by it.
        """
        potentials: Array = self._potential[number, causes]
        if not len(causes):
            return potentials
        ways = self._way[number, causes]
        potentials = potentials * self._factors(number, piece, model)[ways]
        nodes = self._pieces[NODE, causes]
        by_node = np.argsort(nodes, kind="stable")
        first = np.flatnonzero(np.diff(nodes[by_node], prepend=-1))
        if len(first) == len(causes):
            return potentials
        shared = np.empty_like(potentials)
        shared[by_node] = _once_a_node(potentials[by_node], first)
        return shared

    def _factors(self, number: int, piece: Evidence, model: Likelihood) -> Array:
        """Return the factors for the nodes on the ways to a piece, by way."""
        between = self._weighing[int(self._graph[number])].ways.between
        row = self._potential[number]
        used = np.zeros(len(between), dtype=bool)
        used[self._way[number, row > 0.0]] = True
        factors = np.ones(len(between))
        for way in np.flatnonzero(used).tolist():
            on_it = between[way]
            seen = (self._at.get(node) for node in on_it if node != piece.node)
            if any(pieces and row[[*pieces]].any() for pieces in seen):
                factors[way] = MEDIATED
            elif any(map(model.is_observed, on_it)):
                factors[way] = UNTOUCHED
        return factors

    def _at_one_time(self, one: Evidence, other: Evidence) -> bool:
        """Tell whether one fault, that one speaks of, may be behind both."""
        apart = max(one.onset_s, other.onset_s) - min(one.last_seen_s, other.last_seen_s)
        return apart <= self.model.settings.same_node_longest_s


def _once_a_node(potentials: Array, first: Numbers) -> Array:
    """Share out among a node's symptoms what its trouble sets off.

    They tell of one trouble: however many they are, together they set off what the likeliest of
    them would alone. ``first`` is where each node's potentials begin.
    """
    each = potentials.tolist()
    counts = np.diff(first, append=len(each))
    shares = np.ones(len(first))
    for position in np.flatnonzero(counts > 1).tolist():
        begin = int(first[position])
        several = each[begin : begin + int(counts[position])]
        total = math.fsum(several)  # exact: the order does not matter
        if total > 0.0:
            shares[position] = max(several) / total
    return potentials * np.repeat(shares, counts)


def _discard(numbers: dict[str, set[int]], key: str, number: int) -> None:
    numbers[key].discard(number)
    if not numbers[key]:
        del numbers[key]

"""What may have set off what: rates between all active symptoms, kept per pair."""

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from pipeline.correlate.background import Background
from pipeline.correlate.direct import Places, direct
from pipeline.correlate.evidence import Evidence
from pipeline.correlate.forest import Array, Forest
from pipeline.correlate.learned import Memory
from pipeline.correlate.overtime import Model
from pipeline.correlate.pairs import FIELDS, NODE, Pairs, Weighing, described
from pipeline.correlate.ways import NO_STOP, NO_WAY, Numbering, Numbers, Ways, longer, wide

MAX_WAYS = 65_536
"""Different ways that are remembered, some 300 B each, or twice as many as were in use when last
there were too many: all is then made anew."""

_FEW = 16

_AT_ONCE = 64
"""Pieces whose causes are gone through at once: with a thousand each, some 4 MB."""

Flags = NDArray[np.bool_]


class Weights:
    """Trigger rates between all active symptoms.

    A rate is a function of its two ends (and of the machines that are known of their nodes), so a
    new or revised symptom touches only its own row and column. A thousand pieces have a million
    pairs, of 29 B, in arrays that double when they are full: 30 MB.
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
        self._way: Numbers = np.zeros((_FEW, _FEW), dtype=np.int32)
        self._linked = np.zeros((_FEW, _FEW), dtype=bool)
        """Whether one of two may have set off the other."""
        self._rates = np.zeros((_FEW, _FEW))
        """What is made of the potentials and doses of a piece, its row, for the forest."""
        self._alone = np.zeros(_FEW)
        self._is_made = np.zeros(_FEW, dtype=bool)
        """By piece: whether the two above are up to date, until one of its causes is another."""
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
        self._rates, self._alone = wide(self._rates, number), wide(self._alone, number)
        self._whispers = wide(self._whispers, number)
        self._is_made = wide(self._is_made, number)

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
            self._is_made[found.others] = False

    def forget_rows_since(self, onset_s: float) -> None:
        """Make the rates of what began at or after a time anew: its background is another."""
        later = [n for n, piece in self._by_number.items() if piece.onset_s >= onset_s]
        self._is_made[later] = False

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
        self._is_made[number] = False
        self._is_made[self._potential[:, number] > 0.0] = False
        self._potential[number] = self._potential[:, number] = 0.0
        self._linked[number] = self._linked[:, number] = False

    def component(self, evidence_id: str) -> list[str]:
        """Return the ids of what may have to do with a piece, however indirectly, in order."""
        found = np.zeros(len(self._graph), dtype=bool)
        front = [self._numbers[evidence_id]]
        while front:
            found[front] = True
            front = np.flatnonzero(self._beside_any(front) & ~found).tolist()
        return self._ids(found)

    def near(self, evidence_id: str, enough: int) -> list[str]:
        """Return ids of the component of a piece, in order: all, or ``enough`` of it, or more."""
        number = self._numbers[evidence_id]
        found = np.zeros(len(self._graph), dtype=bool)
        found[number] = True
        front, count = [number], 1
        while front and count < enough:
            new = np.flatnonzero(self._beside(front.pop()) & ~found)
            found[new] = True
            count += len(new)
            front += new.tolist()
        return self._ids(found)

    def _ids(self, found: Flags) -> list[str]:
        return sorted(self._by_number[each].id for each in np.flatnonzero(found).tolist())

    def _beside_any(self, numbers: Sequence[int]) -> Flags:
        """Tell which pieces may have to do with any of some (see ``_beside``)."""
        those = np.array(numbers, dtype=np.intp)
        weak = self._whispers[those]
        found: Flags = np.asarray(self._linked[those[~weak]].any(axis=0))
        found |= np.asarray(self._linked[those[weak]].any(axis=0)) & ~self._whispers
        for number in filter(self._is_named, numbers):
            found |= self._beside(number)
        return found

    def _is_named(self, number: int) -> bool:
        """Tell whether a piece names nodes, or others name its own."""
        mine = self._by_number[number]
        return bool(mine.implicated) or mine.node in self._naming

    def _beside(self, number: int) -> Flags:
        """Tell which pieces may have to do with one: effects, causes, and what names the same node.

        Whispers have to do with what is more than a whisper, and not with each other.
        """
        mine = self._by_number[number]
        found: Flags = self._linked[number].copy()
        if self._is_named(number):
            alike = set().union(*(self._naming.get(n, ()) for n in (mine.node, *mine.implicated)))
            alike.update(*(self._at.get(named, ()) for named in mine.implicated))
            for other in alike - {number}:
                found[other] |= self._at_one_time(mine, self._by_number[other])
        if mine.is_whisper:
            found &= ~self._whispers
        return found

    def forest(self, pieces: Sequence[Evidence]) -> Forest:
        """Return the rates between some of the symptoms, in the given order."""
        numbers = np.array([self._numbers[piece.id] for piece in pieces], dtype=np.intp)
        self._make_rows(numbers[~self._is_made[numbers]])
        return Forest(self._rates[np.ix_(numbers, numbers)], self._alone[numbers])

    def _make_rows(self, numbers: Numbers) -> None:
        """Bring up to date at which rates pieces are set off, and come by themselves."""
        graphs = self._graph[numbers]
        for graph in np.unique(graphs).tolist():
            weighing, own = self._weighing[graph], numbers[graphs == graph]
            stops = np.full(len(self._graph), NO_STOP, dtype=np.intp)
            for number, piece in self._by_number.items():
                stops[number] = weighing.ways.stops.get(piece.node, NO_STOP)
            for begin in range(0, len(own), _AT_ONCE):
                self._make(own[begin : begin + _AT_ONCE], stops, weighing)

    def _make(self, numbers: Numbers, stops: Numbers, weighing: Weighing) -> None:
        places = Places(self._pieces[NODE].astype(np.intp), stops, stops[numbers])
        found = direct(self._potential[numbers], self._way[numbers], places, weighing.ways)
        doses = self._dose[numbers]
        self._rates[numbers] = found * doses
        for at, number in enumerate(numbers.tolist()):
            self._alone[number] = self._came_alone(number, found[at], doses[at])
            if self._by_number[number].implicated:
                self._weigh_named(number, weighing)
        self._is_made[numbers] = True

    def _came_alone(self, number: int, potentials: Array, doses: Array) -> float:
        piece = self._by_number[number]
        model = self.model.at(piece.onset_s)
        alone = max(self.background.factor(piece) * model.alone(piece), piece.recurs_per_s)
        if piece.amount is None:
            return alone
        causes = potentials.nonzero()[0]
        return alone + model.unaccounted(piece, potentials[causes], doses[causes])

    def _weigh_named(self, number: int, weighing: Weighing) -> None:
        """Weigh the causes of a piece that names nodes.

        What names a node with strength s came from there with probability s at least, if there is
        trouble there: all that it does not name shares the rest.
        """
        causes = self._potential[number].nonzero()[0]
        if not len(causes):
            return
        said = weighing.named(number, causes, self._way[number, causes], self._pieces)
        names, rates = said > 0.0, self._rates[number, causes]
        named = math.fsum(rates[names])  # exact, so that it does not matter what came first
        if named <= 0.0:
            return
        others = float(self._alone[number]) + math.fsum(rates[~names])
        most = float(said.max())
        share = min(1.0, named * (1.0 - most) / (most * others))
        self._rates[number, causes] = np.where(names, rates, rates * share)
        self._alone[number] *= share

    def _at_one_time(self, one: Evidence, other: Evidence) -> bool:
        """Tell whether one fault, that one speaks of, may be behind both."""
        apart = max(one.onset_s, other.onset_s) - min(one.last_seen_s, other.last_seen_s)
        return apart <= self.model.settings.same_node_longest_s


def _discard(numbers: dict[str, set[int]], key: str, number: int) -> None:
    numbers[key].discard(number)
    if not numbers[key]:
        del numbers[key]

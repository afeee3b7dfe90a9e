"""Which way leads from each piece of evidence to another: one number a way, for all at once.

What ``Likelihood.hop`` tells of a pair is here told of one piece and all others, in arrays. Between
two families of nodes it is mostly the same way whatever the names (``topology.usual``). Exceptions
are asked for one by one, and so is everything between families that have no usual way.
"""

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.correlate.evidence import Evidence
from pipeline.correlate.likelihood import Hop, Likelihood

NO_WAY, ASK = -1, -2
NO_STOP = 0

Numbers = NDArray[np.intp]

STRENGTH, TYPICAL_S, LONGEST_S = range(3)
"""What is known of each way: rows of the table."""

_NO_FAMILY = 0
_FEW = 16


class Numbering:
    """The least numbers for things that come and go."""

    def __init__(self, first: int = 0) -> None:
        """Begin with a number."""
        self._next = first
        self._free: list[int] = []
        self._numbers: dict[Hashable, int] = {}
        self._times: dict[Hashable, int] = {}

    def take(self, thing: Hashable) -> int:
        """Return the number of a thing, which is taken once more."""
        number = self._numbers.get(thing)
        if number is None:
            number = self._free.pop() if self._free else self._next
            self._next = max(self._next, number + 1)
            self._numbers[thing] = number
        self._times[thing] = self._times.get(thing, 0) + 1
        return number

    def leave(self, thing: Hashable) -> bool:
        """Let a thing go, once; tell whether it is gone, and its number free."""
        self._times[thing] -= 1
        if self._times[thing]:
            return False
        del self._times[thing]
        self._free.append(self._numbers.pop(thing))
        return True

    def __getitem__(self, thing: Hashable) -> int:
        """Return the number of a thing that has one."""
        return self._numbers[thing]


def wide(array: NDArray[Any], number: int, fill: float = 0) -> NDArray[Any]:
    """Return a vector or square with room for a number on each axis, doubled until it has."""
    return array if number < len(array) else _doubled(array, number, array.shape, fill)


def longer(array: NDArray[Any], number: int) -> NDArray[Any]:
    """Return the array with room for a number in each row, doubled until it has."""
    return array if number < array.shape[1] else _doubled(array, number, array.shape[1:], 0)


def _doubled(array: NDArray[Any], number: int, axes: tuple[int, ...], fill: float) -> NDArray[Any]:
    """Return the array with its last axes doubled until they have room for a number."""
    size = axes[-1]
    while number >= size:
        size *= 2
    kept = array.shape[: array.ndim - len(axes)]
    grown = np.full(kept + (size,) * len(axes), fill, dtype=array.dtype)
    grown[tuple(slice(length) for length in array.shape)] = array
    return grown


class Ways:
    """The ways of one graph between the pieces that are there, each at its number (``put``)."""

    def __init__(self, model: Likelihood, pieces: Mapping[int, Evidence], size: int) -> None:
        """Begin with no piece taken in, and with room for the first ``size``."""
        self._model = model
        self._pieces = pieces
        """By number; the owner's, who changes it."""
        self.table = np.zeros((3, _FEW))
        """Strength and delays of each way, by its number."""
        self.between: list[tuple[str, ...]] = []
        """The nodes between its ends."""
        self.stops: dict[str, int] = {}
        """Numbers of the nodes that are between the ends of any way, from 1 on."""
        self.stops_on = np.full((max(1, model.graph.hops - 1), _FEW), NO_STOP, dtype=np.intp)
        """By way, in columns: the numbers of the nodes between its ends."""
        self.looked_at = np.zeros(_FEW, dtype=bool)
        """By way: whether trouble of a node between its ends would be seen."""
        self._known: dict[tuple[object, ...], int] = {}
        self._families = Numbering(first=_NO_FAMILY + 1)
        self._present: dict[str, int] = {}
        """Templates that pieces are of, with their numbers."""
        self._usual = np.full((_FEW, _FEW), NO_WAY, dtype=np.intp)
        """Way by effect's and cause's family."""
        self._family = np.full(size, _NO_FAMILY, dtype=np.intp)
        """By piece."""
        self.prior = np.ones(size)
        """By piece: the factor on what trouble of its node's kind sets off."""
        self._exceptions: dict[int, frozenset[str]] = {}
        """By piece: nodes that have another way to it than their families."""
        self._excepts: dict[str, set[int]] = {}
        """By node: the pieces that it is an exception for."""
        self._same_node = self._number_of(model.same_node)

    def put(self, number: int, piece: Evidence) -> None:
        """Take a piece in; no other has its number."""
        self._family = wide(self._family, number)
        self.prior = wide(self.prior, number)
        self.prior[number] = self._model.cause_prior(piece)
        family = self._model.family(piece.node)
        self._family[number] = self._enter(family) if family else _NO_FAMILY
        found = self._model.excepted(piece.node, piece.cluster_nodes)
        self._exceptions[number] = found
        for node in found:
            self._excepts.setdefault(node, set()).add(number)

    def drop(self, number: int, piece: Evidence) -> None:
        """Let a piece go."""
        self._family[number] = _NO_FAMILY
        family = self._model.family(piece.node)
        if family and self._families.leave(family):
            del self._present[family]
        for node in self._exceptions.pop(number):
            self._excepts[node].discard(number)
            if not self._excepts[node]:
                del self._excepts[node]

    def into(self, effect: int, node: str, at: Mapping[str, set[int]]) -> Numbers:
        """Return the ways from each piece to one, at a node; ``at`` are the pieces of each node.

        Where it says ``ASK``, ``between_two`` tells.
        """
        found: Numbers = self._usual[self._family[effect]][self._family]
        for other in self._exceptions[effect]:
            if other in at:
                found[[*at[other]]] = ASK
        found[[*at[node]]] = self._same_node
        found[effect] = NO_WAY
        return found

    def out_of(self, cause: int, node: str, at: Mapping[str, set[int]]) -> Numbers:
        """Return the ways from one piece, at a node, to each (see ``into``)."""
        found: Numbers = self._usual[:, self._family[cause]][self._family]
        if node in self._excepts:
            found[[*self._excepts[node]]] = ASK
        found[[*at[node]]] = self._same_node
        found[cause] = NO_WAY
        return found

    def between_two(self, cause: int, effect: int) -> int:
        """Return the way from one piece to another."""
        return self._number_of(self._model.hop(self._pieces[cause], self._pieces[effect]))

    def piece(self, number: int) -> Evidence:
        """Return the piece of a number."""
        return self._pieces[number]

    def _enter(self, family: str) -> int:
        """Take one more piece of a family; return the family's number."""
        number = self._families.take(family)
        if family not in self._present:
            self._usual = wide(self._usual, number, NO_WAY)
            self._usual[number] = self._usual[:, number] = NO_WAY
            self._present[family] = number
            for other in self._model.reach(family):
                at = self._present.get(other)
                if at is not None:
                    self._usual[number, at] = self._usual_of(other, family)
                    self._usual[at, number] = self._usual_of(family, other)
        return number

    def _usual_of(self, cause_family: str, effect_family: str) -> int:
        hop, asks = self._model.usual(cause_family, effect_family)
        return ASK if asks else self._number_of(hop)

    def _number_of(self, hop: Hop | None) -> int:
        if hop is None:
            return NO_WAY
        told = (hop.strength, hop.typical_s, hop.longest_s)
        way = (*told, hop.nodes[1:-1])
        number = self._known.get(way)
        if number is None:
            number = self._known[way] = len(self.between)
            self.table = longer(self.table, number)
            self.table[:, number] = told
            self._note(number, hop.nodes[1:-1])
        return number

    def _note(self, number: int, between: tuple[str, ...]) -> None:
        """Take note of the nodes between the ends of a new way."""
        self.between.append(between)
        self.stops_on = longer(self.stops_on, number)
        self.looked_at = wide(self.looked_at, number)
        for position, node in enumerate(between):
            stop = self.stops.setdefault(node, len(self.stops) + 1)
            self.stops_on[position, number] = stop
        self.looked_at[number] = any(map(self._model.is_observed, between))

"""How readily causes set off pieces of evidence directly: many pieces and all their causes at once.

In: how readily they would if nothing else had trouble. What came by way of another node counts less
where that node has trouble of its own (it is asked for its own causes), or shows nothing though it
would be seen. And all the symptoms of a node tell of one trouble.
"""

from typing import NamedTuple

import numpy as np

from pipeline.correlate.forest import Array
from pipeline.correlate.ways import NO_STOP, Numbers, Ways

MEDIATED = 0.1
"""Factor on the rate of a cause whose way leads over another one that was seen."""

UNTOUCHED = 0.3
"""Factor on the rate of a cause whose way leads over a node that is looked at and shows nothing."""


_BITS, _LEAST = 48, -900
"""Sums have so many binary digits, which leaves room for 32 thousand symptoms of a node; what is
below two to the power of the second is nothing."""


class Places(NamedTuple):
    """Where pieces are: those that may be causes, and those that they may have set off."""

    nodes: Numbers
    """Of the causes."""
    stops: Numbers
    """The same, by their numbers as nodes on ways (``Ways.stops``)."""
    own: Numbers
    """The stops of the others."""


def direct(potentials: Array, way: Numbers, places: Places, ways: Ways) -> Array:
    """Return the potentials of the causes (columns) of each piece (row); 0 where it is none.

    Go in: the potentials if nothing else had trouble, and by which way.
    """
    found = potentials * _factors(potentials, way, places, ways)
    _share(found, places.nodes)
    return found


def _factors(potentials: Array, way: Numbers, places: Places, ways: Ways) -> Array:
    """Return the factors for the nodes on the ways; a piece's own node is not in between."""
    may = potentials > 0.0
    pieces = np.arange(len(places.own))
    on_ways = np.flatnonzero(places.stops != NO_STOP)
    piece, cause = may[:, on_ways].nonzero()
    troubled = np.zeros((len(ways.stops) + 1, len(pieces)), dtype=bool)
    troubled[places.stops[on_ways[cause]], piece] = True
    troubled[places.own, pieces] = troubled[NO_STOP] = False
    taken = np.where(may, way, 0)
    some, position = _numbered(taken, len(ways.between))
    mediated = troubled[ways.stops_on[:, some]].any(axis=0)
    untouched = np.where(ways.looked_at[some], UNTOUCHED, 1.0)
    factors = np.where(mediated, MEDIATED, untouched[:, np.newaxis])
    found: Array = factors[position[taken], pieces[:, np.newaxis]]
    return found


def _numbered(taken: Numbers, size: int) -> tuple[Numbers, Numbers]:
    """Return the different values, all below a size, and for each of them its position there."""
    used = np.zeros(size, dtype=bool)
    used[taken] = True
    return np.flatnonzero(used), np.cumsum(used) - 1


def _share(potentials: Array, nodes: Numbers) -> None:
    """Share out among a node's symptoms what its trouble sets off.

    They tell of one trouble: however many they are, together they set off what the likeliest of
    them would alone. They are summed in whole parts of the likeliest, so that it does not matter in
    which order.
    """
    by_node = np.argsort(nodes, kind="stable")
    begins = np.flatnonzero(np.diff(nodes[by_node], prepend=-1))
    counts = np.diff(begins, append=len(nodes))
    several = counts > 1
    columns, counts = by_node[np.repeat(several, counts)], counts[several]
    if not len(columns):
        return
    begins = np.cumsum(counts) - counts
    part = potentials[:, columns]
    most = np.maximum.reduceat(part, begins, axis=1)
    unit = np.ldexp(1.0, np.maximum(np.frexp(most)[1], _LEAST) - _BITS)
    whole = (part / np.repeat(unit, counts, axis=1)).astype(np.int64)
    totals = np.add.reduceat(whole, begins, axis=1) * unit
    several = np.add.reduceat(part > 0.0, begins, axis=1, dtype=np.intp) > 1
    shares = np.divide(most, totals, out=np.ones(most.shape), where=several & (totals > 0.0))
    potentials[:, columns] = part * np.repeat(shares, counts, axis=1)

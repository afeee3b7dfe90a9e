"""Which symptoms are explained together: those whose roots are probably the same fault; pure.

Every symptom begins with those that have the same likeliest fault. Then the two groups whose mean
distributions overlap most become one, as long as that is ``join_at`` or more (centroid linkage,
with an overlap for a distance: Sokal & Michener, 1958). The overlap of two distributions is the
greatest probability with which both can go back to the same fault.

Means, and not any two symptoms: where two faults hit the same users in the same minutes, some
symptoms may have come of either, and a chain of these leads from what surely came of the one to
what surely came of the other, each link of it likely enough.
"""

from collections.abc import Sequence

import numpy as np

from pipeline.correlate.forest import Array, Positions

_DIGITS = 9
"""Overlaps that differ by less are equal: the first groups come first."""

_LIKELY = 0.01
"""Probability of a fault from which it goes into a bound by itself."""


def joined(
    roots: Array, fault_of: Sequence[int], weights: Array, join_at: float
) -> list[list[int]]:
    """Return groups of rows that probably go back to the same fault, each in order.

    ``roots[j, k]`` is the probability that the root of symptom *j* is piece *k*, the first of which
    are the symptoms; ``fault_of`` is the fault of each column, ``weights`` what each row counts for
    in a mean. A group that is not itself a root (less than ``1 - join_at`` of its roots are inside)
    then joins where most of them are.
    """
    size = len(roots)
    leader = _agglomerated(_by_fault(roots, fault_of), weights, join_at)
    _house(roots[:, :size], leader, at_home=1.0 - join_at)
    groups: dict[int, list[int]] = {}
    for row, head in enumerate(leader.tolist()):
        groups.setdefault(head, []).append(row)
    return list(groups.values())


def _by_fault(roots: Array, fault_of: Sequence[int]) -> Array:
    """Return the probability of each fault (columns, in order of their numbers)."""
    columns: dict[int, list[int]] = {}
    for column, number in enumerate(fault_of):
        columns.setdefault(number, []).append(column)
    ranked = [columns[number] for number in sorted(columns)]
    summed = roots[:, [first for first, *_ in ranked]]
    for position, (_, *more) in enumerate(ranked):
        for column in more:
            summed[:, position] += roots[:, column]
    return summed


def _agglomerated(by_fault: Array, weights: Array, join_at: float) -> Positions:
    """Return for each row the first row of its group."""
    likeliest = by_fault.argmax(axis=1)
    groups = [np.flatnonzero(likeliest == fault) for fault in dict.fromkeys(likeliest.tolist())]
    leader = np.empty(len(by_fault), dtype=np.intp)
    for rows in groups:
        leader[rows] = rows[0]
    heads = [int(rows[0]) for rows in groups]  # in order, as the groups are
    mass = np.array([weights[rows].sum() for rows in groups])
    means = np.array([weights[rows] @ by_fault[rows] for rows in groups]) / mass[:, None]
    overlaps = _overlaps(means, join_at)
    while len(heads) > 1:
        one, other = divmod(int(overlaps.argmax()), len(heads))
        if overlaps[one, other] < join_at:
            break
        leader[leader == heads[other]] = heads[one]
        both = mass[one] + mass[other]
        means[one] = (means[one] * mass[one] + means[other] * mass[other]) / both
        mass[one] = both
        del heads[other]
        means, mass = np.delete(means, other, axis=0), np.delete(mass, other)
        overlaps = np.delete(np.delete(overlaps, other, axis=0), other, axis=1)
        overlaps[one, one + 1 :] = _overlap(means[one], means[one + 1 :])
        overlaps[:one, one] = _overlap(means[one], means[:one])
    return leader


def _overlaps(means: Array, join_at: float) -> Array:
    """Return the overlap of each group with each later one; 0 where it is sure to be too small.

    Two groups with different likeliest faults, of probability p and q, share 2 - p - q at most: of
    either fault what the other group leaves for it.
    """
    size, enough = len(means), join_at - 10.0**-_DIGITS
    found = np.zeros((size, size))
    columns = np.ascontiguousarray(means.T)
    left = 1.0 - means.max(axis=1)
    for row in range(size):
        near = row + 1 + np.flatnonzero(left[row] + left[row + 1 :] >= enough)
        if len(near):
            near = near[_at_most(columns, row, near) >= enough]
        if len(near):
            found[row, near] = _overlap(means[row], means[near])
    return found


def _at_most(columns: Array, row: int, others: Positions) -> Array:
    """Return what the overlaps of one group with others can be at most.

    Its likely faults are looked at, a hundred at the very most; what it has besides, it may share.
    """
    own = columns[:, row]
    likely = np.flatnonzero(own >= _LIKELY)
    besides = float(own[own < _LIKELY].sum())
    shared = np.minimum(own[likely, None], columns[np.ix_(likely, others)]).sum(axis=0)
    return np.asarray(shared + besides, dtype=np.float64)


def _overlap(one: Array, others: Array) -> Array:
    return np.asarray(np.minimum(one, others).sum(axis=1).round(_DIGITS), dtype=np.float64)


def _house(roots: Array, leader: Positions, at_home: float) -> None:
    for head in dict.fromkeys(leader.tolist()):
        found = roots[leader == head].mean(axis=0)
        if float(found[leader == head].sum()) >= at_home:
            continue
        by_group = {other: float(found[leader == other].sum()) for other in set(leader.tolist())}
        favourite = max(sorted(by_group), key=by_group.__getitem__)
        if by_group[favourite] >= at_home:
            leader[leader == head] = favourite

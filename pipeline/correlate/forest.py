"""Which came from which, over all possibilities at once: forests of parents.

Every state either came by itself or has one parent, without going round in circles: a forest, whose
weight is the product of its rates. With w(k→j) the rate at which *k* sets off *j*, and w(∅→j) that
at which *j* comes by itself, let

    A = diag(w(∅→j) + Σ_k w(k→j)) − w

Then the weights of all forests sum to det A, and the weight of those in which the root of *j* is
*k* is a share [A⁻¹ · diag(w(∅))]_jk of it (the matrix-forest theorem: Chebotarev & Shamis, 1997; a
walk from effects to parents, with absorption, has the same distribution: Kemeny & Snell, 1960).
Loops of rates (hub ⇄ database) are fine.

A⁻¹ · diag(w(∅→j) + Σ_k w(k→j)) is how often that walk comes by each state. It is found once for a
forest (20 to 50 ms for a thousand states); with one state more, from what it was without.
"""

import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Positions = NDArray[np.intp]

_FEW = 64
"""States up to which halving costs more than it saves."""


@dataclass(frozen=True)
class Forest:
    """Rates between states, indexed by position."""

    rates: Array
    """``rates[j, k]``: w(k→j), per second; the diagonal is 0."""
    alone: Array
    """w(∅→j), per second; positive."""
    known_visits: Array | None = None
    """How often the walk from each state (row) comes by each (column), where it is known."""

    def roots(self) -> Array:
        """Return for each state (row) the distribution of its root (columns); rows sum to 1."""
        return np.asarray(self._visits * self.came_alone, dtype=np.float64)

    @cached_property
    def totals(self) -> Array:
        """The rate at which each state comes, from wherever."""
        return np.asarray(self.alone + self.rates.sum(axis=1), dtype=np.float64)

    @cached_property
    def came_alone(self) -> Array:
        """P(∅→j) of each state (loops not excluded)."""
        return np.asarray(self.alone / self.totals, dtype=np.float64)

    def parents(self, state: int) -> Array:
        """Return P(k→j) over all k, for one state (loops not excluded)."""
        return np.asarray(self.rates[state] / self.totals[state], dtype=np.float64)

    def with_state(self, sets_off: Array, set_off_by: Array, alone: float) -> "Forest":
        """Return the forest with one more state, the last.

        ``sets_off[j]`` is its rate to set off *j*, ``set_off_by[k]`` that of *k* to set it off.
        """
        size = len(self.alone)
        rates = np.zeros((size + 1, size + 1))
        rates[:size, :size] = self.rates
        rates[:size, size] = sets_off
        rates[size, :size] = set_off_by
        wider = Forest(rates, np.append(self.alone, alone))
        inverse = self._wider_inverse(sets_off, set_off_by, alone)
        return replace(wider, known_visits=inverse * wider.totals)

    def gain(self, sets_off: Array, set_off_by: Array, alone: float) -> float:
        """Return by how much one more state raises the logarithm of the weight of all forests.

        The state is as for ``with_state``. With u the rates of its effects, v those of its causes
        and B = A + diag(u), the wider matrix has the determinant det B · (alone + v · (1 − B⁻¹u)),
        and det B / det A = det(1 + A⁻¹ diag(u)), in which only the rows and columns of its effects
        count.
        """
        hit = np.flatnonzero(sets_off)
        inner = self._inner(hit, sets_off[hit])
        left = alone + float(set_off_by @ self._elsewhere(hit, sets_off[hit], inner))
        return float(np.linalg.slogdet(inner)[1]) + math.log(left)

    def _wider_inverse(self, sets_off: Array, set_off_by: Array, alone: float) -> Array:
        """Return A⁻¹ with one more state: B⁻¹ by Woodbury's formula, then the last row and column.

        Nothing in it is below 0, but for rounding.
        """
        hit, size = np.flatnonzero(sets_off), len(self.alone)
        off = sets_off[hit]
        inner = self._inner(hit, off)
        left = alone + float(set_off_by @ self._elsewhere(hit, off, inner))
        of_effects = np.linalg.solve(inner, self._inverse[hit])
        others = np.maximum(self._inverse - (self._inverse[:, hit] * off) @ of_effects, 0.0)
        others[hit] = of_effects  # the same, without a difference
        from_it = others[:, hit] @ off
        wider = np.empty((size + 1, size + 1))
        wider[size, size] = 1.0 / left
        wider[size, :size] = set_off_by @ others / left
        wider[:size, size] = from_it / left
        np.multiply.outer(from_it, wider[size, :size], out=wider[:size, :size])
        wider[:size, :size] += others
        return wider

    def _inner(self, hit: Positions, off: Array) -> Array:
        """Return 1 + A⁻¹ diag(u), of the effects only."""
        return np.asarray(np.eye(len(hit)) + self._inverse[np.ix_(hit, hit)] * off)

    def _elsewhere(self, hit: Positions, off: Array, inner: Array) -> Array:
        """Return 1 − B⁻¹u: the probability that a state does not come from the one more."""
        not_from_it = np.linalg.solve(inner, np.ones(len(hit)))
        elsewhere = np.asarray(1.0 - self._inverse[:, hit] @ (off * not_from_it))
        elsewhere[hit] = not_from_it  # the same, without a difference of two that are almost 1
        return elsewhere

    @cached_property
    def _inverse(self) -> Array:
        return np.asarray(self._visits / self.totals, dtype=np.float64)

    @cached_property
    def _visits(self) -> Array:
        if self.known_visits is not None:
            return self.known_visits
        return _inverted(np.eye(len(self.alone)) - self.rates / self.totals[:, np.newaxis])


def _inverted(matrix: Array) -> Array:
    """Return the inverse of 1 − P, by halves (Schur's complement); P are chances to step, below 1.

    In the order of time few steps lead from the first half to the second: then it takes a third of
    what LAPACK does for any matrix. Such a matrix needs no pivots.
    """
    size = len(matrix)
    if size <= _FEW:
        return np.asarray(np.linalg.inv(matrix), dtype=np.float64)
    half = size // 2
    back, down = matrix[:half, half:], matrix[half:, :half]
    begin, end = np.flatnonzero(back.any(axis=1)), np.flatnonzero(back.any(axis=0))
    first = _inverted(matrix[:half, :half])
    leaving = first[:, begin] @ back[np.ix_(begin, end)]
    complement = matrix[half:, half:].copy()
    complement[:, end] -= down @ leaving
    last = _inverted(complement)
    found = np.empty_like(matrix)
    found[half:, half:] = last
    found[half:, :half] = -(last @ (down @ first))
    found[:half, half:] = -(leaving @ last[end])
    found[:half, :half] = first - leaving @ found[half:, :half][end]
    return found

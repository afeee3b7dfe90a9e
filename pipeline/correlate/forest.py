"""Which came from which, over all possibilities at once: forests of parents.

Every state either came by itself or has one parent, without going round in circles: a forest, whose
weight is the product of its rates. With w(k→j) the rate at which *k* sets off *j*, and w(∅→j) that
at which *j* comes by itself, let

    A = diag(w(∅→j) + Σ_k w(k→j)) − w

Then the weights of all forests sum to det A, and the weight of those in which the root of *j* is
*k* is a share [A⁻¹ · diag(w(∅))]_jk of it (the matrix-forest theorem: Chebotarev & Shamis, 1997; a
walk from effects to parents, with absorption, has the same distribution: Kemeny & Snell, 1960).
Loops of rates (hub ⇄ database) are fine.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Forest:
    """Rates between states, indexed by position."""

    rates: Array
    """``rates[j, k]``: w(k→j), per second; the diagonal is 0."""
    alone: Array
    """w(∅→j), per second; positive."""

    def roots(self) -> Array:
        """Return for each state (row) the distribution of its root (columns); rows sum to 1."""
        return np.linalg.solve(self._matrix(), np.diag(self.alone)).astype(np.float64)

    def log_weight(self) -> float:
        """Return the logarithm of the weight of all forests."""
        return float(np.linalg.slogdet(self._matrix())[1])

    def totals(self) -> Array:
        """Return the rate at which each state comes, from wherever."""
        return np.asarray(self.alone + self.rates.sum(axis=1), dtype=np.float64)

    def posterior(self, state: int) -> tuple[float, Array]:
        """Return P(∅→j), and P(k→j) over all k, for one state by itself (loops not excluded)."""
        total = self.alone[state] + self.rates[state].sum()
        return float(self.alone[state] / total), self.rates[state] / total

    def with_state(self, sets_off: Array, set_off_by: Array, alone: float) -> "Forest":
        """Return the forest with one more state, the last.

        ``sets_off[j]`` is its rate to set off *j*, ``set_off_by[k]`` that of *k* to set it off.
        """
        size = len(self.alone)
        rates = np.zeros((size + 1, size + 1))
        rates[:size, :size] = self.rates
        rates[:size, size] = sets_off
        rates[size, :size] = set_off_by
        return Forest(rates, np.append(self.alone, alone))

    def inverse(self) -> Array:
        """Return A⁻¹, which the gains of any further states are found by."""
        return np.asarray(np.linalg.inv(self._matrix()), dtype=np.float64)

    def gain(self, inverse: Array, sets_off: Array, set_off_by: Array, alone: float) -> float:
        """Return by how much one more state raises the logarithm of the weight of all forests.

        ``inverse`` is that of this forest; the rest is as for ``with_state``. With u the rates of
        the state's effects, v those of its causes and B = A + diag(u), the wider matrix has the
        determinant det B · (alone + v · (1 − B⁻¹u)), and det B / det A = det(1 + A⁻¹ diag(u)), in
        which only the rows and columns of its effects count.
        """
        hit = np.flatnonzero(sets_off)
        rates = sets_off[hit]
        inner = np.eye(len(hit)) + inverse[np.ix_(hit, hit)] * rates
        not_from_it = np.linalg.solve(inner, np.ones(len(hit)))
        elsewhere = 1.0 - inverse[:, hit] @ (rates * not_from_it)
        elsewhere[hit] = not_from_it  # the same, without a difference of two that are almost 1
        left = alone + float(set_off_by @ elsewhere)
        return float(np.linalg.slogdet(inner)[1]) + math.log(left)

    def _matrix(self) -> Array:
        return np.diag(self.totals()) - self.rates

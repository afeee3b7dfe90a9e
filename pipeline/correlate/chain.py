"""Where probability comes to rest: absorption in a walk from effects to their parents.

Every state *j* either "came by itself" (the walk rests there, with probability ``rest[j]``) or goes
on to a parent. Loops (hub ⇄ database) are fine. States are eliminated one by one in the manner of
Grassmann, Taksar and Heyman (1985), which needs no subtraction of near-equal numbers, so loops
with a gain of nearly one stay exact; the order of elimination is fixed, so the same input gives
the same floats.
"""

from collections.abc import Mapping, Sequence


def absorb(
    states: Sequence[str],
    parents: Mapping[str, Mapping[str, float]],
    rest: Mapping[str, float],
    start: Mapping[str, float],
) -> dict[str, float]:
    """Return for each state the share of the starting mass that comes to rest there.

    ``parents[j][k]`` is the probability that *k* set off *j*; with ``rest[j]`` it sums to at most
    1 over the given states (what is missing leads out of them and is lost). The result sums to at
    most the starting mass.
    """
    walk = _Walk(states, parents, rest)
    for state in states:
        walk.eliminate(state)
    shares = dict.fromkeys(states, 0.0)
    for j in states:
        for k, probability in walk.resting[j].items():
            shares[k] += start.get(j, 0.0) * probability
    return shares


class _Walk:
    """Steps that are still open, and where the eliminated ones come to rest."""

    def __init__(
        self,
        states: Sequence[str],
        parents: Mapping[str, Mapping[str, float]],
        rest: Mapping[str, float],
    ) -> None:
        known = set(states)
        self.steps = {
            j: {k: p for k, p in parents[j].items() if p > 0 and k in known} for j in states
        }
        self.resting = {j: {j: rest[j]} for j in states}
        self.lost = {j: max(0.0, 1.0 - rest[j] - sum(self.steps[j].values())) for j in states}
        self._into: dict[str, set[str]] = {j: set() for j in states}
        for j, steps in self.steps.items():
            for k in steps:
                self._into[k].add(j)

    def eliminate(self, gone: str) -> None:
        """Replace every step into ``gone`` by what follows it, its own loop included."""
        steps, resting = self.steps[gone], self.resting[gone]
        steps.pop(gone, None)
        self._into[gone].discard(gone)
        onward = sum(steps.values()) + sum(resting.values()) + self.lost[gone]
        factor = 1 / onward if onward > 0 else 0.0  # 0: a closed loop, in which nothing rests
        self.lost[gone] *= factor
        for row in (steps, resting):
            for k in row:
                row[k] *= factor
        for k in steps:
            self._into[k].discard(gone)
        for j in sorted(self._into.pop(gone)):
            self._bypass(j, gone)
        for k in steps:
            self._into[k].add(gone)

    def _bypass(self, j: str, gone: str) -> None:
        weight = self.steps[j].pop(gone)
        self.lost[j] += weight * self.lost[gone]
        for k, probability in self.steps[gone].items():
            self.steps[j][k] = self.steps[j].get(k, 0.0) + weight * probability
            self._into[k].add(j)
        for k, probability in self.resting[gone].items():
            self.resting[j][k] = self.resting[j].get(k, 0.0) + weight * probability

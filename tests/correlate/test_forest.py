"""Laws of forests, and of what they join."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.correlate.forest import Forest
from pipeline.correlate.grouping import joined


def test_mass_rests_where_a_symptom_came_by_itself() -> None:
    forest = Forest(np.array([[0, 0], [0.9, 0]]), np.array([1.0, 0.1]))

    assert forest.roots().tolist() == [[1.0, 0.0], pytest.approx([0.9, 0.1])]


def test_a_loop_rests_where_leaving_it_is_easiest() -> None:
    forest = Forest(np.array([[0, 0.99], [0.9999, 0]]), np.array([0.01, 0.0001]))

    assert forest.roots()[:, 0] == pytest.approx([0.99, 0.99], abs=0.001)


@st.composite
def forests(draw: st.DrawFn) -> Forest:
    size = draw(st.integers(1, 4))
    rate = st.floats(0, 1)
    rates = np.array([[draw(rate) if j != k else 0.0 for k in range(size)] for j in range(size)])
    return Forest(rates, np.array([draw(st.floats(0.01, 1)) for _ in range(size)]))


def enumerated(forest: Forest) -> tuple[float, np.ndarray]:
    """Return total weight and root distribution by listing every choice of parents: the oracle."""
    size = len(forest.alone)
    total, shares = 0.0, np.zeros((size, size))
    for parents in product(range(size), repeat=size):  # itself as parent: came by itself
        roots = [_root(state, parents) for state in range(size)]
        if None in roots:
            continue
        weight = float(
            np.prod(
                [forest.alone[j] if j == k else forest.rates[j, k] for j, k in enumerate(parents)]
            )
        )
        total += weight
        for state, root in enumerate(roots):
            shares[state, root] += weight
    return total, shares / total


def _root(state: int, parents: tuple[int, ...]) -> int | None:
    for _ in parents:
        if parents[state] == state:
            return state
        state = parents[state]
    return None


@given(forests())
def test_roots_are_those_of_all_forests_listed(forest: Forest) -> None:
    _, shares = enumerated(forest)

    assert forest.roots() == pytest.approx(shares, abs=1e-9)


@given(forests(), st.lists(st.floats(0, 1), min_size=8, max_size=8), st.floats(0.01, 1))
def test_a_gain_is_that_of_all_forests_listed(
    forest: Forest, rates: list[float], alone: float
) -> None:
    size = len(forest.alone)
    state = np.array(rates[:size]), np.array(rates[4 : 4 + size]), alone

    total, _ = enumerated(forest)
    with_it, _ = enumerated(forest.with_state(*state))

    assert forest.gain(*state) == pytest.approx(np.log(with_it / total), abs=1e-9)


def test_the_same_root_joins_and_another_does_not() -> None:
    roots = np.array([[1.0, 0, 0], [0.9, 0.1, 0], [0.1, 0, 0.9]])

    assert joined(roots, range(3), np.ones(3), 0.6) == [[0, 1], [2]]


def test_who_is_torn_between_two_goes_where_its_root_most_probably_is() -> None:
    roots = np.array([[1.0, 0, 0], [0, 1.0, 0], [0.55, 0.4, 0.05]])

    assert joined(roots, range(3), np.ones(3), 0.6) == [[0, 2], [1]]

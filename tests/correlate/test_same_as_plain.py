"""What is computed fast is what the plain way gives: gains, groups, rates in any order."""

from functools import partial
from itertools import combinations, product
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from correlate.conftest import Symptoms
from effort import tries
from pipeline.correlate.evidence import Evidence, seen
from pipeline.correlate.forest import Forest
from pipeline.correlate.grouping import joined
from pipeline.correlate.likelihood import Likelihood
from pipeline.correlate.pairs import Weighing, described
from pipeline.correlate.parents import Weights
from pipeline.correlate.settings import CorrelateSettings
from pipeline.correlate.ways import Ways
from topology.graph import Graph
from topology.load import load

SHARES = 64
"""Probabilities are so many parts of a whole, so that their sums are exact in any order."""


@st.composite
def widened(draw: st.DrawFn) -> tuple[Forest, np.ndarray, np.ndarray, float]:
    """Draw a forest and one more state: rates are as far apart as real ones are, or nothing."""
    size = draw(st.integers(1, 12))
    rate = st.one_of(st.just(0.0), st.floats(1e-7, 1.0))
    rates = np.array([[draw(rate) if j != k else 0.0 for k in range(size)] for j in range(size)])
    alone = np.array([draw(st.floats(1e-6, 1e-2)) for _ in range(size)])
    sets_off = np.array([draw(rate) for _ in range(size)])
    set_off_by = np.array([draw(rate) for _ in range(size)])
    return Forest(rates, alone), sets_off, set_off_by, draw(st.floats(1e-6, 1e-2))


def log_weight(forest: Forest) -> float:
    """Return the logarithm of the weight of all forests, by the theorem."""
    return float(np.linalg.slogdet(np.diag(forest.totals) - forest.rates)[1])


@given(widened())
def test_a_gain_is_what_one_more_state_adds_to_the_weight(
    case: tuple[Forest, np.ndarray, np.ndarray, float],
) -> None:
    forest, sets_off, set_off_by, alone = case

    gain = forest.gain(sets_off, set_off_by, alone)

    wider = forest.with_state(sets_off, set_off_by, alone)
    assert gain == pytest.approx(log_weight(wider) - log_weight(forest), rel=1e-9, abs=1e-9)


@given(widened())
def test_roots_with_one_more_state_are_those_of_a_forest_made_with_it(
    case: tuple[Forest, np.ndarray, np.ndarray, float],
) -> None:
    forest, *state = case

    wider = forest.with_state(*state)

    anew = Forest(wider.rates, wider.alone)
    assert wider.roots() == pytest.approx(anew.roots(), abs=1e-9)


@pytest.mark.parametrize("backwards", [0, 3, 300])
def test_roots_of_many_are_what_a_solve_for_any_matrix_gives(backwards: int) -> None:
    chance = np.random.default_rng(backwards)
    size = 300
    rates = np.tril(chance.random((size, size)) ** 20, backwards)
    np.fill_diagonal(rates, 0.0)
    forest = Forest(rates, 10.0 ** chance.uniform(-6, -2, size))

    matrix = np.diag(forest.totals) - rates
    assert forest.roots() == pytest.approx(np.linalg.solve(matrix, np.diag(forest.alone)), abs=1e-9)


@st.composite
def distributions(draw: st.DrawFn) -> tuple[np.ndarray, list[int]]:
    """Draw root distributions, of some states more than rows, and the fault of each state."""
    size = draw(st.integers(1, 10))
    wide = size + draw(st.integers(0, 2))
    rows = []
    for _ in range(size):
        at = draw(st.lists(st.integers(0, wide - 1), min_size=1, max_size=6))
        cuts = sorted(draw(st.lists(st.integers(0, SHARES), min_size=len(at) - 1, max_size=5))[:5])
        ends = [0, *cuts[: len(at) - 1], SHARES]
        row = np.zeros(wide)
        for place, begin, end in zip(at, ends, ends[1:], strict=False):
            row[place] += (end - begin) / SHARES
        rows.append(row)
    faults = [draw(st.integers(0, number)) for number in range(wide)]
    return np.array(rows), faults


def plainly_joined(
    roots: np.ndarray, fault_of: list[int], weights: list[int], join_at: float
) -> list[list[int]]:
    """Join the two groups that overlap most, and look at every pair again."""
    by_fault = roots @ np.equal.outer(fault_of, sorted(set(fault_of)))
    likeliest = by_fault.argmax(axis=1).tolist()
    groups = [
        [row for row, other in enumerate(likeliest) if other == fault]
        for fault in dict.fromkeys(likeliest)
    ]

    def overlap(pair: tuple[list[int], list[int]]) -> float:
        means = [
            np.average(by_fault[rows], axis=0, weights=np.take(weights, rows)) for rows in pair
        ]
        return round(float(np.minimum(*means).sum()), 9)

    while len(groups) > 1:
        one, other = max(combinations(groups, 2), key=overlap)
        if overlap((one, other)) < join_at:
            break
        groups[groups.index(one)] = sorted(one + other)
        groups.remove(other)
    return plainly_housed(roots, groups, 1.0 - join_at)


def plainly_housed(roots: np.ndarray, groups: list[list[int]], at_home: float) -> list[list[int]]:
    """Let groups that are no roots move in where most of their roots are."""
    leader = {row: group[0] for group in groups for row in group}
    for head in [group[0] for group in groups]:
        mine = [row for row in leader if leader[row] == head]
        found = roots[mine].mean(axis=0)
        heads = sorted(set(leader.values()))
        inside = {h: sum(found[row] for row in sorted(leader) if leader[row] == h) for h in heads}
        favourite = max(heads, key=inside.__getitem__)
        if inside[head] < at_home <= inside[favourite]:
            leader |= dict.fromkeys(mine, favourite)
    rows = sorted(leader)
    firsts = dict.fromkeys(leader[row] for row in rows)
    return [[row for row in rows if leader[row] == first] for first in firsts]


@given(distributions(), st.data(), st.sampled_from([0.25, 0.5, 0.6, 0.75, 1.0]))
def test_groups_are_those_that_joining_the_nearest_makes(
    case: tuple[np.ndarray, list[int]], data: st.DataObject, join_at: float
) -> None:
    roots, faults = case
    weights = data.draw(st.lists(st.integers(1, 8), min_size=len(roots), max_size=len(roots)))

    found = joined(roots, faults, np.array(weights, dtype=float), join_at)

    assert found == plainly_joined(roots, faults, weights, join_at)


def test_what_may_have_come_of_either_fault_does_not_join_the_two() -> None:
    shares = [1.0, 0.95, 0.75, 0.55, 0.45, 0.25, 0.05, 0.0]  # each step overlaps by 0.8 and more
    roots = np.zeros((8, 8))
    roots[:, 0], roots[:, 7] = shares, 1.0 - np.array(shares)

    groups = joined(roots, list(range(8)), np.ones(8), join_at=0.6)

    assert groups == [[0, 1, 2, 3], [4, 5, 6, 7]]


@settings(max_examples=tries(30), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations(range(12)))
def test_rates_do_not_depend_on_what_came_first(
    model: Likelihood, symptom: Symptoms, order: list[int]
) -> None:
    nodes = ("hub", "db", "user/a", "user/b", "volume/db")
    told = [
        symptom(nodes[number % len(nodes)], at=7.3 * number, signature=f"s{number}", until=300)
        for number in range(12)
    ]
    pieces = [seen(each, model.settings) for each in told]
    in_order, mixed = Weights(model), Weights(model)
    for number in range(12):
        in_order.put(pieces[number])
        mixed.put(pieces[order[number]])

    forest, other = in_order.forest(pieces), mixed.forest(pieces)

    assert forest.rates.tobytes() == other.rates.tobytes()
    assert forest.alone.tobytes() == other.alone.tobytes()


@settings(max_examples=tries(60), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_rates_to_many_at_once_are_those_to_each(
    model: Likelihood, symptom: Symptoms, data: st.DataObject
) -> None:
    pieces = data.draw(st.lists(st.builds(partial(_drawn, symptom), **FIELDS), min_size=2))
    ways, described_all, at = Ways(model, dict(enumerate(pieces)), len(pieces)), [], {}
    for number, piece in enumerate(pieces):
        ways.put(number, piece)
        at.setdefault(piece.node, set()).add(number)
        described_all.append(described(piece, model, [*at].index(piece.node)))
    for number, piece in enumerate(pieces):
        into, together = ways.into(number, piece.node, at), np.array(described_all).T
        found = Weighing(ways, model.settings).causes_of(number, into, together)
        each = {n: model.trigger(one, piece) for n, one in enumerate(pieces) if n != number}
        rates = {n: trigger.rate for n, trigger in each.items() if trigger and trigger.rate}
        assert found.others.tolist() == sorted(rates)
        assert (found.potentials * found.doses).tolist() == pytest.approx(
            [*rates.values()], rel=1e-9
        )


FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "node": st.sampled_from(("hub", "db", "user/a", "user/b", "volume/db", "machine/m", "else")),
    "at": st.integers(0, 400),
    "lasts": st.integers(0, 300),
    "symptom_class": st.sampled_from(("error", "latency", "saturation")),
    "severity": st.sampled_from(("minor", "major", "critical")),
    "whisper": st.booleans(),
    "score": st.sampled_from((0.0, 3.0, 8.0)),
    "cluster_nodes": st.sampled_from(((), ("m",))),
    "implicates": st.sampled_from(({}, {"db": 0.7}, {"hub": 0.4, "api": 0.3})),
}


def _drawn(symptom: Symptoms, at: int, lasts: int, **fields: Any) -> Evidence:  # noqa: ANN401 - any field
    return seen(symptom(fields.pop("node"), at, at + lasts, **fields), CorrelateSettings())


@pytest.mark.parametrize("name", ["hub", "jupyterhub-openshift"])
def test_the_usual_way_is_the_best_path(model: Likelihood, name: str) -> None:
    given_model = model if name == "hub" else Likelihood(Graph(load(name)), model.settings)
    graph = given_model.graph
    ground = [node.id.replace("{", "").replace("}", "") for node in graph.application.nodes]
    nodes = [*ground, *(f"{node[:-4]}else" for node in ground if node.endswith(("user", "name")))]
    for cause, effect in product(nodes, nodes):
        for machines in ((), ("name", "else")):
            path = graph.path(cause, effect, cluster_nodes=machines)
            way = given_model.way(cause, effect, machines)
            assert (way and way.nodes) == (path and tuple(path.nodes))
            assert (way and way.strength) == (path and path.strength)


def test_a_row_is_made_anew_when_one_of_its_causes_goes(
    model: Likelihood, symptom: Symptoms
) -> None:
    cause, effect = symptom("db", at=0, until=300), symptom("hub", at=20, until=300)
    pieces = [seen(each, model.settings) for each in (cause, effect)]
    weights = Weights(model)
    for piece in pieces:
        weights.put(piece)
    assert weights.forest(pieces).rates[1, 0] > 0

    weights.remove(cause.id)

    assert weights.forest(pieces[1:]).rates.tolist() == [[0.0]]

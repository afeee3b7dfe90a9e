"""Laws of the absorbing chain."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.correlate.chain import absorb


def test_mass_rests_where_a_symptom_came_by_itself() -> None:
    shares = absorb(
        ["db", "hub"], {"db": {}, "hub": {"db": 0.9}}, {"db": 1.0, "hub": 0.1}, {"hub": 1}
    )

    assert shares == pytest.approx({"db": 0.9, "hub": 0.1})


def test_a_loop_rests_where_leaving_it_is_easiest() -> None:
    shares = absorb(
        ["db", "hub"],
        {"db": {"hub": 0.99}, "hub": {"db": 0.9999}},
        {"db": 0.01, "hub": 0.0001},
        {"db": 1, "hub": 1},
    )

    assert shares["db"] / 2 == pytest.approx(0.01 / (0.01 + 0.99 * 0.0001), rel=1e-3)


def test_a_closed_loop_without_rest_gives_nothing() -> None:
    shares = absorb(["a", "b"], {"a": {"b": 1.0}, "b": {"a": 1.0}}, {"a": 0.0, "b": 0.0}, {"a": 1})

    assert shares == {"a": 0.0, "b": 0.0}


@st.composite
def chains(draw: st.DrawFn) -> tuple[list[str], dict[str, dict[str, float]], dict[str, float]]:
    names = [f"s{number}" for number in range(draw(st.integers(1, 6)))]
    parents, rest = {}, {}
    for name in names:
        raw = {other: draw(st.floats(0, 1)) for other in names if other != name}
        rest[name] = draw(st.floats(0.001, 1))
        total = rest[name] + sum(raw.values())
        rest[name] /= total
        parents[name] = {other: weight / total for other, weight in raw.items()}
    return names, parents, rest


@given(chains())
def test_all_mass_comes_to_rest_when_nothing_leads_out(
    chain: tuple[list[str], dict[str, dict[str, float]], dict[str, float]],
) -> None:
    names, parents, rest = chain

    shares = absorb(names, parents, rest, dict.fromkeys(names, 1.0))

    assert sum(shares.values()) == pytest.approx(len(names))


@given(chains(), st.randoms(use_true_random=False))
def test_the_order_of_elimination_does_not_matter(
    chain: tuple[list[str], dict[str, dict[str, float]], dict[str, float]], random: object
) -> None:
    names, parents, rest = chain
    shuffled = sorted(names, key=lambda _: random.random())  # type: ignore[attr-defined]

    one = absorb(names, parents, rest, {names[0]: 1.0})
    other = absorb(shuffled, parents, rest, {names[0]: 1.0})

    assert other == pytest.approx(one)


@given(chains())
def test_the_walk_agrees_with_stepping_it(
    chain: tuple[list[str], dict[str, dict[str, float]], dict[str, float]],
) -> None:
    """Power iteration as the oracle: slow, and plainly the definition."""
    names, parents, rest = chain
    here = {name: 1.0 if name == names[0] else 0.0 for name in names}
    rested = dict.fromkeys(names, 0.0)
    for _ in range(20_000):
        onward = dict.fromkeys(names, 0.0)
        for name, mass in here.items():
            rested[name] += mass * rest[name]
            for parent, probability in parents[name].items():
                onward[parent] += mass * probability
        here = onward
        if sum(here.values()) < 1e-9:
            break

    assert absorb(names, parents, rest, {names[0]: 1.0}) == pytest.approx(rested, abs=1e-6)

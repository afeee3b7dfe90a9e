"""Laws of the steps in which observations are published."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from pipeline.ingest.batching import Batcher
from pipeline.ingest.steps import Stepper
from pipeline.records import FEEDS, Batch, Log, Mark

START = datetime(2026, 3, 2, 10, tzinfo=UTC)
SECOND = 1_000_000


def line(at: float, node: str | None = "a") -> Log:
    return Log(time=START + timedelta(seconds=at), node=node, message="hello")


def steps(lines: list[Log], *, hurried: bool = False) -> list[Batch | Mark]:
    stepper = Stepper(
        source="s",
        node_of=lambda observation: observation.node,
        batcher=Batcher("s", max_observations=3),
        step_us=10 * SECOND,
        closing_us=100 * SECOND,
        read_counts=lambda: {"lines": len(lines)},
        hurried=hurried,
    )
    return list(stepper.run(lines))


@pytest.mark.parametrize("hurried", [False, True])
def test_nothing_older_comes_after_a_mark(hurried: bool) -> None:  # noqa: FBT001 - a parameter of the law
    chance = random.Random(1)
    lines = [
        line(at, chance.choice("abc")) for at in sorted(chance.uniform(0, 900) for _ in range(300))
    ]

    promised = START
    for value in steps(lines, hurried=hurried):
        if isinstance(value, Mark):
            assert value.time >= promised
            promised = value.time
        else:
            assert all(observation.time >= promised for observation in value.observations)


@pytest.mark.parametrize("hurried", [False, True])
def test_everything_is_published_once(hurried: bool) -> None:  # noqa: FBT001 - a parameter of the law
    lines = [line(at, "ab"[at % 2]) for at in range(100)]

    told = steps(lines, hurried=hurried)

    published = [o for value in told if isinstance(value, Batch) for o in value.observations]
    assert sorted(published, key=lambda o: o.time) == lines


def test_the_last_mark_lies_past_everything_and_counts_it() -> None:
    *_, last = steps([line(0), line(5, None), line(7)])

    assert isinstance(last, Mark)
    assert (last.final, last.feeds) == (True, FEEDS)
    assert last.time == START + timedelta(seconds=107)
    assert last.counts == {"lines": 3, "published": 2, "unmapped": 1}


def test_nothing_read_promises_nothing() -> None:
    assert steps([]) == []

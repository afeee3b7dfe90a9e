"""Each pod has one process; when one is added, pods move only to it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import UsageError
from pipeline.live.logs.budget import Budget
from pipeline.live.shards import Shard, jump, shard_of

KEYS = st.integers(0, 2**64 - 1)


@given(KEYS, st.integers(1, 50))
def test_a_key_stays_or_moves_to_the_new_bucket(key: int, buckets: int) -> None:
    assert jump(key, buckets + 1) in {jump(key, buckets), buckets}


@given(st.text(), st.text(), st.integers(1, 9))
def test_every_pod_has_exactly_one_owner(namespace: str, pod: str, processes: int) -> None:
    owners = [n for n in range(processes) if Shard(n, processes).owns(namespace, pod)]
    assert len(owners) == 1


def test_pods_are_shared_out_evenly() -> None:
    mine = sum(Shard(0, 4).owns("ns", f"jupyterhub-nb-user{n}") for n in range(4000))
    assert 900 < mine < 1100


@pytest.mark.parametrize(("text", "host", "number"), [("1/3", "x", 1), ("auto/3", "ingest-2", 2)])
def test_a_shard_is_told_by_number_or_by_the_hosts_name(text: str, host: str, number: int) -> None:
    assert shard_of(text, host) == Shard(number, 3)


@pytest.mark.parametrize(("text", "host"), [("3/3", "x"), ("auto/3", "laptop"), ("auto/2", "i-2")])
def test_a_shard_that_cannot_be_is_one_clear_line(text: str, host: str) -> None:
    with pytest.raises(UsageError, match=r"ingest\.shard"):
        shard_of(text, host)


@given(st.lists(st.tuples(st.integers(0, 50), st.floats(0, 10)), max_size=30))
def test_a_budget_never_gives_more_than_its_burst_and_its_rate(
    steps: list[tuple[int, float]],
) -> None:
    budget, now, given_out = Budget(rate=5.0, burst=20), 0.0, 0
    for wanted, later in steps:
        now += later
        taken = budget.take(wanted, now)
        given_out += taken
        assert taken <= wanted
    assert given_out <= 20 + 5.0 * now

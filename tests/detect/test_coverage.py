"""Facts of coverage are the same in any order, however much there is of them."""

import random
from datetime import UTC, datetime, timedelta

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from pipeline.detect.coverage import MAX_STRETCHES, MINUTE, Coverage
from pipeline.records import Gap, Log, micros
from record_strategies import GAPS, LOGS

START = datetime(2026, 3, 2, 10, tzinfo=UTC)
SECONDS = st.integers(0, 3600)
NEAR_GAPS = st.builds(
    lambda ends, **fields: gap(min(ends), max(ends), **fields),
    ends=st.tuples(SECONDS, SECONDS),
    lost=st.none() | st.integers(0, 99),
)


def gap(since: float, until: float, lost: int | None = 1) -> Gap:
    return Gap(
        source="s",
        node="n",
        signal="log",
        since=START + timedelta(seconds=since),
        until=START + timedelta(seconds=until),
        lost=lost,
        reason="rate-limited",
        what="w",
    )


def of(gaps: list[Gap]) -> Coverage:
    seen = Coverage()
    for each in gaps:
        seen.miss(each)
    return seen


@given(st.lists(NEAR_GAPS | GAPS, max_size=60), st.randoms())
def test_gaps_in_any_order_leave_the_same_facts(gaps: list[Gap], chance: random.Random) -> None:
    mixed = chance.sample(gaps, len(gaps))
    assert of(mixed) == of(gaps)


@given(st.lists(NEAR_GAPS, min_size=1, max_size=60))
def test_no_gap_and_no_loss_is_forgotten(gaps: list[Gap]) -> None:
    total = of(gaps).gaps["rate-limited"].total()
    assert total.gaps == len(gaps)
    assert total.lost == sum(gap.lost or 0 for gap in gaps)
    assert total.uncounted == sum(gap.lost is None for gap in gaps)
    assert total.since == min(micros(gap.since) for gap in gaps)
    assert total.until == max(micros(gap.until) for gap in gaps)


def test_the_latest_minutes_are_kept_one_by_one() -> None:
    losses = of([gap(60 * n, 60 * n + 5) for n in range(100)]).gaps["rate-limited"]
    assert sorted(losses.recent) == [micros(START) // MINUTE + n for n in range(84, 100)]
    assert len(losses.recent) == MAX_STRETCHES
    assert losses.older is not None
    assert losses.older.gaps == 84


@given(st.lists(st.lists(LOGS, min_size=1), min_size=1), st.randoms())
def test_first_and_last_are_the_same_in_any_order_and_batching(
    batches: list[list[Log]], chance: random.Random
) -> None:
    seen, again = Coverage(), Coverage()
    for batch in batches:
        seen.see(batch)
    logs = [log for batch in batches for log in batch]
    again.see(chance.sample(logs, len(logs)))
    assert seen == again
    assert seen.first == min(micros(log.time) for log in logs)


@given(st.lists(NEAR_GAPS, max_size=40))
def test_facts_are_read_back_as_they_were_written(gaps: list[Gap]) -> None:
    seen = of(gaps)
    assert msgspec.json.decode(msgspec.json.encode(seen), type=Coverage) == seen


def test_a_row_stays_small_whatever_is_lost() -> None:
    seen = of([gap(60 * n, 60 * n + 5, lost=20_000) for n in range(1000)])
    assert len(msgspec.json.encode(seen)) < 1_500

"""What does not fit is counted to the last observation; who waits is decided without flutter."""

from collections import Counter
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from pipeline.live.outbox.losses import Gates, Losses
from pipeline.records import Gap, Log, Metric

T = datetime(2026, 3, 2, 10, tzinfo=UTC)
DROPPED = st.lists(st.tuples(st.sampled_from("ab"), st.booleans(), st.integers(0, 90)), max_size=40)


def observation(*, metric: bool, second: int) -> Log | Metric:
    time = T + timedelta(seconds=second)
    return Metric(time=time, name="m", value=1.0) if metric else Log(time=time, message="x")


@given(DROPPED, st.integers(0, 40))
def test_gaps_add_up_to_what_was_dropped(dropped: list[tuple[str, bool, int]], told: int) -> None:
    losses, gaps = Losses("s"), list[Gap]()
    expected: Counter[tuple[str, str]] = Counter()
    for number, (node, metric, second) in enumerate(dropped):
        one = observation(metric=metric, second=second)
        losses.drop(node, one)
        expected[node, one.signal] += 1
        if number == told:
            gaps += losses.told()
    gaps += losses.told()
    assert not losses
    counted: Counter[tuple[str, str]] = Counter()
    for gap in gaps:
        counted[gap.node, gap.signal] += gap.lost or 0
    assert counted == expected
    assert len(gaps) <= 2 * len(expected)


@given(st.lists(st.integers(0, 90), min_size=1))
def test_a_gap_spans_all_that_it_tells_of(seconds: list[int]) -> None:
    losses = Losses("s")
    for second in seconds:
        losses.drop("a", observation(metric=False, second=second))
    (gap,) = losses.told()
    span = (T + timedelta(seconds=min(seconds)), T + timedelta(seconds=max(seconds)))
    assert ((gap.since, gap.until), gap.lost, gap.reason) == (span, len(seconds), "buffer-full")


def test_a_gap_of_unknown_size_stays_unknown_when_it_joins_others() -> None:
    losses = Losses("s")
    for lost in (3, None, 4):
        losses.note(
            Gap(
                source="s",
                node="a",
                signal="log",
                since=T,
                until=T,
                lost=lost,
                reason="not-followed",
                what="pod p",
            )
        )
    assert [gap.lost for gap in losses.told()] == [None]


@given(st.lists(st.integers(0, 1200), max_size=40))
def test_metrics_wait_before_logs_and_events_never(held: list[int]) -> None:
    gates = Gates(1000)
    for now in held:
        gates.update(now)
        assert gates.open("event")
        assert gates.open("log") or not gates.open("metric")
        assert gates.open("metric") == (now < 400) or 400 <= now < 500
        assert gates.open("log") == (now < 600) or 600 <= now < 750


def test_who_waits_goes_on_only_when_there_is_room_to_spare() -> None:
    gates = Gates(1000)
    seen = []
    for held in (749, 750, 749, 600, 599, 749):
        gates.update(held)
        seen.append(gates.open("log"))
    assert seen == [True, False, False, False, True, True]

"""Laws of the watermark."""

from hypothesis import given
from hypothesis import strategies as st

from pipeline.watermark import MAX_SOURCES, Watermark

BOTH = ("logs", "events")


def test_it_is_unknown_until_every_feed_of_a_source_was_heard() -> None:
    watermark = Watermark()

    assert not watermark.observe("a", "logs", feeds=BOTH, time=10)
    assert watermark.high is None
    assert watermark.observe("a", "events", feeds=BOTH, time=7)
    assert watermark.high == 7


def test_it_is_the_least_mark_of_the_live_sources() -> None:
    watermark = Watermark()
    watermark.observe("a", "logs", feeds=["logs"], time=10)
    watermark.observe("b", "logs", feeds=["logs"], time=3)

    assert watermark.high == 10  # b came too late to take it back

    watermark.observe("a", "logs", feeds=["logs"], time=20)
    assert watermark.high == 10

    watermark.observe("b", "logs", feeds=["logs"], time=15)
    assert watermark.high == 15


def test_a_source_that_ended_holds_nothing_back() -> None:
    watermark = Watermark()
    watermark.observe("a", "logs", feeds=["logs"], time=5)
    watermark.observe("b", "logs", feeds=["logs"], time=9)
    watermark.observe("a", "logs", feeds=["logs"], time=6, final=True)

    assert watermark.high == 9


def test_the_last_source_to_end_takes_it_to_its_final_mark() -> None:
    watermark = Watermark()
    watermark.observe("a", "logs", feeds=BOTH, time=5)
    watermark.observe("a", "events", feeds=BOTH, time=5)
    watermark.observe("a", "logs", feeds=BOTH, time=90, final=True)

    assert watermark.high == 5
    assert watermark.observe("a", "events", feeds=BOTH, time=90, final=True)
    assert watermark.high == 90


def test_a_dead_source_is_left_out_and_counted() -> None:
    watermark = Watermark()
    watermark.observe("dead", "logs", feeds=["logs"], time=1)
    watermark.observe("live", "logs", feeds=["logs"], time=8)

    assert watermark.drop("dead")
    assert (watermark.high, watermark.dropped) == (8, 1)


def test_the_number_of_sources_is_bounded() -> None:
    watermark = Watermark()
    for number in range(MAX_SOURCES + 5):
        watermark.observe(f"s{number}", "logs", feeds=["logs"], time=number)

    assert len(watermark.sources) == MAX_SOURCES
    assert watermark.dropped == 5


marks = st.lists(
    st.tuples(st.sampled_from("ab"), st.sampled_from(BOTH), st.integers(0, 100), st.booleans()),
    max_size=30,
)


@given(marks)
def test_it_never_goes_back(told: list[tuple[str, str, int, bool]]) -> None:
    watermark = Watermark()
    values = []
    for source, feed, time, final in told:
        moved = watermark.observe(source, feed, feeds=BOTH, time=time, final=final)
        assert moved == (watermark.high is not None and [watermark.high] != values[-1:])
        if watermark.high is not None:
            values.append(watermark.high)

    assert values == sorted(values)


@given(marks)
def test_a_repeated_mark_changes_nothing(told: list[tuple[str, str, int, bool]]) -> None:
    watermark = Watermark()
    for source, feed, time, _ in told:
        watermark.observe(source, feed, feeds=BOTH, time=time)
        before = watermark.high
        assert not watermark.observe(source, feed, feeds=BOTH, time=time)
        assert watermark.high == before

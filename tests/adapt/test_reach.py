"""What marks of a reader of foreign topics may promise."""

from hypothesis import given
from hypothesis import strategies as st

from pipeline.adapt.reach import SLACK_S, Reach

S = 1_000_000
SLACK = int(SLACK_S * S)
A, B = ("t", 0), ("t", 1)


def reach(*spots: tuple[str, int]) -> Reach:
    made = Reach()
    made.assigned(spots)
    return made


def test_nothing_is_promised_before_something_is_known() -> None:
    assert Reach().mark(100 * S) is None
    assert reach(A).mark(100 * S) is None


def test_without_partitions_the_clock_is_right() -> None:
    assert reach().mark(100 * S) == 100 * S - SLACK


def test_an_idle_topic_goes_with_the_clock() -> None:
    idle = reach(A, B)
    for now in (100 * S, 200 * S):
        idle.looked({A: 7, B: 0}, now)
        idle.stand({A: 7, B: 0})
        assert idle.mark(now + S) == now - SLACK


def test_one_that_is_always_a_little_behind_goes_with_the_clock_too() -> None:
    busy = reach(A)
    for second in range(10, 20):
        busy.looked({A: 100 * second}, second * S)
        busy.stand({A: 100 * second - 50})  # and a look later it has passed that end
    assert busy.mark(20 * S) == 18 * S - SLACK


def test_a_backlog_goes_with_its_events() -> None:
    behind = reach(A)
    behind.looked({A: 1_000}, 900 * S)
    behind.handled(A, [100 * S, 101 * S, 102 * S], 900 * S)
    behind.stand({A: 3})
    assert behind.mark(900 * S) == 101 * S - SLACK


def test_one_wrong_clock_decides_nothing() -> None:
    behind = reach(A)
    behind.handled(A, [100 * S, 10_000 * S, 101 * S], 900 * S)
    assert behind.mark(900 * S) == 101 * S - SLACK
    behind.handled(A, [10_000 * S] * 3, 900 * S)
    assert behind.mark(900 * S) == 900 * S - SLACK


def test_the_partition_that_is_furthest_behind_decides() -> None:
    two = reach(A, B)
    two.handled(A, [100 * S], 900 * S)
    assert two.mark(900 * S) is None
    two.handled(B, [50 * S], 900 * S)
    assert two.mark(900 * S) == 50 * S - SLACK


def test_while_partitions_are_handed_over_the_mark_stands_still() -> None:
    moving = reach(A)
    moving.handled(A, [100 * S], 900 * S)
    before = moving.mark(900 * S)
    moving.released()
    assert moving.mark(950 * S) == before
    moving.assigned([A, B])
    assert moving.mark(950 * S) == before
    moving.assigned([])
    assert moving.mark(950 * S) == 950 * S - SLACK


def test_what_will_be_read_again_promises_nothing() -> None:
    failing = reach(A)
    failing.handled(A, [100 * S], 900 * S)
    before = failing.mark(900 * S)
    failing.handled(A, [300 * S], 900 * S)
    failing.stand_back()
    assert failing.mark(900 * S) == before


STEPS = st.lists(
    st.tuples(st.sampled_from([A, B]), st.lists(st.integers(0, 999 * S), max_size=4)), max_size=20
)


@given(STEPS, st.sets(st.integers(0, 19)))
def test_a_mark_never_goes_back_and_never_beyond_the_clock(
    steps: list[tuple[tuple[str, int], list[int]]], moves: set[int]
) -> None:
    told: int | None = None
    one = reach(A, B)
    for number, (spot, times) in enumerate(steps):
        now = (number + 1) * 50 * S
        if number in moves:
            one.assigned([spot])
        one.handled(spot, times, now)
        mark = one.mark(now)
        assert told is None or (mark is not None and told <= mark)
        assert mark is None or mark <= now - SLACK
        told = mark

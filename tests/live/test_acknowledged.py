"""Positions are due when all before them is acknowledged; offsets are those of that moment."""

from hypothesis import given
from hypothesis import strategies as st

from pipeline.live.outbox.acknowledged import Acknowledged
from pipeline.records import Positions


def positions(part: str, number: int) -> Positions:
    return Positions(source="s", part=part, offsets={"n": number})


STEPS = st.lists(st.sampled_from(["put", "land", "a", "b"]), max_size=80)


@given(STEPS)
def test_positions_are_due_exactly_when_what_was_put_before_is_acknowledged(
    steps: list[str],
) -> None:
    """The offset of parcel n is n, so the offsets must say how many had been put."""
    acknowledged, put, landed = Acknowledged({}), 0, 0
    latest: dict[str, int] = {}
    due: list[Positions] = []
    for step in [*steps, *["land"] * 80]:
        if step == "put":
            put += 1
        elif step != "land":
            latest[step] = put
            due += acknowledged.checkpoint(positions(step, put), put)
        elif landed < put:
            due += acknowledged.landed(landed, [("t", 0, landed)])
            landed += 1
            assert all(each.offsets.get("t/0", 0) <= landed for each in due)
    last = {each.part: each.offsets.get("t/0", 0) for each in due}
    assert last == latest
    assert not acknowledged.pending
    for part in latest:
        order = [each.offsets.get("t/0", 0) for each in due if each.part == part]
        assert order == sorted(order)


def test_a_long_queue_does_not_keep_positions_from_being_remembered() -> None:
    acknowledged, due = Acknowledged({}), []
    for number in range(100):  # a checkpoint after each, and only every third is acknowledged
        acknowledged.checkpoint(positions("a", number), number + 1)
        if number % 3 == 0:
            due += acknowledged.landed(number // 3, [("t", 0, number // 3)])
    assert len(due) > 3


def test_the_start_is_due_at_once_with_the_offsets_of_the_start() -> None:
    acknowledged = Acknowledged({"t/0": 7})
    (due,) = acknowledged.checkpoint(positions("a", 0), 0)
    assert due.offsets == {"t/0": 7}


def test_offsets_stand_still_while_something_may_lie_there_twice() -> None:
    acknowledged = Acknowledged({"t/0": 7})
    acknowledged.sent_again(3)
    due = acknowledged.checkpoint(positions("a", 0), 2)
    for number in range(4):  # their first copies are at 8 to 10, before the second of the first
        due += acknowledged.landed(number, [("t", 0, 11 + number)])
    assert [each.offsets for each in due] == [{"t/0": 7}]
    (later,) = acknowledged.checkpoint(positions("a", 0), 4)
    assert later.offsets == {"t/0": 15}

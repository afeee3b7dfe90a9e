"""What waits leaves in the order in which it came, packed or not; marks never overtake."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from pipeline.live.outbox.waiting import BLOCK_BYTES, MARK_APART_BYTES, Parcel, Waiting

BIG = "x" * (BLOCK_BYTES // 3)


def parcel(number: int, text: str = "") -> Parcel:
    value = f"{number}{text}".encode()
    return Parcel("t", 1, b"k", value, float(number), "log", 2, headers=(("h", b"\xff"),))


def mark(number: int) -> Parcel:
    return Parcel(None, None, None, str(number).encode(), float(number))


def all_of(waiting: Waiting) -> list[tuple[int | None, Parcel]]:
    found = []
    while (following := waiting.next()) is not None:
        found.append(following)
        waiting.take()
    return found


@given(st.lists(st.sampled_from(["put", "big", "take", "pack"]), max_size=60))
def test_first_in_first_out_whatever_is_packed(steps: list[str]) -> None:
    waiting, put, out = Waiting(), list[Parcel](), list[tuple[int | None, Parcel]]()
    for step in steps:
        if step == "pack":
            waiting.pack()
        elif step != "take":
            put.append(parcel(len(put), BIG if step == "big" else ""))
            waiting.put(put[-1])
        elif (following := waiting.next()) is not None:
            out.append(following)
            waiting.take()
    oldest = put[len(out)].put_at if len(out) < len(put) else None
    assert waiting.oldest == oldest
    out += all_of(waiting)
    assert out == list(enumerate(put))
    assert (waiting.held_bytes, waiting.empty, waiting.oldest) == (0, True, None)


def test_packing_takes_less_room_and_an_open_block_stays_as_it_is() -> None:
    waiting = Waiting()
    for number in range(8):
        waiting.put(parcel(number, BIG))
    before = waiting.held_bytes
    waiting.pack()
    assert before // 4 < waiting.held_bytes < before // 2
    assert [number for number, _ in all_of(waiting)] == list(range(8))


@given(st.lists(st.sampled_from(["put", "mark", "take"]), max_size=60))
def test_a_mark_goes_behind_all_that_was_put_before_and_the_last_one_is_never_lost(
    steps: list[str],
) -> None:
    waiting, put, behind, taken = Waiting(), 0, list[int](), list[tuple[int | None, Parcel]]()
    for step in steps:
        if step == "put":
            waiting.put(parcel(put))
            put += 1
        elif step == "mark":
            waiting.mark(mark(len(behind)))
            behind.append(put)
        elif (following := waiting.next()) is not None:
            taken.append(following)
            waiting.take()
    taken += all_of(waiting)
    order = [int(found.value) for number, found in taken if number is None]
    assert order == sorted(order)
    assert order[-1:] == [len(behind) - 1][: len(behind)]
    for at, (number, found) in enumerate(taken):
        if number is None:
            assert sum(n is not None for n, _ in taken[:at]) >= behind[int(found.value)]


def test_marks_of_a_long_backlog_are_thinned_out_but_still_come_between() -> None:
    waiting = Waiting()
    for number in range(200):
        waiting.put(parcel(number, BIG))
        waiting.mark(mark(number))
        waiting.pack()
    found = all_of(waiting)
    places = [at for at, (number, _) in enumerate(found) if number is None]
    apart = MARK_APART_BYTES // (BLOCK_BYTES // 3)
    assert 200 // (2 * apart) <= len(places) <= 200 // (apart - 2)
    assert max(after - before for before, after in pairwise(places)) <= 2 * apart + 2


def test_a_growing_backlog_does_not_push_its_only_mark_away() -> None:
    """One mark a second while little comes, and less goes: each mark would replace the last."""
    waiting, seen = Waiting(), 0
    for number in range(3000):
        waiting.put(parcel(number, "y" * 2000))
        waiting.mark(mark(number))
        if number % 4 == 0 and (following := waiting.next()) is not None:
            seen += following[0] is None
            waiting.take()
    assert seen > 0

"""Laws of the worker's loop: exact effects, whatever is killed, lost or repeated."""

import asyncio
import json
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from effort import tries
from worker_in_memory import CHANGELOG, REJECTED, Broker, InMemory, Killed, spots

KEYS = (b"a", b"b", b"c")

sendings = st.lists(
    st.tuples(st.sampled_from(spots()), st.sampled_from(KEYS)), min_size=1, max_size=40
)


def broker_with(messages: list) -> Broker:
    broker = Broker()
    for spot, key in messages:
        broker.send(spot, b"%d-%s" % (spot[1], key))
    return broker


def work(worker: InMemory) -> bool:
    """Let a worker work; return whether it lived to the end."""
    try:
        asyncio.run(asyncio.wait_for(worker.work(worker.done), 10))
    except Killed:
        return False
    return True


@settings(max_examples=tries(40), deadline=None)
@given(messages=sendings, kills=st.lists(st.integers(0, 12), max_size=4))
def test_kills_anywhere_leave_every_message_counted_once(messages: list, kills: list[int]) -> None:
    broker = broker_with(messages)
    for kill_at in kills:
        work(InMemory(broker, kill_at=kill_at))
    assert work(InMemory(broker))
    assert broker.counts() == broker.told() == broker.sent()


@settings(max_examples=tries(40), deadline=None)
@given(messages=sendings, lose=st.frozensets(st.integers(0, 40)))
def test_messages_lost_on_the_way_are_fetched_again(messages: list, lose: frozenset[int]) -> None:
    broker = broker_with(messages)
    assert work(InMemory(broker, lose=lose))
    assert broker.counts() == broker.told() == broker.sent()


def test_offsets_that_the_broker_does_not_have_are_passed_over_and_counted() -> None:
    broker = broker_with([(spots()[0], b"a")] * 6)
    del broker.messages[spots()[0]][2:4]  # retention took them
    worker = InMemory(broker)
    assert work(worker)
    assert broker.counts() == broker.sent()
    assert worker.health.report().counts["missing_offsets"] == 2


def test_no_row_is_written_once_the_place_is_lost() -> None:
    broker = broker_with([(spots()[0], b"a")])
    worker = InMemory(broker, keeps_place=False)
    asyncio.run(worker.work(lambda: worker.health.report().counts.get("places_lost", 0) > 0))
    assert broker.rows() == {}
    assert broker.committed == {}
    assert not worker.shell.is_open


def test_rows_come_after_the_outputs_that_imply_them() -> None:
    broker = broker_with([(spot, key) for spot in spots() for key in KEYS])
    assert work(InMemory(broker))
    told: Counter[bytes] = Counter()
    for message in broker.published:
        if message.topic == CHANGELOG:
            assert json.loads(message.value)["count"] <= told[message.key.split(b"|")[1]]
        else:
            told[message.key] = int(message.value)


def test_a_message_of_another_assignment_is_released_and_not_handled() -> None:
    broker = broker_with([(spots()[0], b"a")])
    worker = InMemory(broker)
    worker.generation = lambda: 99  # the partitions have been assigned anew meanwhile
    asyncio.run(worker.work(lambda: worker._now > 2))  # noqa: SLF001 - the fake's own clock
    assert broker.counts() == {}


def test_bad_data_and_bugs_go_to_the_dead_letters_and_the_rest_goes_on() -> None:
    broker = Broker()
    for value in (b"x", b"broken", b"x", b"bug", b"x"):
        broker.send(spots()[0], b"a", value)
    assert work(InMemory(broker))
    letters = [message for message in broker.published if message.topic == REJECTED]
    assert [letter.value for letter in letters] == [b"broken", b"bug"]
    codes = [dict(letter.headers)["aftershock.rejected.code"] for letter in letters]
    assert codes == [b"invalid", b"failed"]
    assert broker.counts() == {"a": 3}

"""The outbox on a real Kafka: killed brokers, full buffers, killed processes, refused messages."""

import asyncio
import random
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

import pytest
from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType

from pipeline.broker import clients
from pipeline.broker.ensure import ensure_topics
from pipeline.broker.letters import letters
from pipeline.broker.message import Message
from pipeline.broker.tail import read_to_end
from pipeline.broker.topics import ingest, observation_topics, observations, rejected
from pipeline.live.outbox.outbox import Outbox
from pipeline.live.outbox.positions import restore, seen_events
from pipeline.records import (
    FEEDS,
    OBSERVATION_VALUE,
    Batch,
    Event,
    Gap,
    Log,
    Mark,
    Metric,
    Positions,
    canonical,
)
from pipeline.settings import Settings
from servers.children import kill
from servers.feeding import CONTAINERS, START, STEP, line, name_of, settings_of
from servers.kafka_server import Kafka
from servers.waiting import until

NODES = 5
_KEEPER = ThreadPoolExecutor(1)
"""Restarts brokers beside the loop, and stays: a child dies with the thread that has started it."""
Values = list[tuple[Message, Batch | Mark | Gap]]


@pytest.fixture
def settings(kafka: Kafka, prefix: str) -> Settings:
    """Settings of a prefix whose topics are there; the smallest buffer."""
    found = settings_of(kafka.bootstrap_servers, prefix, buffer_mib=8)
    ensure_topics(found.kafka)
    return found


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Outbox]:
    outbox = Outbox(settings, "s")
    pump = asyncio.create_task(outbox.run())
    try:
        yield outbox
    finally:
        assert await outbox.close(60), outbox.stats
        await pump


def restarted(kafka: Kafka) -> asyncio.Future[None]:
    return asyncio.get_running_loop().run_in_executor(_KEEPER, kafka.restart)


def values(settings: Settings) -> Values:
    found = read_to_end(settings.kafka, observation_topics(settings.kafka.topic_prefix))
    return [(each, OBSERVATION_VALUE.validate_json(each.value or b"")) for each in found]


def numbers_of(found: Values) -> dict[str, list[int]]:
    """Return the numbers of the lines of each node, in the order of the topic."""
    numbers: dict[str, list[int]] = defaultdict(list)
    for _, value in found:
        if isinstance(value, Batch):
            numbers[value.node] += [int(log.message.split()[0]) for log in value.observations]
    return numbers


def marks_keep_their_promise(found: Values) -> bool:
    """Say whether every mark (number n at the time of line n) is behind all lines below n."""
    behind: dict[tuple[str, int], set[int]] = defaultdict(set)
    homes: dict[str, tuple[str, int]] = {}
    placed: dict[int, str] = {}
    for message, value in found:
        if isinstance(value, Batch):
            homes[value.node] = (message.topic, message.partition)
            placed |= {int(log.message.split()[0]): value.node for log in value.observations}
    for message, value in found:
        at = (message.topic, message.partition)
        if isinstance(value, Batch):
            behind[at] |= {int(log.message.split()[0]) for log in value.observations}
        elif isinstance(value, Mark):
            upto = (value.time - START) // STEP
            here = {number for number in range(upto) if homes[placed[number]] == at}
            if not here <= behind[at]:
                return False
    return True


async def write(outbox: Outbox, first: int, seconds: float) -> int:
    """Put lines and marks for so long; return the number of the next line."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    number = first
    while loop.time() < end:
        for _ in range(20):
            outbox.observe(f"node-{number % NODES}", line(number % NODES, number))
            number += 1
        if number % 200 == 0:
            outbox.mark(Mark(source="s", time=START + number * STEP, feeds=FEEDS))
        await asyncio.sleep(0.01)
    return number


def test_a_broker_that_is_away_loses_nothing_and_doubles_nothing(
    kafka: Kafka, settings: Settings
) -> None:
    async def scenario() -> int:
        async with running(settings) as outbox:
            written = await write(outbox, 0, 3)
            kafka.kill()
            written = await write(outbox, written, 22)
            assert outbox.trouble is not None
            restart = restarted(kafka)
            written = await write(outbox, written, 8)
            await restart
        assert outbox.trouble is None
        assert (outbox.stats.resends, outbox.stats.published["log"]) == (0, written)
        return written

    written = asyncio.run(scenario())
    found = values(settings)
    expected = {f"node-{n}": list(range(n, written, NODES)) for n in range(NODES)}
    assert numbers_of(found) == expected
    assert marks_keep_their_promise(found)
    marks = Counter((m.topic, m.partition) for m, value in found if isinstance(value, Mark))
    assert len(marks) == 9
    assert min(marks.values()) > 10


def test_a_producer_that_fails_is_replaced_and_each_node_stays_in_order(
    settings: Settings,
) -> None:
    async def scenario() -> int:
        async with running(settings) as outbox:
            written = 0
            for _ in range(5):
                written = await write(outbox, written, 1)
                clients.stop(outbox._carrier._producer)  # noqa: SLF001 - as a fatal error does
            return await write(outbox, written, 1)

    written = asyncio.run(scenario())
    found = values(settings)
    for node, numbers in numbers_of(found).items():
        first = int(node.removeprefix("node-"))
        # whoever forgets what comes again has every line once, in order
        assert list(dict.fromkeys(numbers)) == list(range(first, written, NODES))
    assert marks_keep_their_promise(found)


def noise(signal: str, number: int, chance: random.Random) -> Log | Event:
    text = f"{number} {chance.randbytes(2000).hex()}"
    time_ = START + number * STEP
    if signal == "log":
        return Log(time=time_, message=text)
    return Event(time=time_, kind="Pod", name="p", reason="r", message=text)


def test_what_does_not_fit_is_told_as_gaps_to_the_last_observation(
    kafka: Kafka, settings: Settings
) -> None:
    chance = random.Random(3)

    async def scenario() -> Counter[tuple[str, str]]:
        put: Counter[tuple[str, str]] = Counter()
        async with running(settings) as outbox:
            await write(outbox, 0, 0.5)
            before = sum(outbox.stats.put.values())
            kafka.kill()
            for number in range(before, before + 6000):
                signal = "event" if number % 7 == 0 else "log"
                put[f"noise-{number % 3}", signal] += 1
                outbox.observe(f"noise-{number % 3}", noise(signal, number, chance))
                if number % 100 == 0:
                    await asyncio.sleep(0.02)
            assert outbox.stats.waiting_bytes < 8.5 * 1024 * 1024
            await restarted(kafka)
        assert sum(outbox.stats.lost.values()) > 500
        return put

    put = asyncio.run(scenario())
    came, lost = came_and_lost(values(settings))
    assert came + lost == put
    assert len(lost) == 6


def came_and_lost(found: Values) -> tuple[Counter[tuple[str, str]], Counter[tuple[str, str]]]:
    """Return how much noise came, and how much was told as lost, by node and signal."""
    came: Counter[tuple[str, str]] = Counter()
    lost: Counter[tuple[str, str]] = Counter()
    for _, value in found:
        if isinstance(value, Batch) and value.node.startswith("noise"):
            came[value.node, value.signal] += len(value.observations)
        elif isinstance(value, Gap):
            assert value.reason == "buffer-full"
            lost[value.node, value.signal] += value.lost or 0
    return came, lost


def test_metrics_wait_then_logs_and_events_never(kafka: Kafka, settings: Settings) -> None:
    chance = random.Random(3)

    async def waits(outbox: Outbox, signal: str) -> bool:
        try:
            await asyncio.wait_for(outbox.room(signal), 0.05)
        except TimeoutError:
            return True
        return False

    async def scenario() -> list[str]:
        seen = []
        async with running(settings) as outbox:
            kafka.kill()
            for _ in range(110):
                outbox.observe("n", Log(time=START, message=chance.randbytes(50_000).hex()))
                found = "".join(
                    [s[0] for s in ("metric", "log", "event") if await waits(outbox, s)]
                )
                seen += [found] if [found] != seen[-1:] else []
            await restarted(kafka)
            await asyncio.wait_for(asyncio.gather(outbox.room("log"), outbox.room("metric")), 30)
        return seen

    assert asyncio.run(scenario()) == ["", "m", "ml"]


def test_a_killed_process_knows_afterwards_exactly_what_it_has_published(
    settings: Settings, spawn: Callable[..., object]
) -> None:
    """Killed at random moments: each line once, and in order, so no position lied."""
    chance = random.Random(11)
    servers, prefix = settings.kafka.bootstrap_servers, settings.kafka.topic_prefix
    topic = observations(prefix, "log")
    for _ in range(8):
        before = sum(1 for _ in read_to_end(settings.kafka, [topic]))
        child = spawn("-m", "servers.feeding", servers, prefix, "s")
        until(
            lambda before=before: sum(1 for _ in read_to_end(settings.kafka, [topic])) > before,
            within_s=30,
            what="something new",
        )
        time.sleep(chance.uniform(0, 2))
        kill(child)
    restored = restore(settings.kafka, "s")
    found: dict[str, list[int]] = defaultdict(list)
    for _, value in values(settings):
        for log in value.observations if isinstance(value, Batch) else ():
            assert isinstance(log, Log)
            found[log.pod or ""].append(int(log.message))
    assert len(found) == CONTAINERS
    for number in range(CONTAINERS):
        lines = found[f"pod-{number}"]
        assert lines == list(range(len(lines)))
        last = restored.containers[name_of(number)]
        assert last.through <= START + len(lines) * STEP


def test_positions_are_never_ahead_of_what_can_be_read(settings: Settings) -> None:
    async def scenario() -> None:
        async with running(settings) as outbox:
            outbox.checkpoint(Positions(source="s", part="p", queries={"0": START}))
            for number in range(0, 3000, 20):
                for line_number in range(number, number + 20):
                    outbox.observe("n", line(0, line_number))
                time_ = START + (number + 20) * STEP
                outbox.checkpoint(Positions(source="s", part="p", queries={"0": time_}))
                await asyncio.sleep(0.02)

    asyncio.run(scenario())
    told = [
        Positions.model_validate_json(message.value or b"")
        for message in read_to_end(settings.kafka, [ingest(settings.kafka.topic_prefix)])
    ]
    lines: list[tuple[tuple[str, int], int, int]] = []
    for message, value in values(settings):
        if isinstance(value, Batch):
            at = (f"{message.topic}/{message.partition}", message.partition)
            lines += [(at, message.offset, int(log.message)) for log in value.observations]
    assert len(told) > 5
    for positions in told:
        remembered = (positions.queries["0"] - START) // STEP
        behind = [n for (name, _), offset, n in lines if offset < positions.offsets.get(name, 0)]
        assert behind == list(range(remembered))


def test_a_message_beyond_the_brokers_limit_is_kept_as_a_rejected_record(
    settings: Settings,
) -> None:
    topic = observations(settings.kafka.topic_prefix, "log")
    limited = ConfigResource(ConfigResourceType.TOPIC, topic, {"max.message.bytes": "20000"})
    admin = KafkaAdminClient(bootstrap_servers=settings.kafka.bootstrap_servers)
    admin.alter_configs([limited])
    admin.close()
    too_long = Log(time=START, message=random.Random(1).randbytes(20_000).hex())
    far_too_long = Log(time=START, message=random.Random(2).randbytes(600_000).hex())

    async def scenario() -> None:
        async with running(settings) as outbox:
            for found in (line(0, 0), too_long, line(0, 1), far_too_long, line(0, 2)):
                outbox.observe(f"{len(found.message)}", found)
                await asyncio.sleep(0.3)
        assert (outbox.stats.refused, outbox.stats.lost["log"]) == (2, 2)
        assert outbox.stats.published["log"] == 3

    asyncio.run(scenario())
    kept = letters(read_to_end(settings.kafka, [rejected(settings.kafka.topic_prefix)]))
    assert [letter.value for letter in kept] == [
        canonical(Batch(source="s", node=str(len(log.message)), observations=(log,)))
        for log in (too_long, far_too_long)
    ]
    assert list(dict.fromkeys(numbers_of(values(settings))["1"])) == [0, 1, 2]


def test_what_was_read_back_is_told(settings: Settings) -> None:
    sample = Metric(time=START, name="up", value=1.0)

    def event(uid: str, count: int) -> Event:
        return Event(time=START, kind="Pod", name="p", reason="r", source_uid=uid, count=count)

    async def scenario() -> None:
        async with running(settings) as outbox:
            outbox.checkpoint(Positions(source="s", part="p"))
            outbox.observe("n", sample)
            for uid, count in (("a", 1), ("b", 7), ("a", 3), ("b", 2)):
                outbox.observe("n", event(uid, count))

    asyncio.run(scenario())
    samples: list[Metric] = []
    restored = restore(settings.kafka, "s", on_metric=samples.append)
    assert (samples, restored.read_back) == ([sample], 5)
    assert restore(settings.kafka, "other").read_back == 0
    assert seen_events(settings.kafka, START) == {"a": 3, "b": 7}

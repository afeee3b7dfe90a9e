"""Laws of one partition of detection that need no signatures."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from pipeline.assembly import flow_of
from pipeline.detect.coverage import Coverage
from pipeline.detect.partition import DetectPartition, DetectStep, NodeRow
from pipeline.detect.rows import unpacked
from pipeline.records import FEEDS, Batch, Gap, Log, Mark, Metric, micros
from pipeline.settings import Settings

START = datetime(2026, 3, 2, 10, tzinfo=UTC)


@pytest.fixture
def partition() -> DetectPartition:
    return flow_of(Settings()).detect_partition(0, 2)


def batch(at: float = 0, node: str = "jupyterhub/hub") -> Batch:
    line = Log(time=START + timedelta(seconds=at), node=node, message="[I hello]")
    return Batch(source="s", node=node, observations=(line,))


def gap(since: float, until: float, lost: int | None = 7) -> Gap:
    return Gap(
        source="s",
        node="jupyterhub/hub",
        signal="log",
        since=START + timedelta(seconds=since),
        until=START + timedelta(seconds=until),
        lost=lost,
        reason="rate-limited",
        what="hub",
    )


def mark(at: float, source: str = "s") -> Mark:
    return Mark(source=source, time=START + timedelta(seconds=at), feeds=FEEDS)


def counts(row: bytes | None) -> dict[str, int]:
    assert row is not None
    return unpacked(row, NodeRow).counts


def coverage(step: DetectStep) -> Coverage:
    (row,) = step.rows.values()
    assert row is not None
    return unpacked(row, NodeRow).coverage


def test_a_batch_that_comes_again_changes_nothing(partition: DetectPartition) -> None:
    first = partition.on_batch("logs", 5, batch())
    again = partition.on_batch("logs", 5, batch())

    assert [counts(row)["received"] for row in first.rows.values()] == [1]
    assert again.rows == {}


def test_a_batch_of_another_signal_is_refused(partition: DetectPartition) -> None:
    sample = Metric(time=START, node="jupyterhub/hub", name="up", value=1)
    wrong = Batch(source="s", node="jupyterhub/hub", observations=(sample,))

    with pytest.raises(ValueError, match="metric observations on the feed of logs"):
        partition.on_batch("logs", 1, wrong)


def test_marks_go_on_less_the_lateness_once_every_feed_has_spoken(
    partition: DetectPartition,
) -> None:
    told = [partition.on_mark(feed, mark(600)).mark for feed in FEEDS]

    assert told[:2] == [None, None]
    assert told[2] is not None
    assert told[2].time == START + timedelta(seconds=600 - 120)
    assert told[2].feeds == ("detect/0", "detect/1")


def test_what_comes_after_the_allowed_lateness_is_counted_as_late(
    partition: DetectPartition,
) -> None:
    for feed in FEEDS:
        partition.on_mark(feed, mark(600))

    (row,) = partition.on_batch("logs", 1, batch(at=479)).rows.values()

    assert counts(row)["late"] == 1


def test_a_dead_source_holds_nothing_back(partition: DetectPartition) -> None:
    for feed in FEEDS:
        partition.on_mark(feed, mark(10, "dead"))
        partition.on_mark(feed, mark(600, "live"))
    assert set(partition.live_sources()) == {"dead", "live"}

    step = partition.on_silence("dead")

    assert step.mark is not None
    assert step.mark.time == START + timedelta(seconds=480)


def test_rows_of_other_partitions_are_passed_over(partition: DetectPartition) -> None:
    rows = partition.on_batch("logs", 5, batch()).rows
    foreign = {key.replace(b"0|", b"1|", 1): value for key, value in rows.items()}
    fresh = flow_of(Settings()).detect_partition(0, 2)

    fresh.restore((key, value) for key, value in foreign.items() if value is not None)

    assert fresh.on_batch("logs", 5, batch()).rows


def test_a_gap_is_told_in_the_row_of_its_node_and_signal(partition: DetectPartition) -> None:
    partition.on_batch("logs", 1, batch(at=5))

    seen = coverage(partition.on_gap("logs", 2, gap(10, 40)))

    assert seen.first == seen.last == micros(START) + 5_000_000
    told = seen.gaps["rate-limited"].total()
    assert (told.gaps, told.lost, told.until - told.since) == (1, 7, 30_000_000)


def test_a_gap_that_comes_again_changes_nothing(partition: DetectPartition) -> None:
    first = partition.on_gap("logs", 5, gap(0, 1))
    again = partition.on_gap("logs", 5, gap(0, 1))

    assert coverage(first).gaps["rate-limited"].total().lost == 7
    assert again.rows == {}


def test_a_gap_changes_no_symptom_and_no_count(partition: DetectPartition) -> None:
    step = partition.on_gap("logs", 1, gap(0, 1, lost=None))

    assert (step.symptoms, step.mark) == ([], None)
    assert [counts(row)["received"] for row in step.rows.values()] == [0]


def test_a_gap_of_another_signal_is_refused(partition: DetectPartition) -> None:
    with pytest.raises(ValueError, match="a gap in log observations on the feed of metrics"):
        partition.on_gap("metrics", 1, gap(0, 1))


def test_late_observations_are_seen_all_the_same(partition: DetectPartition) -> None:
    for feed in FEEDS:
        partition.on_mark(feed, mark(600))

    seen = coverage(partition.on_batch("logs", 1, batch(at=3)))

    assert seen.first == micros(START) + 3_000_000


def test_a_row_from_before_there_was_coverage_is_read(partition: DetectPartition) -> None:
    ((key, row),) = partition.on_batch("logs", 1, batch(at=5)).rows.items()
    old = msgspec.msgpack.decode(row or b"")
    del old["coverage"]
    fresh = flow_of(Settings()).detect_partition(0, 2)

    fresh.restore([(key, msgspec.json.encode(old))])

    seen = coverage(fresh.on_batch("logs", 2, batch(at=9)))
    assert seen.first == micros(START) + 9_000_000

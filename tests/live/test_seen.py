"""What ingest tells Prometheus of what it sees."""

from collections import Counter
from datetime import UTC, datetime, timedelta

from prometheus_client.openmetrics.parser import text_string_to_metric_families

from live_sink import KeptSink
from pipeline.live.outbox.stats import OutboxStats
from pipeline.live.seen import Counting, metrics_of
from pipeline.openmetrics import text_of
from pipeline.records import Gap, Log

TIME = datetime(2026, 3, 2, 10, tzinfo=UTC)
NOTHING = OutboxStats(
    put={},
    published={"log": 7},
    lost={},
    batches=0,
    rejected=0,
    rejected_lost=0,
    gaps=0,
    refused=0,
    waiting_bytes=0,
    in_flight_bytes=0,
    resends=0,
    oldest_s=0.0,
)


def told(counting: Counting) -> dict[tuple[str, str], float]:
    """Return the samples of a node by name, as a parser reads them."""
    text = text_of(metrics_of(counting.spots, NOTHING, Counter(duplicate=3)))
    return {
        (sample.name, sample.labels.get("node", "")): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_each_node_is_told_with_its_numbers_and_its_latest_time() -> None:
    sink = KeptSink()
    counting = Counting(sink)
    for seconds in (5, 3):
        counting.observe("hub", Log(time=TIME + timedelta(seconds=seconds), message="x"))
    found = told(counting)
    assert found["aftershock_ingest_observations_total", "hub"] == 2
    assert found["aftershock_ingest_last_seen_timestamp_seconds", "hub"] == TIME.timestamp() + 5
    assert len(sink.observed) == 2


def test_gaps_count_what_is_known_to_be_lost() -> None:
    counting = Counting(KeptSink())
    for lost in (4, None):
        gap = Gap(
            source="s",
            node="db",
            signal="log",
            since=TIME,
            until=TIME,
            lost=lost,
            reason="not-followed",
            what="x",
        )
        counting.gap(gap)
    found = told(counting)
    assert found["aftershock_ingest_gaps_total", "db"] == 2
    assert found["aftershock_ingest_lost_total", "db"] == 4
    assert found["aftershock_ingest_published_total", ""] == 7

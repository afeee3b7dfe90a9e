"""The ledger: sums that agree, and sums that do not."""

import json

import pytest

from pipeline.accounting import Check, Ledger

BUCKETS = {"received": 7, "no_symptom": 4, "in_symptom": 2, "waiting": 1}
READ = {"lines": 10, "blank": 1, "rejected": 0, "observations": 9, "published": 7, "unmapped": 2}
ONE_MORE = {"lines": 11, "observations": 10, "published": 8}


LIVE = {"observations": 5, "published": 4, "unmapped": 1, "duplicate": 3, "lost": 9}


def node_row(counts: dict[str, int], **more: object) -> bytes:
    return json.dumps({"node": "n", "offset": 1, "counts": counts, "facts": {}} | more).encode()


def detect_partition(counts: dict[str, int], source: str = "replay-1", **by_feed: int) -> bytes:
    row = {"watermark": {}, "sources": {source: counts}, "promised": {source: by_feed}}
    return json.dumps(row if by_feed else row | {"promised": {}}).encode()


def symptom(name: str) -> bytes:
    return json.dumps({"kind": "symptom", "id": name}).encode()


@pytest.fixture
def ledger() -> Ledger:
    ledger = Ledger()
    ledger.detect_row(b"0|node|log|n", node_row(BUCKETS))
    ledger.detect_row(b"0|partition", detect_partition(READ))
    return ledger


def disagreeing(ledger: Ledger) -> list[str]:
    return [check.name for check in ledger.checks() if not check.agrees]


def test_what_is_read_is_received_and_in_a_bucket(ledger: Ledger) -> None:
    assert disagreeing(ledger) == []


def test_a_source_counts_once_however_many_partitions_heard_it(ledger: Ledger) -> None:
    ledger.detect_row(b"1|partition", detect_partition(READ | {"lines": 8}))
    assert ledger.read["lines"] == 10


def test_a_lost_observation_is_noticed(ledger: Ledger) -> None:
    ledger.detect_row(b"0|partition", detect_partition(READ | ONE_MORE))
    assert disagreeing(ledger) == ["published = received + in dead letters"]


def test_observations_in_dead_letters_are_not_lost(ledger: Ledger) -> None:
    ledger.detect_row(b"0|partition", detect_partition(READ | ONE_MORE))
    ledger.dead_batch(b'{"kind":"batch","observations":[{"signal":"log"}]}')
    ledger.dead_batch(b"\xff no batch")
    assert disagreeing(ledger) == []


def test_an_observation_in_no_bucket_is_noticed(ledger: Ledger) -> None:
    ledger.detect_row(b"0|node|event|n", node_row({"received": 1, "no_symptom": 0}))
    assert "observations received = by bucket" in disagreeing(ledger)


def live(*rows: bytes, received: int) -> Ledger:
    """Return a ledger of a live source whose partitions say this."""
    ledger = Ledger()
    counts = {"received": received, "no_symptom": received}
    ledger.detect_row(b"0|node|log|n", node_row(counts))
    for number, row in enumerate(rows):
        ledger.detect_row(b"%d|partition" % number, row)
    return ledger


def test_what_a_live_source_lost_or_dropped_as_repeated_is_no_observation() -> None:
    row = detect_partition(LIVE, "ingest-0", logs=4, events=4)
    assert disagreeing(live(row, received=4)) == []


def test_a_live_source_may_be_ahead_of_its_marks_but_not_behind() -> None:
    row = detect_partition(LIVE, "ingest-0", logs=4, events=4)
    assert disagreeing(live(row, received=700)) == []
    assert disagreeing(live(row, received=3)) == ["received + in dead letters ≥ published"]


def test_only_what_all_feeds_and_partitions_heard_of_must_be_there() -> None:
    one = detect_partition(LIVE, "ingest-0", logs=4, events=2)
    other = detect_partition(LIVE, "ingest-0", logs=3, events=3)
    assert disagreeing(live(one, other, received=2)) == []
    assert disagreeing(live(one, other, received=1)) != []


def test_a_live_source_that_started_again_agrees_within_each_mark() -> None:
    again = LIVE | {"observations": 4, "published": 1, "unmapped": 3}
    rows = (detect_partition(counts, "ingest-0", logs=1, events=1) for counts in (LIVE, again))
    assert disagreeing(live(*rows, received=9)) == []


def test_a_live_source_that_drops_without_a_word_is_noticed() -> None:
    row = detect_partition(LIVE | {"unmapped": 0}, "ingest-0", logs=4, events=4)
    assert disagreeing(live(row, received=4)) == ["observations = published + unmapped"]


def test_beside_a_live_source_replays_must_still_have_arrived(ledger: Ledger) -> None:
    ledger.detect_row(b"1|partition", detect_partition(LIVE, "ingest-0", logs=4, events=4))
    assert disagreeing(ledger) == []
    ledger.detect_row(b"2|partition", detect_partition(READ | ONE_MORE))
    assert disagreeing(ledger) == ["received + in dead letters ≥ published"]


def test_what_was_lost_is_told_by_reason_and_disturbs_no_sum(ledger: Ledger) -> None:
    stretch = [0, 5, 3, 40, 1]  # since, until, gaps, lost, uncounted
    coverage = {"gaps": {"rate-limited": {"recent": {"0": stretch}, "older": stretch}}}
    ledger.detect_row(b"0|node|log|m", node_row({"received": 0}, coverage=coverage))
    ledger.detect_row(b"0|node|event|m", node_row({"received": 0}, coverage=coverage))
    assert ledger.losses == {"rate-limited": {"gaps": 12, "lost": 160, "uncounted": 4}}
    assert ledger.lost == 160
    assert disagreeing(ledger) == []


def test_every_published_symptom_is_in_one_bucket() -> None:
    ledger = Ledger()
    tally = {"in_incident": 1, "below_threshold": 1, "superseded": 1, "incidents": 1}
    row = {"watermark": {}, "tallies": {"app": tally}}
    ledger.correlate_row(b"0|partition", json.dumps(row).encode())
    ledger.correlate_row(b"0|symptom|app|d", b'{"supersedes": ["e"]}')
    for name in ("a", "b", "c", "d", "e", "a"):
        ledger.symptom(b"app", symptom(name))
    ledger.symptom(None, b'{"kind": "mark"}')
    assert disagreeing(ledger) == []
    ledger.symptom(b"app", symptom("f"))
    assert disagreeing(ledger) == ["symptoms published = by bucket"]


def test_repeats_may_be_counted_without_being_new() -> None:
    assert Check("", left=3, right=2, slack=1).agrees
    assert not Check("", left=2, right=3, slack=1).agrees

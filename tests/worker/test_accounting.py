"""The ledger: sums that agree, and sums that do not."""

import json

import pytest

from pipeline.accounting import Check, Ledger

BUCKETS = {"received": 7, "no_symptom": 4, "in_symptom": 2, "waiting": 1}
READ = {"lines": 10, "blank": 1, "rejected": 0, "observations": 9, "published": 7, "unmapped": 2}
ONE_MORE = {"lines": 11, "observations": 10, "published": 8}


def node_row(counts: dict[str, int]) -> bytes:
    return json.dumps({"node": "n", "offset": 1, "counts": counts, "facts": {}}).encode()


def detect_partition(counts: dict[str, int]) -> bytes:
    return json.dumps({"watermark": {}, "sources": {"replay-1": counts}}).encode()


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

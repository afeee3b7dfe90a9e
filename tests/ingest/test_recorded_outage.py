"""The recorded outage is what its generator writes, reads without a fault, and is labelled."""

import json
from datetime import datetime, timedelta
from importlib import resources

import pytest
import zstandard

from ingest_reading import read
from pipeline.demo.outage.story import labels, recording
from pipeline.records import OBSERVATION, Event, Log, Metric
from topology.load import load

DATA = resources.files("pipeline.demo") / "data"
RECORDED = (DATA / "database-outage.jsonl.zst").read_bytes()
LABELS = json.loads((DATA / "database-outage.labels.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def observed() -> list[Log | Event | Metric]:
    lines = zstandard.ZstdDecompressor().decompress(RECORDED).splitlines()
    return [OBSERVATION.validate_json(line) for line in lines]


def test_the_committed_recording_is_what_the_generator_writes() -> None:
    assert zstandard.ZstdDecompressor().decompress(RECORDED) == recording(1)
    assert json.loads(labels(1)) == LABELS
    assert len(RECORDED) < 300_000


@pytest.mark.long
def test_another_seed_is_another_course() -> None:
    assert recording(2) != recording(1)


def test_all_of_it_is_read() -> None:
    with resources.as_file(DATA / "database-outage.jsonl.zst") as file:
        messages, rejected, reader = read(file)
    assert (rejected, reader.counts["blank"]) == ([], 0)
    assert len(messages) > 10_000


def test_it_lasts_an_hour_and_its_trouble_lies_within(observed: list[Log | Event | Metric]) -> None:
    times = [found.time for found in observed]
    start, end = (datetime.fromisoformat(LABELS["cases"][0][edge]) for edge in ("start", "end"))
    assert timedelta(minutes=59) < max(times) - min(times) < timedelta(minutes=60)
    assert min(times) + timedelta(minutes=30) < start < end < max(times) - timedelta(minutes=15)


def test_the_hub_complains_of_its_database_during_the_outage_only(
    observed: list[Log | Event | Metric],
) -> None:
    start, end = (datetime.fromisoformat(LABELS["cases"][0][edge]) for edge in ("start", "end"))
    words = ("OperationalError", "Database connection error", "Failed to get current user")
    complaints = [
        found.time
        for found in observed
        if isinstance(found, Log) and any(word in found.message for word in words)
    ]
    assert len(complaints) > 100
    assert start <= min(complaints) <= start + timedelta(seconds=60)
    assert max(complaints) <= end


def test_event_counts_only_grow(observed: list[Log | Event | Metric]) -> None:
    seen: dict[str, int] = {}
    for found in observed:
        if isinstance(found, Event) and found.source_uid is not None:
            assert found.count == seen.get(found.source_uid, 0) + 1
            seen[found.source_uid] = found.count
            assert found.time.microsecond == 0


def test_labels_name_nodes_of_the_shipped_application() -> None:
    application = load("jupyterhub-openshift")
    case = LABELS["cases"][0]
    named = [*case["root_cause"], *case["affected"]]
    assert case["application"] == application.name
    assert [node for node in named if application.template_of(node) is None] == []

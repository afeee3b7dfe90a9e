"""Neither the order of files, nor that two of them say the same, makes a difference."""

import random
import shutil
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

import dumping
from effort import tries
from pipeline.ingest.buckets import LINES
from pipeline.ingest.files import Reader
from pipeline.records import Event, Log, canonical
from scenarios.timeline import DB, HUB, NAMESPACE, Timeline

PARTS = st.lists(
    st.sampled_from(
        [
            "2026-03-02T10:00:00.000000001Z a",
            "2026-03-02T10:00:00.000000001Z b",
            "[I 2026-03-02 10:00:01.0 Hub a:1] on",
            "not dated",
            "",
            "\udcff",
        ]
    ),
    max_size=30,
)


def story() -> Timeline:
    timeline = Timeline()
    for at in range(4):
        timeline.hub(at, "E", "base:89", "Failed to get current user")
    return timeline.event(2, DB, "Unhealthy", "Readiness probe failed", count=3)


def observed(paths: list[Path]) -> list[bytes]:
    return [canonical(one) for one in Reader(paths)]


def test_files_may_be_named_in_any_order(tmp_path: Path) -> None:
    dumping.cluster_info(tmp_path, story().told)
    dumping.write(tmp_path / "stream.txt", dumping.cluster_info_stream(story().told))
    older = dumping.pod_object(NAMESPACE, HUB, "old")
    older["metadata"] |= {"creationTimestamp": "2020-01-01T00:00:00Z", "uid": "older"}
    dumping.write(tmp_path / "a.json", dumping.as_json(older))
    dumping.write(tmp_path / f"{HUB}.log", dumping.stamped_lines([_log()]))
    files = sorted(path for path in tmp_path.rglob("*") if path.is_file())
    expected = observed(files)
    for seed in range(5):
        shuffled = files.copy()
        random.Random(seed).shuffle(shuffled)
        assert observed(shuffled) == expected
    assert {one.pod_uid for one in Reader(files) if isinstance(one, Log)} == {f"uid-of-{HUB}"}


def test_what_two_images_of_one_must_gather_have_gathered_counts_once(tmp_path: Path) -> None:
    root = dumping.must_gather(tmp_path, story().told)
    once = observed([root])
    shutil.copytree(root / dumping.IMAGE, root / ("b" + dumping.IMAGE))
    reader = Reader([root])
    assert [canonical(one) for one in reader] == once
    assert reader.counts["repeated"] == len(once)
    assert reader.counts["observations"] == len(once)
    assert f"{len(once)} lines or events came in several files" in reader.found.told(len(once))[1]


def test_single_events_beside_their_list_count_once(tmp_path: Path) -> None:
    core = tmp_path / "namespaces" / NAMESPACE / "core"
    events = [dumping.event_object(event) for event in dumping.latest(story().told)]
    dumping.write(core / "events.yaml", dumping.as_yaml(dumping.as_list(events, "EventList")))
    dumping.write(core / "events" / "db.1626341a31f7b315.yaml", dumping.as_yaml(events[0]))
    assert [one.count for one in Reader([tmp_path]) if isinstance(one, Event)] == [3]


@given(PARTS, st.booleans())
@settings(max_examples=tries(40))
def test_every_line_of_a_log_ends_in_exactly_one_bucket(lines: list[str], twice: bool) -> None:  # noqa: FBT001
    with tempfile.TemporaryDirectory() as folder:
        content = "\n".join(lines).encode("utf-8", "surrogateescape")
        dumping.write(Path(folder) / "n_hub-1-x_hub.log", content)
        if twice:
            dumping.write(Path(folder) / "n_hub-1-x_hub.previous.log", content)
        rejected: list[object] = []
        reader = Reader([folder], on_rejected=rejected.append)
        found = list(reader)
    counts = reader.counts
    told = len(content.split(b"\n")) - (not content or content.endswith(b"\n"))
    assert counts["lines"] == sum(counts[bucket] for bucket in LINES) == told * (1 + twice)
    assert (len(found), len(rejected)) == (counts["observations"], counts["rejected"])


def _log() -> Log:
    return next(one for one in story().told if isinstance(one, Log))

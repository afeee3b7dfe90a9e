"""What people attach to bug reports is recognised by its shape, and says what a recording says."""

import gzip
import os
import tarfile
import threading
from datetime import timedelta
from pathlib import Path

import pytest
import zstandard

import dumping
from pipeline.errors import UsageError
from pipeline.ingest.files import Reader
from pipeline.records import Event, Log, Metric, Rejected, canonical
from scenarios.timeline import DB, HUB, NAMESPACE, START, Timeline


def story() -> list[Log | Event | Metric]:
    """Return what a hub and its database had to say."""
    timeline = Timeline()
    for at in range(5):
        timeline.hub(at, "E", "base:89", "Failed to get current user")
    timeline.user(7, "alice", "I", "200 GET /api/status")
    timeline.event(2, DB, "Unhealthy", "Readiness probe failed: ", count=3, machine=dumping.MACHINE)
    timeline.event(
        9, "wrk-2", "NodeNotReady", "Node wrk-2 status is now: NodeNotReady", kind="Node"
    )
    return timeline.told


def recorded() -> list[bytes]:
    """Return the story as a live recording of the same would tell it, as far as objects remain."""
    told = story()
    known = {"cluster_node": dumping.MACHINE}
    logs = [
        log.model_copy(update={**known, "pod_uid": f"uid-of-{log.pod}"})
        for log in told
        if isinstance(log, Log)
    ]
    events = dumping.latest(told)
    placed = [one.model_copy(update={"namespace": one.namespace or "default"}) for one in events]
    return sorted(canonical(one) for one in [*logs, *placed])


def observed(*paths: Path) -> list[bytes]:
    rejected: list[object] = []
    found = sorted(canonical(one) for one in Reader(paths, on_rejected=rejected.append))
    assert rejected == []
    return found


def summary(*paths: Path) -> list[str]:
    reader = Reader(paths)
    list(reader)
    return reader.found.told(reader.counts["repeated"])


def lists(folder: Path, suffix: str) -> Path:
    """Write events, pods and stamped logs as somebody does it by hand."""
    write = {".json": dumping.as_json, ".yaml": dumping.as_yaml}[suffix]
    events = [dumping.event_object(event) for event in dumping.latest(story())]
    logs = dumping.by_container(story())
    pods = [dumping.pod_object(*key) for key in logs]
    dumping.write(folder / f"events{suffix}", write(dumping.as_list(events)))
    dumping.write(folder / f"my pods{suffix}", write(dumping.as_list(pods)))
    for (_, pod, _), lines in logs.items():
        dumping.write(folder / f"{pod}.log", dumping.stamped_lines(lines))
    return folder


def test_a_must_gather_says_what_the_recording_says(tmp_path: Path) -> None:
    root = dumping.must_gather(tmp_path, story())
    assert observed(root) == recorded()
    assert summary(root) == ["must-gather: 2 logs, 2 events, 2 pods; 3 files ignored"]


def test_what_inspect_wrote_of_one_namespace_is_enough(tmp_path: Path) -> None:
    root = dumping.must_gather(tmp_path, story()) / dumping.IMAGE
    root.rename(tmp_path / "inspect.local.1")
    inner = tmp_path / "inspect.local.1" / "namespaces" / NAMESPACE
    assert summary(inner) == ["oc adm inspect: 2 logs, 1 event, 2 pods"]
    assert len(observed(inner)) == len(recorded()) - 1


def test_a_cluster_info_dump_says_what_the_recording_says(tmp_path: Path) -> None:
    root = dumping.cluster_info(tmp_path / "dump", story())
    assert observed(root) == recorded()
    assert summary(root) == ["cluster-info dump: 2 logs, 2 events, 2 pods; 3 files ignored"]


@pytest.mark.parametrize("name", ["cluster-info.txt", "dump.json", "dump"])
def test_a_cluster_info_dump_in_one_file_is_the_same(tmp_path: Path, name: str) -> None:
    file = dumping.write(tmp_path / name, dumping.cluster_info_stream(story()))
    assert observed(file) == recorded()
    assert summary(file) == ["cluster-info dump: 2 logs, 2 events, 2 pods"]


@pytest.mark.parametrize("suffix", [".json", ".yaml"])
def test_lists_and_stamped_logs_in_a_folder_say_what_the_recording_says(
    tmp_path: Path, suffix: str
) -> None:
    root = lists(tmp_path, suffix)
    assert observed(root) == recorded()
    assert summary(root) == ["logs and events: 2 logs, 2 events, 2 pods"]


@pytest.mark.parametrize("compress", [gzip.compress, zstandard.ZstdCompressor().compress, bytes])
def test_an_archive_is_read_as_its_folder(tmp_path: Path, compress) -> None:  # noqa: ANN001
    root = dumping.must_gather(tmp_path, story())
    with tarfile.open(tmp_path / "plain.tar", "w") as archive:
        archive.add(root, arcname=root.name)
    content = compress((tmp_path / "plain.tar").read_bytes())
    file = dumping.write(tmp_path / "attachment", content)
    assert observed(file) == recorded()
    assert summary(file) == ["must-gather: 2 logs, 2 events, 2 pods; 3 files ignored"]


def test_of_an_archive_that_breaks_off_all_before_is_read_and_the_break_is_told(
    tmp_path: Path,
) -> None:
    with tarfile.open(tmp_path / "whole.tar.gz", "w:gz") as archive:
        archive.add(lists(tmp_path / "x", ".json"), arcname="x")
    content = (tmp_path / "whole.tar.gz").read_bytes()
    rejected: list[Rejected] = []
    file = dumping.write(tmp_path / "cut.tar.gz", content[: len(content) - 60])
    reader = Reader([file], on_rejected=rejected.append)
    found = list(reader)
    assert len(found) >= 3
    assert {told.code for told in rejected} <= {"unreadable", "not-json"}
    assert f"{file}" in {told.where for told in rejected if told.code == "unreadable"}
    assert reader.counts["lines"] == len(found) + len(rejected)


def test_an_archive_that_cannot_be_read_is_said_in_one_line(tmp_path: Path) -> None:
    file = dumping.write(tmp_path / "case.zip", b"PK\x03\x04 and so on")
    with pytest.raises(UsageError, match=r"case\.zip: .* unpack it"):
        Reader([file])


SHOWN = {
    "events.txt": "LAST SEEN   TYPE      REASON    OBJECT   MESSAGE\n5m   Warning   BackOff\n",
    "all.txt": "NAMESPACE   LAST SEEN   TYPE   REASON   OBJECT   MESSAGE\njhub   5m   Normal\n",
    "pods.txt": "NAME          READY   STATUS    RESTARTS   AGE\nhub-1-abcde   1/1   Running\n",
    "describe.txt": "Name:             hub-1-abcde\nNamespace:        jhub\n",
}


@pytest.mark.parametrize("name", SHOWN)
def test_what_kubectl_shows_to_people_is_named_with_what_to_do_instead(
    tmp_path: Path, name: str
) -> None:
    file = dumping.write(tmp_path / name, SHOWN[name])
    for given in (file, tmp_path):
        with pytest.raises(UsageError, match=rf"{name}: kubectl's text .* -o json"):
            Reader([given])
    lists(tmp_path / "x", ".json")
    assert summary(tmp_path)[-1].startswith(f"left aside: {file}: kubectl's text")


def test_what_is_left_aside_is_told_wherever_it_lies(tmp_path: Path) -> None:
    inner = lists(tmp_path / "x", ".json")
    dumping.write(inner / "events.txt", SHOWN["events.txt"])
    dumping.write(inner / "case.zip", b"PK\x03\x04 and so on")
    with tarfile.open(tmp_path / "x.tar", "w") as archive:
        archive.add(inner, "x")
    for given in (inner, tmp_path / "x.tar"):
        packed, shown = summary(given)[-2:]
        assert "case.zip: an archive that cannot be read as it is: unpack it" in packed
        assert "events.txt: kubectl's text" in shown


def test_what_comes_through_a_pipe_is_told_by_its_shape(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    content = dumping.cluster_info_stream(story()).encode()
    writer = threading.Thread(target=lambda: pipe.write_bytes(content))
    writer.start()
    assert observed(pipe) == recorded()
    writer.join()


def test_changes_of_a_watch_are_read_one_by_one(tmp_path: Path) -> None:
    event = next(one for one in story() if isinstance(one, Event))
    updates = [event.model_copy(update={"count": n}) for n in (1, 2)]
    objects = [dumping.event_object(update) for update in updates]
    stream = dumping.as_json(objects[0]) + dumping.as_json(
        {"type": "MODIFIED", "object": objects[1]}
    )
    file = dumping.write(tmp_path / "watched.json", stream)
    found = [one for one in Reader([file]) if isinstance(one, Event)]
    assert [one.count for one in found] == [1, 2]


def test_an_event_object_is_one_observation_at_its_last_time(tmp_path: Path) -> None:
    told = story()
    event = next(one for one in dumping.latest(told) if one.name == DB)
    file = dumping.write(tmp_path / "e.json", dumping.as_json(dumping.event_object(event)))
    (found,) = Reader([file])
    assert isinstance(found, Event)
    assert (found.count, found.first_time) == (3, START + timedelta(seconds=2))
    assert found.time == START + timedelta(seconds=22)


def test_recordings_and_dumps_may_lie_side_by_side(tmp_path: Path) -> None:
    lists(tmp_path / "by hand", ".json")
    lines = b"\n".join(canonical(one) for one in story())
    dumping.write(tmp_path / "more.jsonl", lines)
    assert len(observed(tmp_path)) == len(recorded()) + len(story())
    assert summary(tmp_path)[-1] == "recordings: 1 file"


def test_a_recording_alone_needs_no_words(tmp_path: Path) -> None:
    dumping.write(tmp_path / "a.jsonl", b"\n".join(canonical(one) for one in story()))
    assert summary(tmp_path) == []


def test_other_objects_and_texts_are_left_aside(tmp_path: Path) -> None:
    service = {"kind": "Service", "apiVersion": "v1", "metadata": {"name": "hub"}}
    dumping.write(tmp_path / "services.json", dumping.as_json(dumping.as_list([service])))
    dumping.write(tmp_path / "values.yaml", "hub:\n  kind: Pod\n")
    dumping.write(tmp_path / "notes.txt", "it broke at 2026-03-02 10:00:00 or so\n")
    with pytest.raises(UsageError, match="no recordings in this folder"):
        Reader([tmp_path])
    lists(tmp_path / "x", ".json")
    assert summary(tmp_path)[-1].endswith("; 3 files ignored")


def test_pods_of_one_name_do_not_lend_each_other_their_namespace(tmp_path: Path) -> None:
    pods = [dumping.pod_object(namespace, HUB, "hub") for namespace in ("one", "two")]
    dumping.write(tmp_path / "pods.json", dumping.as_json(dumping.as_list(pods)))
    hub = [one for one in story() if isinstance(one, Log) and one.pod == HUB]
    dumping.write(tmp_path / f"{HUB}.log", dumping.stamped_lines(hub))
    assert {one.namespace for one in Reader([tmp_path])} == {None}

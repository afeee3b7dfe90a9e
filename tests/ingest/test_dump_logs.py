"""Lines of logs: whose they are, and when they were written; nothing of it is invented."""

import tarfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import dumping
from ingest_reading import read
from pipeline.errors import UsageError
from pipeline.ingest.files import Reader
from pipeline.records import Log

STAMPED = "2026-03-02T10:00:00.123456789Z [E 2026-03-02 10:00:00.120 JupyterHub base:89] oh\n"
START = datetime(2026, 3, 2, 10, tzinfo=UTC)
UID = "0f6a2c1e-5d5b-4a53-9d41-2f6d1c8f5a11"


def logs(*paths: Path) -> list[Log]:
    return [one for one in Reader(paths) if isinstance(one, Log)]


def whose(path: Path) -> tuple[str | None, str | None, str | None]:
    (log,) = logs(path)
    return log.namespace, log.pod, log.container


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("hub-1-x.log", (None, "hub-1-x", None)),
        ("hub-1-x_hub.log", (None, "hub-1-x", "hub")),
        ("jh_hub-1-x_hub.log", ("jh", "hub-1-x", "hub")),
        ("jh_hub-1-x_hub.previous.log", ("jh", "hub-1-x", "hub")),
        ("hub-1-x_previous.txt", (None, "hub-1-x", None)),
        (f"hub-1-x_jh_hub-{'ab' * 32}.log", ("jh", "hub-1-x", "hub")),
        (f"jh_hub-1-x_{UID}/hub/0.log", ("jh", "hub-1-x", "hub")),
        ("namespaces/jh/pods/hub-1-x/hub/hub/logs/previous.insecure.log", ("jh", "hub-1-x", "hub")),
        ("namespaces/jh/pods/hub-1-x/hub/hub/logs/current", ("jh", "hub-1-x", "hub")),
    ],
)
def test_a_name_or_a_place_says_whose_a_log_is(
    tmp_path: Path, name: str, told: tuple[str | None, ...]
) -> None:
    assert whose(dumping.write(tmp_path / name, STAMPED)) == told


def test_a_folder_below_the_given_one_may_be_the_namespace_but_not_the_given_one(
    tmp_path: Path,
) -> None:
    dumping.write(tmp_path / "bug" / "jh" / "hub-1-x.log", STAMPED)
    assert whose(tmp_path / "bug")[0] == "jh"
    assert whose(tmp_path / "bug" / "jh")[0] is None


def test_folders_with_general_names_are_no_namespaces(tmp_path: Path) -> None:
    dumping.write(tmp_path / "logs" / "pod" / "hub-1-x.log", STAMPED)
    assert whose(tmp_path)[0] is None


def test_a_folder_that_is_a_pod_holds_the_logs_of_its_containers(tmp_path: Path) -> None:
    pod = dumping.pod_object("jh", "hub-1-x", "hub", "sidecar")
    dumping.write(tmp_path / "pods.json", dumping.as_json(dumping.as_list([pod])))
    dumping.write(tmp_path / "hub-1-x" / "sidecar.log", STAMPED)
    assert whose(tmp_path) == ("jh", "hub-1-x", "sidecar")


def test_pods_beside_a_log_say_namespace_container_machine_and_uid(tmp_path: Path) -> None:
    pod = dumping.pod_object("jh", "hub-1-x", "hub", "sidecar")
    dumping.write(tmp_path / "p.yaml", dumping.as_yaml(pod))
    dumping.write(tmp_path / "hub-1-x.log", STAMPED)
    (log,) = logs(tmp_path)
    assert (log.namespace, log.container) == ("jh", "hub")
    assert (log.cluster_node, log.pod_uid) == (dumping.MACHINE, "uid-of-hub-1-x")


def test_prefixes_of_lines_say_whose_they_are(tmp_path: Path) -> None:
    lines = f"[pod/hub-1-x/hub] {STAMPED}[pod/db-0/postgres] {STAMPED}"
    file = dumping.write(tmp_path / "output.log", lines)
    assert {(log.pod, log.container) for log in logs(file)} == {
        ("hub-1-x", "hub"),
        ("db-0", "postgres"),
    }
    assert {log.message[:3] for log in logs(file)} == {"[E "}


@pytest.mark.parametrize("name", ["output.log", "Hub Log.txt", "current.log", "a_b_c_d.log"])
def test_a_log_that_could_be_anybodys_is_refused_in_one_line(tmp_path: Path, name: str) -> None:
    file = dumping.write(tmp_path / name, STAMPED)
    for given in (file, tmp_path):
        with pytest.raises(UsageError, match="nothing says whose log this is: name it POD"):
            Reader([given])


def test_a_log_that_could_be_anybodys_is_told_where_others_can_be_read(tmp_path: Path) -> None:
    dumping.write(tmp_path / "output.log", STAMPED)
    dumping.write(tmp_path / "hub-1-x.log", STAMPED)
    with tarfile.open(tmp_path / "packed.tar", "w") as archive:
        archive.add(tmp_path / "output.log", "output.log")
        archive.add(tmp_path / "hub-1-x.log", "hub-1-x.log")
    reader = Reader([tmp_path])
    assert len(list(reader)) == 1
    assert reader.counts["repeated"] == 1
    told = reader.found.told(0)[-1]
    assert told.startswith(f"left aside: {tmp_path}/output.log and 1 more: nothing says")
    assert "nothing says whose log this is: name it POD.log" in told


def test_a_stamp_is_taken_off_and_is_the_time(tmp_path: Path) -> None:
    (log,) = logs(dumping.write(tmp_path / "hub-1-x.log", STAMPED))
    assert log.time == START + timedelta(microseconds=123_456)
    assert log.message == STAMPED[31:].rstrip("\n")


def test_a_date_of_the_application_is_no_stamp(tmp_path: Path) -> None:
    lines = "2026-03-02T10:00:00.120Z ERROR oh\n2026-03-02T10:00:01.120Z INFO well\n"
    found = logs(dumping.write(tmp_path / "app-1.log", lines))
    assert [log.message[25:] for log in found] == ["ERROR oh", "INFO well"]
    assert found[0].time == START + timedelta(milliseconds=120)


def test_a_runtimes_own_file_is_read_as_the_kubelet_reads_it(tmp_path: Path) -> None:
    line = "2026-03-02T10:00:00.123456789+00:00 stderr F [E 2026-03-02 10:00:00.120 Hub a:1] oh\n"
    (log,) = logs(dumping.write(tmp_path / f"jh_hub-1_{UID}" / "hub" / "0.log", line))
    assert log.message.startswith("[E ")


def test_a_line_without_a_stamp_among_stamped_ones_is_rejected(tmp_path: Path) -> None:
    error = "unable to retrieve container logs for cri-o://0f6a"
    file = dumping.write(tmp_path / "hub-1-x.log", f"{STAMPED}{error}\n{STAMPED}\n")
    messages, rejected, reader = read(file)
    assert len(messages) == 2
    assert [(told.code, told.where, told.value) for told in rejected] == [
        ("invalid", f"{file}:2", error.encode())
    ]
    assert reader.counts["blank"] == 1


def test_bytes_that_are_no_utf8_are_rejected_line_by_line(tmp_path: Path) -> None:
    file = dumping.write(tmp_path / "hub-1-x.log", STAMPED.encode().replace(b"oh", b"\xe9h") * 2)
    _, rejected, _ = read(file)
    assert [(told.code, told.where) for told in rejected] == [
        ("not-utf8", f"{file}:{number}") for number in (1, 2)
    ]


def test_without_stamps_a_line_without_a_date_belongs_to_the_one_before(tmp_path: Path) -> None:
    lines = [
        "[E 2026-03-02 10:00:00.120 JupyterHub app:1] Traceback",
        "    Traceback (most recent call last):",
        "    OperationalError",
        "[I 2026-03-02 10:00:00.121 JupyterHub app:1] next",
    ]
    found = logs(dumping.write(tmp_path / "hub-1-x.log", "\n".join(lines)))
    assert [log.message for log in found] == lines
    micros = [(log.time - START) // timedelta(microseconds=1) for log in found]
    assert micros == [120_000, 120_001, 120_002, 121_000]


def test_lines_before_the_first_date_have_no_place_and_are_told(tmp_path: Path) -> None:
    lines = "Starting\n10:00:00.1 [ConfigProxy] info: up\n[I 2026-03-02 10:00:01.0 Hub a:1] on\n"
    file = dumping.write(tmp_path / "hub-1-x.log", lines)
    messages, rejected, reader = read(file)
    assert (len(messages), rejected, reader.counts["unplaced"]) == (1, [], 2)
    assert reader.counts["lines"] == 3
    (told,) = [line for line in reader.found.told(0) if "left out: no date" in line]
    assert str(file) in told
    assert "kubectl logs --timestamps" in told


def test_a_log_without_any_date_gives_nothing(tmp_path: Path) -> None:
    file = dumping.write(tmp_path / "proxy-1.log", "10:00:00.123 [ConfigProxy] info: up\n" * 30)
    messages, _, reader = read(file)
    assert (messages, reader.counts["unplaced"]) == ([], 30)


def test_the_last_line_of_a_dumped_log_may_have_the_mark_behind_it(tmp_path: Path) -> None:
    whose_log = "container hub of pod jh/hub-1-x ===="
    line = "[I 2026-03-02 10:00:01.0 Hub a:1] on"
    text = f"==== START logs for {whose_log}\n{line}==== END logs for {whose_log}\n"
    (log,) = logs(dumping.write(tmp_path / "logs.txt", text))
    assert (log.message, log.namespace) == (line, "jh")


def test_equal_lines_of_one_log_are_each_counted(tmp_path: Path) -> None:
    file = dumping.write(tmp_path / "hub-1-x.log", STAMPED * 3)
    assert len(logs(file)) == 3

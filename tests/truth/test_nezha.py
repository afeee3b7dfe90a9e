"""Nezha's conversion: directions, names, times, and what spans tell of calls."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from benchmarks.truth.branching import lines_of
from benchmarks.truth.nezha import convert, service_of


def _lines(archive: Path, folder: Path, **wanted: str) -> Iterator[dict[str, Any]]:
    for line in lines_of(convert(archive, folder)[0].observations):
        read = json.loads(line)
        if all(read.get(key) == value for key, value in wanted.items()):
            yield read


def test_a_pod_is_its_service_without_the_two_hashes() -> None:
    assert service_of("ts-order-other-service-6cdbf9b4cc-h7mqk") == "ts-order-other-service"


def test_a_callee_affects_its_caller_and_a_machine_what_runs_there(
    trains: Path, tmp_path: Path
) -> None:
    topology = yaml.safe_load(convert(trains, tmp_path)[0].topology.read_text("utf-8"))
    edges = {(edge["cause"], edge["effect"]) for edge in topology["edges"]}
    machine = ("infrastructure/node/m1", "orders")
    assert edges == {("orders", "gateway"), ("gateway", "frontend"), machine}


def test_what_only_users_call_is_an_entry(trains: Path, tmp_path: Path) -> None:
    topology = yaml.safe_load(convert(trains, tmp_path)[0].topology.read_text("utf-8"))
    entries = [node["id"] for node in topology["nodes"] if node.get("entry")]
    assert entries == ["frontend", "gateway"]


def test_a_call_counts_once_and_spans_within_a_service_are_none(
    trains: Path, tmp_path: Path
) -> None:
    counts = {s["node"]: s["value"] for s in _lines(trains, tmp_path, name="request_count")}
    lasted = {
        s["node"]: s["value"] for s in _lines(trains, tmp_path, name="request_duration_seconds")
    }
    assert counts == {"gateway": 6, "orders": 6}  # though two files have them
    assert lasted == {"gateway": 2.0, "orders": 0.5}


def test_a_log_line_keeps_its_text_and_has_the_time_of_the_runtime(
    trains: Path, tmp_path: Path
) -> None:
    logs = list(_lines(trains, tmp_path, signal="log"))
    assert [log["message"] for log in logs] == ["16:43:20.1 INFO TraceID: t1 found"] * 2
    assert {log["time"] for log in logs} == {"2023-01-29T08:43:20.100000001Z"}


def test_no_number_and_no_success_rate_are_no_samples(trains: Path, tmp_path: Path) -> None:
    names = {sample["name"] for sample in _lines(trains, tmp_path, signal="metric", node="orders")}
    assert names & {"cpu_usage_cores", "request_duration_p90_seconds"} == {"cpu_usage_cores"}
    assert not any("success" in name or "error" in name for name in names)


def test_a_fault_begins_when_its_text_says_in_utc(trains: Path, tmp_path: Path) -> None:
    (case,) = json.loads(convert(trains, tmp_path)[0].labels.read_text())["cases"]
    assert case["start"] == "2023-01-29T08:43:04+00:00"
    assert (case["root_cause"], case["affected"]) == (["orders"], ["frontend", "gateway"])


def test_nothing_judged_by_the_authors_is_in_the_recording(trains: Path, tmp_path: Path) -> None:
    content = b"".join(lines_of(convert(trains, tmp_path)[0].observations))
    assert not any(word in content for word in (b"inject", b"return", b"threshold"))

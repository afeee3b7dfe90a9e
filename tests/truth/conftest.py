"""Data as small as it can be, in the forms of PetShop and of Nezha."""

import csv
import io
import json
import tarfile
from pathlib import Path

import pytest


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """Site calls Search and its load balancer's remote view; two issues after three quiet rows."""
    setting = tmp_path / "shop" / "low_traffic"
    graph = [
        ["", "PetSite", "Search", "lb_remote"],
        ["PetSite", "1.0", "1.0", "1.0"],
        ["Search", "0.0", "0.0", "0.0"],
    ]
    _write(setting / "graph.csv", graph)
    _write(setting / "noissue" / "metrics.csv", _metrics(1_700_000_000, ["100.0", "100.0", "98.5"]))
    for number, availability in enumerate((["100.0", "97.0"], ["100.0", ""])):
        folder = setting / "train" / f"issue_{number}"
        _write(folder / "metrics.csv", _metrics(1_600_000_000 + number, availability))
        target = {
            "target": {"node": "PetSite", "metric": "availability", "timestamp": 1_600_000_301},
            "root_cause": {"node": "Search", "metric": None},
        }
        (folder / "target.json").write_text(json.dumps(target), "utf-8")
    return tmp_path / "shop"


def _metrics(first: int, availability: list[str]) -> list[list[str]]:
    rows = [
        [str(float(first + 300 * number)), value, "12.0", "0.25", "0.5"]
        for number, value in enumerate(availability)
    ]
    return [
        ["microservice", "Search", "Search", "Search", "PetSite"],
        ["metric", "availability", "requests", "latency", "latency"],
        ["stat", "Average", "Sum", "Average", "p99"],
        ["unix_timestamp", "", "", "", ""],
        *rows,
    ]


@pytest.fixture
def trains(tmp_path: Path) -> Path:
    """The gateway calls orders, both with a pod, in one minute with one fault."""
    files = {
        "rca_data/D/D-fault_list.json": json.dumps(
            {"08": [{"inject_time": "2023-01-29 08:43:04", "inject_timestamp": "1674953044",
                     "inject_pod": "orders-5b67c48447-mv5hb", "inject_type": "return"}]}
        ),
        "rca_data/D/trace/08_44_trace.csv": _text(_spans()),
        "rca_data/D/trace/08_45_trace.csv": _text(_spans()),
        "rca_data/D/log/08_44_log.csv": _text(_logs()),
        "rca_data/D/metric/orders-5b67c48447-mv5hb_metric.csv": _text(_pod()),
    }  # fmt: skip
    archive = tmp_path / "trains.tar.xz"
    with tarfile.open(archive, "w:xz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content.encode())
            tar.addfile(member, io.BytesIO(content.encode()))
    return archive


def _spans() -> list[list[str]]:
    """Six calls of a minute, ten seconds apart; each lasts 2 s at the gateway, 0.5 s below."""
    header = ["TraceID", "SpanID", "ParentID", "PodName", "StartTimeUnixNano", "EndTimeUnixNano"]
    rows = []
    for number in range(6):
        start = 1_674_981_790 + number * 10  # 08:43:10
        trace, root = f"t{number}", f"r{number}"
        for span, parent, pod, lasts in (
            (root, "root", "gateway-6f6cfc45b-h5m2n", 2_000_000_000),
            (f"i{number}", root, "gateway-6f6cfc45b-h5m2n", 1_900_000_000),
            (f"o{number}", f"i{number}", "orders-5b67c48447-mv5hb", 500_000_000),
        ):
            stamp = start * 1_000_000_000
            rows.append([trace, span, parent, pod, str(stamp), str(stamp + lasts)])
    return [header, *rows]


def _logs() -> list[list[str]]:
    line = {"log": "16:43:20.1 INFO TraceID: t1 found\n", "time": "2023-01-29T08:43:20.100000001Z"}
    row = ["2023-01-29T01:00:00.0", "m1", "orders-5b67c48447-mv5hb", "server"]
    header = ["Timestamp", "Node", "PodName", "Container", "Log"]
    return [header, [*row, json.dumps(line) + 'rest of an older one"}'], [*row, json.dumps(line)]]


def _pod() -> list[list[str]]:
    columns = ["CpuUsage(m)", "CpuUsageRate(%)", "MemoryUsage(Mi)", "MemoryUsageRate(%)"]
    columns += ["SyscallRead", "SyscallWrite", "NetworkReceiveBytes", "NetworkTransmitBytes"]
    columns += [f"Pod{side}LatencyP{p}(s)" for side in ("Client", "Server") for p in (90, 95, 99)]
    columns += ["PodWorkload(Ops)", "PodSuccessRate(%)", "NodeCpuUsageRate(%)"]
    columns += ["NodeMemoryUsageRate(%)", "NodeNetworkReceiveBytes"]
    values = {"CpuUsage(m)": "250", "PodServerLatencyP90(s)": "NaN", "NodeCpuUsageRate(%)": "30"}
    row = [values.get(column, "0") for column in columns]
    pod = "orders-5b67c48447-mv5hb"
    return [["Time", "TimeStamp", "PodName", *columns],
            ["2023-01-29 08:44:10.1 +0000", "1674981850", pod, *row]]  # fmt: skip


def _text(rows: list[list[str]]) -> str:
    stream = io.StringIO()
    csv.writer(stream).writerows(rows)
    return stream.getvalue()


def _write(path: Path, rows: list[list[str]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(_text(rows), "utf-8")

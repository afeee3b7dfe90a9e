"""Nezha's TrainTicket faults → recorded observations, a topology and labels.

``python tests/benchmarks/nezha.py OUTPUT [--fault N]`` reads the archive where it lies (a folder
with the shared data by ``AFTERSHOCK_SHARED_DATA``, default ``../shared/data``; or ``--archive``)
and writes ``nezha-N.jsonl.zst``, ``nezha-N.labels.json`` and ``nezha.yaml``; without ``--fault``
all faults of the day in one recording.

What the data set's authors judged (injected type, limits of theirs) goes into the labels only. What
cannot be hidden: logs exist only in the three minutes around each fault.
"""

import argparse
import csv
import io
import json
import math
import os
import re
import sys
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import yaml
import zstandard

ARCHIVE = "nezha-trainticket/2023-01-29.tar.xz"
DAY = "2023-01-29"
BEFORE, AFTER = timedelta(hours=3), timedelta(minutes=30)
"""Metrics around a fault: a baseline before, recovery after."""
LASTS = timedelta(minutes=3)
"""A fault has three files of logs and spans, a minute each, named by the minute of their end."""
FRONT = "frontend"
"""Latency as the users have it: a view of the entry service's traffic."""

_POD = re.compile(r"-[a-z0-9]+-[a-z0-9]{5}$")
_MIB = 1024 * 1024
_METRICS = {
    "CpuUsage(m)": ("cpu_usage_cores", 1e-3),
    "CpuUsageRate(%)": ("cpu_usage_ratio", 1e-2),
    "MemoryUsage(Mi)": ("memory_usage_bytes", _MIB),
    "MemoryUsageRate(%)": ("memory_usage_ratio", 1e-2),
    "SyscallRead": ("syscall_reads", 1),
    "SyscallWrite": ("syscall_writes", 1),
    "NetworkReceiveBytes": ("network_receive_bytes_per_second", 1),
    "NetworkTransmitBytes": ("network_transmit_bytes_per_second", 1),
    "PodWorkload(Ops)": ("requests_per_second", 1),
    **{
        f"{side}LatencyP{p}(s)": (f"{name}_duration_p{p}_seconds", 1)
        for side, name in (
            ("PodServer", "request"),
            ("PodClient", "client_request"),
            ("", "request"),
        )
        for p in (50, 90, 95, 99)
    },
}
"""Column → name and factor. Left out: PodSuccessRate (always 0) and the machines' columns (the data
does not say which machine is whose)."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One injected fault."""

    number: int
    time: datetime
    service: str
    kind: str

    def of(self, minute: datetime) -> bool:
        """Return whether a file named by ``minute`` is one of this fault's three."""
        return timedelta() <= minute - self.time.replace(second=0) < LASTS


@dataclass(slots=True)
class Converted:
    """What was found in the archive."""

    observations: list[str]
    edges: set[tuple[str, str]]
    """Caller and callee."""
    entries: set[str]
    services: set[str]


def service_of(pod: str) -> str:
    """Return a pod's service: its name without the two hashes."""
    return _POD.sub("", pod)


def faults_of(listed: bytes) -> list[Fault]:
    """Return the listed faults; ``inject_time`` is UTC, ``inject_timestamp`` is hours off."""
    by_hour = json.loads(listed)
    found = [fault for hour in sorted(by_hour) for fault in by_hour[hour]]
    return [
        Fault(
            number=number,
            time=datetime.fromisoformat(fault["inject_time"]).replace(tzinfo=UTC),
            service=service_of(fault["inject_pod"]),
            kind=fault["inject_type"],
        )
        for number, fault in enumerate(found)
    ]


def convert(archive: Path, chosen: int | None) -> tuple[Converted, list[Fault]]:
    """Read the archive; return the observations around the chosen fault (or all) and the faults.

    The edges come from all spans of the day, so that they tell nothing about the fault.
    """
    with tarfile.open(archive) as tar:  # one pass: it is one compressed stream
        files = {
            member.name: stream.read()
            for member in tar
            if member.name.endswith((".csv", ".json")) and (stream := tar.extractfile(member))
        }
    faults = faults_of(next(content for name, content in files.items() if name.endswith(".json")))
    if chosen is not None:
        faults = [fault for fault in faults if fault.number == chosen]
    converted = Converted([], set(), set(), set())
    for name, content in sorted(files.items()):
        rows = csv.DictReader(io.StringIO(content.decode()))
        if "/trace/" in name:
            _add_spans(converted, list(rows))
        elif name.startswith("rca_data/") and "/metric/" in name:
            converted.observations += _samples(rows, faults)
        elif name.startswith("rca_data/") and "/log/" in name:
            minute = datetime.strptime(f"{DAY} {Path(name).name[:5]} +0000", "%Y-%m-%d %H_%M %z")
            if any(fault.of(minute) for fault in faults):
                converted.observations += _logs(rows)
    return converted, faults


def _add_spans(converted: Converted, spans: list[dict[str, str]]) -> None:
    service = {(span["TraceID"], span["SpanID"]): service_of(span["PodName"]) for span in spans}
    converted.services |= set(service.values())
    for span in spans:
        callee = service_of(span["PodName"])
        caller = service.get((span["TraceID"], span["ParentID"]))
        if span["ParentID"] == "root":
            converted.entries.add(callee)
        elif caller is not None and caller != callee:
            converted.edges.add((caller, callee))


def _samples(rows: Iterable[dict[str, str]], faults: list[Fault]) -> Iterator[str]:
    for row in rows:
        time = datetime.fromtimestamp(int(row["TimeStamp"]), UTC)
        if not any(fault.time - BEFORE <= time <= fault.time + AFTER for fault in faults):
            continue
        node = service_of(row["PodName"]) if "PodName" in row else FRONT
        for column, (name, factor) in _METRICS.items():
            value = float(row.get(column) or "nan") * factor
            if math.isfinite(value):
                sample = {"name": name, "value": value, "type": "gauge", "node": node}
                yield json.dumps({"signal": "metric", "time": time.isoformat(), **sample})


def _logs(rows: Iterable[dict[str, str]]) -> Iterator[str]:
    for row in rows:
        record = {
            "signal": "log",
            "time": row["Timestamp"],
            "node": service_of(row["PodName"]),
            "pod": row["PodName"],
            "container": row["Container"],
            "cluster_node": row["Node"],
            "message": json.loads(row["Log"])["log"].rstrip("\n"),
        }
        yield json.dumps(record, ensure_ascii=False)


def topology(converted: Converted) -> str:
    """Return the topology file: an edge runs from cause to effect, so from callee to caller."""
    nodes = [{"id": service} for service in sorted(converted.services)]
    nodes.append({"id": FRONT, "kind": "endpoint", "entry": True})
    views = {(FRONT, service) for service in converted.entries}
    edges = [
        {"cause": callee, "effect": caller} for caller, callee in sorted(converted.edges | views)
    ]
    declared = {"application": "trainticket", "nodes": nodes, "edges": edges}
    return yaml.safe_dump(declared, sort_keys=False)


def labels(converted: Converted, faults: list[Fault]) -> str:
    """Return the labels: the injected service, and all that may feel it through calls."""
    views = {(FRONT, service) for service in converted.entries}
    cases = [
        {
            "id": f"nezha-{fault.number}",
            "start": fault.time.isoformat(),
            "end": (fault.time + LASTS).isoformat(),
            "application": "trainticket",
            "root_cause": [fault.service],
            "affected": sorted(_callers(fault.service, converted.edges | views)),
            "kind": fault.kind,
        }
        for fault in faults
    ]
    return json.dumps({"cases": cases}, indent=2) + "\n"


def _callers(service: str, edges: set[tuple[str, str]]) -> set[str]:
    reached, new = {service}, {service}
    while new:
        new = {caller for caller, callee in edges if callee in new} - reached
        reached |= new
    return reached - {service}


def main() -> int:
    """Convert what the command line asks for."""
    shared = Path(os.environ.get("AFTERSHOCK_SHARED_DATA", "../shared/data"))
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("output", type=Path, help="folder to write to")
    parser.add_argument("--fault", type=int, help="number of the fault, from 0; default: all")
    parser.add_argument("--archive", type=Path, default=shared / ARCHIVE)
    asked = parser.parse_args()
    if not asked.archive.is_file():
        parser.error(f"{asked.archive}: no such file; name it with --archive")
    converted, faults = convert(asked.archive, asked.fault)
    if not faults:
        parser.error(f"there is no fault {asked.fault}")
    name = "nezha" if asked.fault is None else f"nezha-{asked.fault}"
    asked.output.mkdir(parents=True, exist_ok=True)
    recording = "\n".join(converted.observations).encode() + b"\n"
    compressed = zstandard.ZstdCompressor(level=10).compress(recording)
    (asked.output / f"{name}.jsonl.zst").write_bytes(compressed)
    (asked.output / f"{name}.labels.json").write_text(labels(converted, faults), "utf-8")
    (asked.output / "nezha.yaml").write_text(topology(converted), "utf-8")
    sys.stdout.write(
        f"{len(converted.observations)} observations of {len(converted.services)} services,"
        f" {len(converted.edges)} calls, {len(faults)} faults: {asked.output / name}.jsonl.zst\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())

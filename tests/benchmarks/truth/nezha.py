"""Nezha's TrainTicket day → one recording, its labels, its topology.

``PYTHONPATH=tests python -m benchmarks.truth.nezha --output DIR`` writes ``trainticket.jsonl.zst``,
``trainticket.labels.json`` and ``trainticket.yaml``.

All of the day goes in, at its own time: logs as they were written, metrics of pods and machines,
and, out of the spans, how often each service was called in a minute and how long that took. Spans
do not say whether a call failed, so there is no error ratio. What the authors of the data judged
(what was injected where, limits of theirs) goes into the labels only. What cannot be hidden: logs
and spans exist only in the minutes around a fault, and in one minute without any.
"""

import argparse
import csv
import io
import json
import re
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.truth.case import (
    Edge,
    Recording,
    between,
    data_folder,
    write_labels,
    write_observations,
    write_topology,
)
from benchmarks.truth.nezha_metrics import FRONT, Calls, machine_node, samples

ARCHIVE = "nezha-trainticket/2023-01-29.tar.xz"
APPLICATION = "trainticket"
LASTS = timedelta(minutes=3)
"""How long a fault is taken to last: logs and spans were kept for about as long."""
GRACE_S = 60.0
"""The next fault may come four minutes after the last: it is not to be taken for that."""

_POD = re.compile(r"-[a-z0-9]+-[a-z0-9]{5}$")


@dataclass(frozen=True, slots=True)
class Fault:
    """One injected fault."""

    time: datetime
    service: str
    kind: str


@dataclass(slots=True)
class Day:
    """What is known of the application when all files have been read."""

    faults: list[Fault] = field(default_factory=list)
    services: set[str] = field(default_factory=set)
    machines: dict[str, str] = field(default_factory=dict)
    """Where a pod ran, as far as logs tell."""
    calls: Calls = field(default_factory=Calls)

    def entries(self) -> set[str]:
        """Return the services that are called by users only."""
        return self.calls.called_by_users - {callee for _caller, callee in self.calls.between}

    def edges(self) -> set[Edge]:
        """Return cause → effect: from callee to caller, from machine to what ran there."""
        called = {(callee, caller) for caller, callee in self.calls.between}
        felt = {(entry, FRONT) for entry in self.entries()}
        hosts = {(machine_node(host), service_of(pod)) for pod, host in self.machines.items()}
        return called | felt | hosts

    def nodes(self) -> list[dict[str, Any]]:
        """Return the nodes as a topology declares them."""
        entries = self.entries()
        declared = [
            {"id": service, "entry": True} if service in entries else {"id": service}
            for service in sorted(self.services)
        ]
        hosts = sorted(set(self.machines.values()))
        machines = [{"id": machine_node(host), "kind": "infrastructure"} for host in hosts]
        return [{"id": FRONT, "kind": "endpoint", "entry": True}, *declared, *machines]


def service_of(pod: str) -> str:
    """Return a pod's service: its name without the two hashes."""
    return _POD.sub("", pod)


def faults_of(listed: bytes) -> list[Fault]:
    """Return the listed faults; ``inject_time`` is UTC, ``inject_timestamp`` is hours off."""
    by_hour = json.loads(listed)
    return [
        Fault(
            time=datetime.fromisoformat(fault["inject_time"]).replace(tzinfo=UTC),
            service=service_of(fault["inject_pod"]),
            kind=fault["inject_type"],
        )
        for hour in sorted(by_hour)
        for fault in by_hour[hour]
    ]


def observations(archive: Path, day: Day) -> Iterator[str]:
    """Yield the lines of the recording; what is known of the application is added to ``day``."""
    metrics: list[bytes] = []
    written: set[tuple[str, str]] = set()
    with tarfile.open(archive) as tar:  # one pass: it is one compressed stream
        for member in tar:
            stream = tar.extractfile(member)
            folder = Path(member.name).parent.name
            if stream is None:
                continue
            if member.name.endswith("fault_list.json"):
                day.faults = faults_of(stream.read())
            elif folder == "trace":
                day.calls.add(service_of, rows_of(stream.read()))
            elif folder == "log":
                yield from _logs(rows_of(stream.read()), day, written)
            elif folder == "metric" and member.name.startswith("rca_data"):
                metrics.append(stream.read())  # the other folder has the same ones again
    day.services |= day.calls.services
    yield from day.calls.samples()
    yield from _metrics(metrics, day)


def rows_of(content: bytes) -> Iterator[dict[str, str]]:
    """Yield the rows of a file."""
    yield from csv.DictReader(io.StringIO(content.decode()))


def record_of(content: str) -> dict[str, str]:
    """Return what the container runtime wrote: ``log`` and its ``time``.

    Two records of the day carry the rest of an older, longer record behind them: it is left away.
    """
    record, _end = json.JSONDecoder().raw_decode(content)
    return dict(record)


def _logs(rows: Iterator[dict[str, str]], day: Day, written: set[tuple[str, str]]) -> Iterator[str]:
    for row in rows:
        day.services.add(service_of(row["PodName"]))
        day.machines[row["PodName"]] = row["Node"]
        key = (row["PodName"], row["Log"])
        if key in written:  # files overlap
            continue
        written.add(key)
        content = record_of(row["Log"])
        record = {
            "signal": "log",
            # not the column Timestamp: where a line quotes some other time, that has it instead
            "time": content["time"],
            "node": service_of(row["PodName"]),
            "pod": row["PodName"],
            "container": row["Container"],
            "cluster_node": row["Node"],
            "message": content["log"].rstrip("\n"),
        }
        yield json.dumps(record, ensure_ascii=False)


def _metrics(files: list[bytes], day: Day) -> Iterator[str]:
    told: set[str] = set()
    for content in files:
        for row in rows_of(content):
            pod = row.get("PodName")
            if pod is None:
                yield from samples(FRONT, row)
                continue
            day.services.add(service_of(pod))
            yield from samples(service_of(pod), row, pod=pod)
            host = day.machines.get(pod)
            if host is not None and told.isdisjoint({key := f"{host} {row['Time'][:16]}"}):
                told.add(key)
                yield from samples(machine_node(host), row)


def cases_of(day: Day) -> list[dict[str, Any]]:
    """Return the labels: the injected service, and all on the way from there to the users."""
    edges = day.edges()
    return [
        {
            "id": f"nezha-{number}",
            "start": fault.time.isoformat(),
            "end": (fault.time + LASTS).isoformat(),
            "application": APPLICATION,
            "root_cause": [fault.service],
            "affected": between(fault.service, FRONT, edges),
            "kind": fault.kind,
        }
        for number, fault in enumerate(day.faults)
    ]


def convert(archive: Path, output: Path) -> list[Recording]:
    """Convert the archive into ``output``."""
    output.mkdir(parents=True, exist_ok=True)
    recording = Recording(
        name=APPLICATION,
        observations=output / f"{APPLICATION}.jsonl.zst",
        labels=output / f"{APPLICATION}.labels.json",
        topology=output / f"{APPLICATION}.yaml",
        grace_s=GRACE_S,
    )
    day = Day()
    write_observations(recording.observations, observations(archive, day))
    write_labels(recording.labels, cases_of(day))
    write_topology(recording.topology, APPLICATION, day.nodes(), day.edges())
    return [recording]


def main() -> int:
    """Convert what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, required=True, help="folder to write to")
    parser.add_argument("--archive", type=Path, default=data_folder() / ARCHIVE)
    asked = parser.parse_args()
    if not asked.archive.is_file():
        parser.error(f"{asked.archive}: no such file; name it with --archive")
    for recording in convert(asked.archive, asked.output):
        sys.stdout.write(f"{recording.observations} {recording.labels} {recording.topology}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

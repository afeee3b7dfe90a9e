"""PetShop's train issues → recordings, labels, topologies.

``PYTHONPATH=tests python -m benchmarks.truth.petshop --output DIR`` writes for each traffic setting
``SETTING.yaml`` (an application of its own: the graphs differ) and for each of its issues
``SETTING-N.jsonl.zst`` and ``SETTING-N.labels.json``.

Baseline and issues are months apart in the data. An issue's recording is the whole fault-free
baseline, followed without a gap by the issue's five rows, and nothing after them. So all recordings
of a setting are alike but for those rows, and each is to be analysed by itself. Which row is the
faulty one, the alarm and the injected kind go into the labels only.

The data's own stamps are the end of a row's five minutes: one alarm rings 7 s before the stamp of
the first row that shows its fault, another 8 s after it.
"""

import argparse
import csv
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.truth.case import (
    Edge,
    Recording,
    between,
    data_folder,
    metric,
    write_labels,
    write_observations,
    write_topology,
)

FOLDER = "petshop"
ENTRY = "PetSite"
BIN_S = 300
_HEADERS = 4
"""Service, metric, statistic, and the name of the index."""
_VIEWS = ("_remote", "_client")
"""Ends of names of mere views of calls: what a caller sees of somebody else."""
_DURATIONS = {
    "Average": "request_duration_seconds",
    **{f"p{p}": f"request_duration_p{p}_seconds" for p in (50, 90, 95, 99)},
}
_NAMES = {
    **{("latency", statistic): name for statistic, name in _DURATIONS.items()},
    ("requests", "Sum"): "request_count",
    ("availability", "Average"): "request_error_ratio",
}
"""The well-known names of (metric, statistic); latency is in seconds in the data."""


@dataclass(frozen=True, slots=True)
class Table:
    """A file of metrics: stamped rows of what each (node, metric name) was."""

    columns: list[tuple[str, str] | None]
    rows: list[tuple[float, list[str]]]

    def samples(self, end_of_first: float | None = None) -> Iterator[str]:
        """Yield the lines of a recording, the rows shifted so that the first ends then."""
        shift = 0.0 if end_of_first is None else end_of_first - self.rows[0][0]
        for end, values in self.rows:
            time = stamp(end + shift)
            for column, text in zip(self.columns, values, strict=True):
                if column is not None and text:
                    node, name = column
                    yield metric(time, node, name, value_of(name, float(text)))


@dataclass(frozen=True, slots=True)
class Issue:
    """An issue as the data has it."""

    baseline: Table
    table: Table
    cause: str
    alarmed: str
    metric: str
    """Of which the alarm was."""


def stamp(seconds: float) -> str:
    """Return a Unix time as RFC 3339."""
    return datetime.fromtimestamp(seconds, UTC).isoformat()


def value_of(name: str, value: float) -> float:
    """Return a value in the unit of the well-known metric: availability (percent) is no error."""
    return (100.0 - value) / 100.0 if name == "request_error_ratio" else value


def read_table(path: Path) -> Table:
    """Read a file of metrics."""
    with path.open(encoding="utf-8", newline="") as file:
        read = list(csv.reader(file))
    services, metrics, statistics = (line[1:] for line in read[:3])
    columns = [
        (service, _NAMES[name, statistic]) if (name, statistic) in _NAMES else None
        for service, name, statistic in zip(services, metrics, statistics, strict=True)
    ]
    return Table(columns, [(float(row[0]), row[1:]) for row in read[_HEADERS:] if row])


def read_issue(folder: Path, baseline: Table) -> Issue:
    """Read an issue that is to follow the baseline."""
    target = json.loads((folder / "target.json").read_text("utf-8"))
    return Issue(
        baseline=baseline,
        table=read_table(folder / "metrics.csv"),
        cause=target["root_cause"]["node"],
        alarmed=target["target"]["node"],
        metric=target["target"]["metric"],
    )


def read_edges(path: Path) -> tuple[list[str], set[Edge]]:
    """Read a call graph (rows call columns): its nodes, and edges from cause to effect.

    A callee's fault surfaces at its caller, so an edge is the reverse of a call.
    """
    with path.open(encoding="utf-8", newline="") as file:
        header, *rows = list(csv.reader(file))
    callees = header[1:]
    edges = {
        (callee, row[0])
        for row in rows
        for callee, calls in zip(callees, row[1:], strict=True)
        if float(calls or 0) and callee != row[0]
    }
    return sorted({*callees, *(row[0] for row in rows)}), edges


def node_of(name: str) -> dict[str, Any]:
    """Return a node as a topology declares it."""
    if name == ENTRY:
        return {"id": name, "entry": True}
    return {"id": name, "kind": "endpoint"} if name.endswith(_VIEWS) else {"id": name}


def cases_of(name: str, issue: Issue, edges: set[Edge]) -> list[dict[str, Any]]:
    """Return the labels: the fault-free baseline, and the issue in the rows after it."""
    quiet, fault = issue.baseline.rows[0][0] - BIN_S, issue.baseline.rows[-1][0]
    application = application_of(name)
    return [
        {
            "id": f"{name.partition('-')[0]}-quiet",
            "start": stamp(quiet),
            "end": stamp(fault),
            "application": application,
            "root_cause": [],
        },
        {
            "id": name,
            "start": stamp(fault),
            "end": stamp(fault + BIN_S * len(issue.table.rows)),
            "application": application,
            "root_cause": [issue.cause],
            "affected": between(issue.cause, issue.alarmed, edges),
            "kind": issue.metric,
        },
    ]


def application_of(name: str) -> str:
    """Return the application of a recording or setting."""
    return f"petshop-{name.partition('-')[0].replace('_', '-')}"


def convert_setting(setting: Path, output: Path) -> Iterator[Recording]:
    """Write a traffic setting's topology and its issues' recordings and labels."""
    nodes, edges = read_edges(setting / "graph.csv")
    topology = output / f"{setting.name}.yaml"
    write_topology(topology, application_of(setting.name), map(node_of, nodes), edges)
    baseline = read_table(setting / "noissue" / "metrics.csv")
    quiet = list(baseline.samples())
    for folder in sorted((setting / "train").glob("issue_*"), key=number_of):
        name = f"{setting.name}-{number_of(folder)}"
        issue = read_issue(folder, baseline)
        observations, labels = output / f"{name}.jsonl.zst", output / f"{name}.labels.json"
        after = issue.table.samples(baseline.rows[-1][0] + BIN_S)
        write_observations(observations, [*quiet, *after])
        write_labels(labels, cases_of(name, issue, edges))
        yield Recording(name=name, observations=observations, labels=labels, topology=topology)


def number_of(folder: Path) -> int:
    """Return an issue's number."""
    return int(folder.name.rpartition("_")[2])


def convert(source: Path, output: Path) -> list[Recording]:
    """Convert all settings under ``source`` (a copy of the data set) into ``output``."""
    output.mkdir(parents=True, exist_ok=True)
    settings = sorted(graph.parent for graph in source.glob("*/graph.csv"))
    return [recording for setting in settings for recording in convert_setting(setting, output)]


def main() -> int:
    """Convert what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, required=True, help="folder to write to")
    parser.add_argument("--data", type=Path, default=data_folder() / FOLDER)
    asked = parser.parse_args()
    recordings = convert(asked.data, asked.output)
    if not recordings:
        parser.error(f"{asked.data}: no traffic setting with a graph.csv; name it with --data")
    sys.stdout.writelines(
        f"{recording.observations} {recording.labels} {recording.topology}\n"
        for recording in recordings
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())

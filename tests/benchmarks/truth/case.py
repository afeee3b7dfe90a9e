"""What a converter hands over: a recording, its labels, its topology; and how they are written."""

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
import zstandard

DATA = "TRUTH_DATA"
"""Environment variable that names the folder with the data sets."""
_BESIDE = Path(__file__).resolve().parents[3].parent / "shared" / "data"

Edge = tuple[str, str]
"""Cause and effect."""


@dataclass(frozen=True, slots=True)
class Recording:
    """One recording that is analysed by itself."""

    name: str
    observations: Path
    labels: Path
    topology: Path
    grace_s: float = 600.0
    """How long after its end a case may still bring an incident (``score --grace``)."""


def data_folder() -> Path:
    """Return where the data sets lie: ``TRUTH_DATA``, else ``../shared/data`` of the repository."""
    named = os.environ.get(DATA)
    return Path(named) if named else _BESIDE


def metric(time: str, node: str, name: str, value: float) -> str:
    """Return a metric sample as a line of a recording."""
    sample = {"signal": "metric", "time": time, "node": node, "name": name, "value": value}
    return json.dumps(sample, ensure_ascii=False)


def write_observations(path: Path, lines: Iterable[str]) -> None:
    """Write a recording, compressed."""
    with path.open("wb") as raw, zstandard.ZstdCompressor(level=3).stream_writer(raw) as stream:
        for line in lines:
            stream.write(line.encode() + b"\n")


def write_labels(path: Path, cases: Iterable[Mapping[str, Any]]) -> None:
    """Write a labels file."""
    path.write_text(json.dumps({"cases": list(cases)}, indent=2) + "\n", "utf-8")


def write_topology(
    path: Path, application: str, nodes: Iterable[Mapping[str, Any]], edges: Iterable[Edge]
) -> None:
    """Write a topology file that says no more than nodes and edges."""
    declared = {
        "application": application,
        "nodes": list(nodes),
        "edges": [{"cause": cause, "effect": effect} for cause, effect in sorted(edges)],
    }
    path.write_text(yaml.safe_dump(declared, sort_keys=False, allow_unicode=True), "utf-8")


def between(cause: str, effect: str, edges: Iterable[Edge]) -> list[str]:
    """Return the nodes on paths from ``cause`` to ``effect``, with the effect, not the cause."""
    edges = set(edges)
    backwards = {(after, before) for before, after in edges}
    return sorted((reached(cause, edges) & reached(effect, backwards) | {effect}) - {cause})


def reached(start: str, edges: Iterable[Edge]) -> set[str]:
    """Return what can be reached from ``start`` along edges, ``start`` itself included."""
    effects: dict[str, set[str]] = {}
    for cause, effect in edges:
        effects.setdefault(cause, set()).add(effect)
    found, new = {start}, {start}
    while new:
        new = {effect for node in new for effect in effects.get(node, ())} - found
        found |= new
    return found

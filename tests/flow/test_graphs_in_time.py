"""Graphs that change, end to end in process: files in, incidents out that name their version."""

import json
import random
from pathlib import Path

import pytest

from pipeline.analyze import analyze
from pipeline.assembly import flow_of
from pipeline.cli.analyze import analyze as analyze_command
from pipeline.records import Incident, canonical
from pipeline.settings import Settings
from topology import TopologyError, load

OLD = """\
application: shop
nodes:
  - {id: shop/web, entry: true, match: [{name: web-.*}]}
  - {id: shop/db, match: [{name: db-.*}]}
edges:
  - {cause: shop/db, effect: shop/web, strength: 0.9, delay: {typical_s: 5, longest_s: 60}}
"""
NEW = OLD.replace("nodes:", "valid_from: 2026-03-02T11:00:00Z\nnodes:\n  - id: shop/cache")
NEW = NEW.replace("shop/db", "shop/store").replace("cause: shop/store", "cause: shop/cache")
LINE = "[E 2026-03-02 {time}.000 JupyterHub orm:7] Rolling back session due to database error"


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    for name, text in (("old", OLD), ("new", NEW)):
        (tmp_path / f"{name}.yaml").write_text(text, encoding="utf-8")
    return [f"{tmp_path}/new.yaml", f"{tmp_path}/old.yaml"]


def recorded(folder: Path, *, seed: int | None = None) -> Path:
    """Write errors at database and web server, an hour before and an hour after the change."""
    lines = [
        {
            "signal": "log",
            "time": f"2026-03-02T{hour}:00:{second:02}Z",
            "pod": f"{pod}-1",
            "message": LINE.format(time=f"{hour}:00:{second:02}"),
        }
        for hour in (10, 12)
        for pod, first in (("db", 0), ("web", 4))
        for second in range(first, first + 30)
    ]
    if seed is not None:
        random.Random(seed).shuffle(lines)
    file = folder / f"lines-{seed}.jsonl"
    file.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    return file


def incidents(recording: Path, topologies: list[str]) -> list[Incident]:
    flow = flow_of(Settings(topology=tuple(topologies)))
    return analyze([recording], flow, on_rejected=lambda _: None).incidents


def test_each_trouble_has_the_graph_and_the_nodes_of_its_time(
    tmp_path: Path, files: list[str]
) -> None:
    before, *after = incidents(recorded(tmp_path), files)
    new, old = (load(file).version for file in files)
    assert (before.graph_version, before.nodes) == (old, ("shop/db", "shop/web"))
    assert before.causes[0].node == "shop/db"
    assert [one.nodes for one in after] == [("shop/store",), ("shop/web",)]  # no longer joined
    assert {one.graph_version for one in after} == {new}


def test_neither_the_order_of_files_nor_of_lines_matters(tmp_path: Path, files: list[str]) -> None:
    once = [canonical(each) for each in incidents(recorded(tmp_path), files)]
    again = incidents(recorded(tmp_path, seed=5), files[::-1])
    assert [canonical(each) for each in again] == once


def test_a_node_of_any_version_tells_its_application(files: list[str]) -> None:
    flow = flow_of(Settings(topology=tuple(files)))
    assert flow.applications_of("shop/db") == flow.applications_of("shop/store") == ("shop",)
    assert [application.version for application in flow.applications] == [load(files[0]).version]


def test_two_files_from_one_instant_are_refused_by_the_command(
    tmp_path: Path, files: list[str]
) -> None:
    copy = tmp_path / "copy.yaml"
    copy.write_text(NEW, encoding="utf-8")
    with pytest.raises(TopologyError, match=r"copy\.yaml:2: T026: .*new\.yaml"):
        analyze_command([recorded(tmp_path)], topology=[*files, str(copy)], quiet=True)

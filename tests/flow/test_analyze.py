"""The whole core in process, on the recorded outage."""

import random
from importlib import resources
from pathlib import Path

import pytest
import zstandard

from pipeline.analyze import Analysis, analyze
from pipeline.assembly import flow_of
from pipeline.errors import UsageError
from pipeline.records import Rejected, canonical
from pipeline.settings import Settings

RECORDING = resources.files("pipeline.demo") / "data" / "database-outage.jsonl.zst"


def run(*paths: Path, **settings: object) -> tuple[Analysis, list[Rejected]]:
    rejected: list[Rejected] = []
    flow = flow_of(Settings.model_validate(settings))
    return analyze(paths, flow, on_rejected=rejected.append), rejected


@pytest.fixture(scope="module")
def found() -> Analysis:
    with resources.as_file(RECORDING) as path:
        return run(path)[0]


def test_the_recorded_outage_is_one_incident_caused_by_the_database(found: Analysis) -> None:
    (incident,) = found.incidents

    assert incident.causes[0].node == "jupyterhub/db"
    assert incident.verdict == "confident"
    assert {"jupyterhub/hub", "jupyterhub/db"} < set(incident.nodes)
    assert sum(node.startswith("jupyterhub/user/") for node in incident.nodes) >= 4
    assert incident.status == "resolved"


def test_every_line_ends_in_one_bucket(found: Analysis) -> None:
    counts = found.counts

    assert counts["lines"] == counts["observations"] + counts["rejected"] + counts["blank"]
    assert counts["observations"] == counts["published"] + counts["unmapped"]
    assert counts["unmapped"] == sum(times for _, times in found.unmapped)


@pytest.mark.long
def test_the_order_of_lines_and_their_files_do_not_matter(found: Analysis, tmp_path: Path) -> None:
    lines = zstandard.decompress(RECORDING.read_bytes(), max_output_size=1 << 28).splitlines()
    random.Random(3).shuffle(lines)
    for number in range(3):
        (tmp_path / f"{number}.jsonl").write_bytes(b"\n".join(lines[number::3]))

    again, rejected = run(tmp_path)

    assert rejected == []
    assert list(map(canonical, again.incidents)) == list(map(canonical, found.incidents))


def test_a_bad_line_is_rejected_and_the_rest_goes_on(tmp_path: Path) -> None:
    (tmp_path / "t.yaml").write_text("application: x\nnodes:\n  - id: a\n")
    good = '{"signal":"log","time":"2026-03-02T10:00:00Z","node":"a","message":"hello"}'
    (tmp_path / "r.jsonl").write_text(f"{good}\n{{broken\n{good}\n")

    analysis, rejected = run(tmp_path / "r.jsonl", topology=str(tmp_path / "t.yaml"))

    assert analysis.counts["published"] == 2
    assert [(bad.code, bad.value) for bad in rejected] == [("not-json", b"{broken")]


def test_two_applications_may_not_claim_one_node(tmp_path: Path) -> None:
    for name in "xy":
        (tmp_path / f"{name}.yaml").write_text(f"application: {name}\nnodes:\n  - id: a\n")

    with pytest.raises(UsageError, match="both declare the node 'a'"):
        flow_of(Settings(topology=f"{tmp_path}/x.yaml,{tmp_path}/y.yaml"))


def test_a_shared_node_tells_every_application_that_declares_it(tmp_path: Path) -> None:
    for name in "xy":
        (tmp_path / f"{name}.yaml").write_text(
            f"application: {name}\nnodes:\n  - id: {name}-web\n"
            "  - {id: platform/api, kind: platform}\n"
            f"edges:\n  - {{cause: platform/api, effect: {name}-web}}\n"
        )
    line = (
        "[E 2026-03-02 10:00:0{}.000 JupyterHub orm:7] Rolling back session due to database error"
    )
    event = '{{"signal":"log","time":"2026-03-02T10:00:0{}Z","node":"platform/api","message":"{}"}}'
    told = "\n".join(event.format(second, line.format(second)) for second in range(9))
    (tmp_path / "r.jsonl").write_text(told)

    analysis, _ = run(tmp_path / "r.jsonl", topology=f"{tmp_path}/x.yaml,{tmp_path}/y.yaml")

    assert {incident.application for incident in analysis.incidents} == {"x", "y"}
    assert len({incident.id for incident in analysis.incidents}) == 2

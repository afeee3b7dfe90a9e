"""Somebody's own trouble, from what a support case has attached to it."""

import tarfile
from importlib import resources
from pathlib import Path

import pytest
import zstandard
from typer.testing import CliRunner

import dumping
from pipeline.analyze import analyze
from pipeline.assembly import flow_of
from pipeline.cli import app
from pipeline.records import OBSERVATION, Incident
from pipeline.settings import Settings

pytestmark = pytest.mark.long

RECORDING = resources.files("pipeline.demo") / "data" / "database-outage.jsonl.zst"


@pytest.fixture(scope="module")
def outage() -> list[dumping.Whole]:
    lines = zstandard.ZstdDecompressor().decompress(RECORDING.read_bytes()).splitlines()
    return [OBSERVATION.validate_json(line) for line in lines]


def first_causes(path: Path) -> list[str]:
    found = analyze([path], flow_of(Settings()), on_rejected=lambda _: None)
    return [incident.causes[0].node for incident in found.incidents]


def test_a_must_gather_of_a_database_outage_names_the_database(
    tmp_path: Path, outage: list[dumping.Whole]
) -> None:
    root = dumping.must_gather(tmp_path, outage)
    with tarfile.open(tmp_path / "case.tar.gz", "w:gz") as archive:
        archive.add(root, arcname=root.name)
    assert first_causes(tmp_path / "case.tar.gz") == ["jupyterhub/db"]


def test_a_cluster_info_dump_of_a_database_outage_names_the_database(
    tmp_path: Path, outage: list[dumping.Whole]
) -> None:
    assert first_causes(dumping.cluster_info(tmp_path, outage)) == ["jupyterhub/db"]


def test_the_command_says_what_it_recognised(tmp_path: Path, outage: list[dumping.Whole]) -> None:
    root = dumping.must_gather(tmp_path, outage)
    options = ["--topology", "jupyterhub-openshift"]
    done = CliRunner().invoke(app, ["analyze", str(root), *options])
    incident = Incident.model_validate_json(done.stdout)
    assert incident.causes[0].node == "jupyterhub/db"
    assert done.stderr.startswith("must-gather: 11 logs, 18 events, 11 pods; 3 files ignored\n")

"""``aftershock topology``, as a user runs it."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipeline.cli.topology import topology_app
from pipeline.errors import UsageError


def run(*arguments: str) -> str:
    result = CliRunner().invoke(topology_app, arguments, env={"COLUMNS": "140"})
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.output


def test_show_draws_nodes_and_arrows() -> None:
    drawn = run("show", "jupyterhub-openshift")
    assert "○ platform/openshift-oauth" in drawn
    assert "→ ● jupyterhub/hub" in drawn


def test_mermaid_has_every_node_and_edge() -> None:
    drawn = run("show", "jupyterhub-openshift", "--format", "mermaid").splitlines()
    shown = json.loads(run("show", "jupyterhub-openshift", "--json"))
    arrows = [line for line in drawn if "-->|" in line or "-.->|" in line]
    assert drawn[0] == "flowchart TD"
    assert len(arrows) == len(shown["edges"])
    assert sum(":::" in line for line in drawn) == len(shown["nodes"])


def test_resolve_says_which_node_and_why() -> None:
    (answer,) = json.loads(run("resolve", "jupyterhub-124-deploy", "--json"))
    assert answer["node"] == "jupyterhub/hub"
    assert "deployer" in answer["why"]


def test_resolve_tells_what_is_unmapped_without_failing() -> None:
    assert "no node (unmapped)" in run("resolve", "ray-operator-1")


def test_check_tells_of_every_file(tmp_path: Path) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text("application: x\nnodes:\n  - {id: a, kind: b}\n", encoding="utf-8")
    result = CliRunner().invoke(topology_app, ["check", "jupyterhub-openshift", str(bad)])
    assert result.exit_code == 1
    assert "jupyterhub-openshift: fine: " in result.stdout
    assert result.stderr.startswith(f"{bad}:3: T009: ")


def test_check_tells_of_files_that_cannot_be_together(tmp_path: Path) -> None:
    files = [tmp_path / "a.yaml", tmp_path / "b.yaml"]
    for file in files:
        file.write_text("application: x\nnodes:\n  - id: a\n", encoding="utf-8")
    result = CliRunner().invoke(topology_app, ["check", *map(str, files)])
    assert result.exit_code == 1
    assert result.stdout.startswith(f"{files[0]}: fine: ")
    assert result.stderr.startswith(f"{files[1]}:1: T026: ")


def test_check_answers_programs() -> None:
    (verdict,) = json.loads(run("check", "jupyterhub-openshift", "--json"))
    assert verdict["ok"]
    assert verdict["nodes"] == 14


def test_a_parameter_can_be_set() -> None:
    arguments = ("resolve", "jupyterhub-1-abcde", "--set", "namespace=a", "--namespace", "b")
    assert "wants a namespace like `a`" in run(*arguments)


def test_a_parameter_without_a_value_is_told() -> None:
    with pytest.raises(UsageError, match="--set namespace: not of the form KEY=VALUE"):
        run("show", "jupyterhub-openshift", "--set", "namespace")


def test_the_schema_is_json() -> None:
    assert json.loads(run("schema"))["title"] == "Aftershock topology file"


def test_a_drawing_can_be_written_to_a_file(tmp_path: Path) -> None:
    file = tmp_path / "graph.txt"
    run("show", "jupyterhub-openshift", "--output", str(file))
    assert "jupyterhub/db" in file.read_text(encoding="utf-8")


def test_what_is_published_has_its_parameters() -> None:
    with pytest.raises(UsageError, match="has its parameters already"):
        run("show", "jupyterhub-openshift", "--published", "--set", "namespace=a")

"""``aftershock signatures``: packs are listed, shown and put to their own examples."""

import json
from pathlib import Path

import jsonschema
import pytest
import yaml
from typer.testing import CliRunner

from pipeline.cli import app
from pipeline.errors import AftershockError, UsageError

RUNNER = CliRunner()
PACK = """
pack: mine
version: 1
scenarios: {S01: it goes boom, S02: it goes bang}
signatures:
  - {id: boom, signal: log, title: boom, any_of: [boom], marks: [S01], examples: [a boom]}
  - {id: loud, signal: log, title: loud, any_of: [loud], examples: [a loud boom]}
  - {id: still, signal: log, suppress: true, any_of: [still], examples: [still, "be\\u202Estill"]}
"""
SHIPPED = Path("pipeline/detect/packs/jupyterhub.yaml")


def run(*words: str) -> str:
    result = RUNNER.invoke(app, ["signatures", *words], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture
def mine(tmp_path: Path) -> str:
    path = tmp_path / "mine.yaml"
    path.write_text(PACK)
    return str(path)


def test_the_shipped_pack_does_what_its_examples_say() -> None:
    assert "all right" in run("test")


def test_an_example_that_another_signature_takes_is_told_and_fails(
    mine: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(AftershockError, match=r"1 of 4 examples"):
        app(["signatures", "test", "--pack", mine], standalone_mode=False)
    told = capsys.readouterr().out.splitlines()
    assert told == ["loud: example 1: recognised as boom: a loud boom"]


def test_a_list_says_what_is_recognised_and_what_no_signature_marks(mine: str) -> None:
    lines = [" ".join(line.split()) for line in run("list", "--pack", mine).splitlines()]
    assert lines[1:4] == ["boom log error minor S01", "loud log error minor", "still log harmless"]
    assert lines[-1].endswith("1 of 2 scenarios marked, not marked: S02")


def test_a_list_of_one_scenario_holds_what_marks_it(mine: str) -> None:
    rows = json.loads(run("list", "--pack", mine, "--scenario", "S01", "--json"))
    assert [row["id"] for row in rows] == ["boom"]
    with pytest.raises(UsageError, match="S01, S02"):
        run("list", "--pack", mine, "--scenario", "S99")


def test_what_is_shown_can_be_written_into_a_pack(mine: str) -> None:
    shown = run("show", "still", "--pack", mine)
    assert shown.isascii()
    assert yaml.safe_load(shown) == yaml.safe_load(PACK)["signatures"][2]


def test_an_unknown_signature_is_told_with_the_nearest(mine: str) -> None:
    with pytest.raises(UsageError, match=r"did you mean loud\?"):
        run("show", "load", "--pack", mine)


def test_parameters_reach_the_pack() -> None:
    rows = json.loads(run("list", "--json", "--set", "instance=lab"))
    assert any("lab/db" in row["implicates"] for row in rows)


def test_the_schema_accepts_the_shipped_pack_and_not_a_misspelt_field() -> None:
    validator = jsonschema.Draft202012Validator(json.loads(run("schema")))
    shipped = yaml.safe_load(SHIPPED.read_text())
    validator.validate(shipped)
    shipped["signatures"][0]["sevrity"] = "minor"
    assert not validator.is_valid(shipped)

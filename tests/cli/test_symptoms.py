"""``aftershock symptoms``: detection by itself."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipeline.cli import app
from pipeline.errors import UsageError
from pipeline.records import canonical
from scenarios.timeline import DB, Timeline

RUNNER = CliRunner()


@pytest.fixture
def recording(tmp_path: Path) -> str:
    told = (
        Timeline()
        .event(0, DB, "BackOff", "Back-off restarting failed container", count=5)
        .event(900, DB, "Killing", "Stopping container postgresql")
        .told
    )
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"\n".join(canonical(one) for one in told))
    return str(path)


def run(*words: str) -> str:
    result = RUNNER.invoke(app, ["symptoms", *words], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_a_list_has_each_symptom_once_and_as_it_was_at_last(recording: str) -> None:
    (one,) = map(json.loads, run("list", recording, "--json").splitlines())
    assert (one["node"], one["state"], one["count"]) == ("jupyterhub/db", "closed", 5)


def test_a_list_is_of_the_nodes_asked_for(recording: str) -> None:
    assert "jupyterhub/db" in run("list", recording, "--node", "*/db")
    assert "jupyterhub/db" not in run("list", recording, "--node", "*/hub")


def test_what_is_harmless_is_counted_and_shown_when_asked_for(recording: str) -> None:
    (one,) = map(json.loads, run("list", recording, "--suppressed", "--json").splitlines())
    assert one == {
        "node": "jupyterhub/db", "signal": "event", "signature": "container-stopped", "count": 1
    }  # fmt: skip


def test_the_beginning_of_an_id_shows_a_symptom_with_what_was_said(recording: str) -> None:
    (one,) = map(json.loads, run("list", recording, "--json").splitlines())
    shown = run("show", one["id"][:6], recording)
    assert "Back-off restarting failed container" in shown
    assert one["id"] in shown


def test_an_id_that_is_not_there_is_told(recording: str) -> None:
    with pytest.raises(UsageError, match="no symptom of that id here: zzz"):
        app(["symptoms", "show", "zzz", recording], standalone_mode=False)

"""``aftershock symptoms``: detection by itself."""

import io
import json
from contextlib import redirect_stdout
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipeline.cli import app
from pipeline.errors import UsageError
from pipeline.records import canonical
from scenarios.timeline import DB, Timeline

RUNNER = CliRunner()


class Screen(io.StringIO):
    """A terminal that remembers."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        """Say that somebody is looking."""
        return True


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


def test_a_summary_counts_the_nodes_asked_for_only(recording: str) -> None:
    listed = RUNNER.invoke(app, ["symptoms", "list", recording, "--node", "*/db"])
    assert "1 symptoms;" in listed.stderr
    assert " 1 lines and events that are harmless or held back" in listed.stderr
    elsewhere = RUNNER.invoke(app, ["symptoms", "list", recording, "--node", "*/hub"])
    assert "0 symptoms;" in elsewhere.stderr
    assert " 0 lines and events that are harmless or held back" in elsewhere.stderr


def test_the_beginning_of_several_ids_is_told_with_those_that_it_may_mean(tmp_path: Path) -> None:
    told = Timeline().event(0, DB, "BackOff", "Back-off restarting failed container", count=5)
    told.event(3600, DB, "BackOff", "Back-off restarting failed container", count=5)
    path = tmp_path / "two.jsonl"
    path.write_bytes(b"\n".join(canonical(one) for one in told.told))
    ids = [json.loads(line)["id"] for line in run("list", str(path), "--json").splitlines()]
    assert len(ids) == 2
    with pytest.raises(UsageError, match=f"2 symptoms' ids begin with '': {', '.join(ids)}"):
        app(["symptoms", "show", "", str(path)], standalone_mode=False)


def test_whatever_was_asked_for_trouble_is_told_in_one_line(recording: str) -> None:
    with pytest.raises(UsageError) as told:
        app(["symptoms", "show", "a\nb\x1b[2J", recording], standalone_mode=False)
    assert str(told.value).isprintable()


def test_a_narrow_terminal_folds_and_cuts_nothing(
    recording: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "dumb")
    screen = Screen()
    with redirect_stdout(screen):
        app(["symptoms", "list", recording, "--quiet"], standalone_mode=False)
    shown = screen.getvalue()
    assert "…" not in shown
    assert all(whole in shown for whole in ("2026-03-02", "10:00:00", "10:00:40", "critical"))

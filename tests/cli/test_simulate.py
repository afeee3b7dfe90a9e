"""``aftershock simulate`` as a user meets it."""

import json
from pathlib import Path

import pytest

from command_line import aftershock

SHORT = ("--hours", "0.6")


def test_the_catalogue_is_a_table(tmp_path: Path) -> None:
    code, out, _ = aftershock("simulate", "--list", folder=tmp_path)
    assert code == 0
    for n in range(1, 29):
        assert f"S{n:02} " in out


def test_a_run_says_what_it_wrote_and_gives_the_same_bytes_again(tmp_path: Path) -> None:
    asked = ["simulate", "S28", "planned-redeploy", "--seed", "3", "--users", "3", *SHORT]
    told = [
        aftershock(*asked, "--compress", "--output", name, folder=tmp_path) for name in ("A", "B")
    ]
    assert [(code, out) for code, out, _ in told] == [(0, "")] * 2
    assert told[0][2].startswith("A: 1 recordings, ")
    names = {"S28-seed3.jsonl.zst", "labels.json", "notes.md"}
    assert {file.name for file in (tmp_path / "A").iterdir()} == names
    for name in names:
        assert (tmp_path / "A" / name).read_bytes() == (tmp_path / "B" / name).read_bytes()


@pytest.mark.long
def test_analyze_reads_two_faults_at_once_and_rejects_nothing(tmp_path: Path) -> None:
    asked = ["simulate", "S14", "S17", "--together", "--users", "3", "--hours", "0.85"]
    disturbed = ["--skew", "2", "--late", "30", "--replicas", "--duplicates", "0.01"]
    aftershock(*asked, *disturbed, "--output", "D", folder=tmp_path)
    cases = json.loads((tmp_path / "D" / "labels.json").read_bytes())["cases"]
    code, _, told = aftershock(
        "analyze", "D", "--topology", "jupyterhub-openshift", folder=tmp_path
    )
    assert code == 0
    assert " 0 rejected, 0 blank" in told
    assert [case["id"].rpartition("-")[2] for case in cases] == ["quiet", "S14", "S17"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["S99", "-o", "D"], "S99: no such scenario; did you mean S"),
        (["database", "-o", "D"], "database: no such scenario; did you mean "),
        (["zzz", "-o", "D"], "zzz: no such scenario; `aftershock simulate --list` shows them all"),
        (["-o", "D"], "no scenario was named: give ids such as S01, or --all; --list shows them"),
        (["S01", "--all", "-o", "D"], "--all and S01: name scenarios, or take all of them"),
        (["S01", "--together", "-o", "D"], "--together: name another scenario beside S01"),
        (["S01"], "--output: name a folder for the recordings; it must not exist yet"),
        (["S01", "-o", "."], ".: is not empty; name a folder that does not exist yet"),
        (["S01", "-o", "D", "--users", "501"], "--users 501: give a number from 1 to 500"),
        (["S01", "-o", "D", "--hours", "0.1"], "--hours 0.1: too short for S01, "),
        (["S01", "-o", "D", "--seeds", "5-2"], "--seeds 5-2: seeds begin at 0, "),
        (["S01", "-o", "D", "--seeds", "x"], "--seeds x: write A-B, as in 1-20, "),
        (["S01", "-o", "D", "--seed", "-1"], "--seed -1: seeds begin at 0, "),
        (["S01", "-o", "D", "--without", "pods:a"], "--without pods:a: write SIGNAL:NAME, "),
    ],
)
def test_bad_input_is_one_clear_line(arguments: list[str], told: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    code, out, error = aftershock("simulate", *arguments, folder=tmp_path)
    assert (code, out, error.count("\n")) == (1, "", 1)
    assert error.startswith(f"aftershock: {told}")

"""``score`` and ``diff`` as a user meets them."""

import json
from pathlib import Path

import pytest

import pipeline.demo
from command_line import aftershock
from pipeline.records import canonical
from score_values import labels_file, raw_case, told

DEMO = Path(pipeline.demo.__file__).parent / "data"
RECORDING = str(DEMO / "database-outage.jsonl.zst")
PETSHOP = """\
application: petshop
nodes: [{id: db}, {id: front, entry: true}]
edges: [{cause: db, effect: front}]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "petshop.yaml").write_text(PETSHOP)
    (tmp_path / "labels.json").write_bytes(labels_file(raw_case(kind="latency")))
    (tmp_path / "old.jsonl").write_bytes(canonical(told()) + b"\n\n")
    (tmp_path / "new.jsonl").write_bytes(canonical(told(causes={"front": 0.9})) + b"\n")
    return tmp_path


def score(file: str, *more: str, folder: Path) -> tuple[int, str, str]:
    known = ("--incidents", file, "--labels", "labels.json", "--topology", "petshop.yaml")
    return aftershock("score", *known, *more, folder=folder)


@pytest.mark.long
def test_the_demos_outage_is_found_with_its_cause(tmp_path: Path) -> None:
    labels = str(DEMO / "database-outage.labels.json")
    code, out, err = aftershock(
        "score", RECORDING, "--labels", labels, "--json", "--require", "ac_at_1=1", folder=tmp_path
    )
    shown = json.loads(out)
    assert (code, err) == (0, "")
    assert (shown["cases"], shown["ac_at_1"], shown["incidents"]) == (1, 1.0, 1)
    assert list(shown["by_kind"]) == ["database-outage"]


def test_people_get_a_table_by_kind_and_what_became_of_each_case(folder: Path) -> None:
    code, out, err = score("old.jsonl", "--each", folder=folder)
    lines = [line.split() for line in out.splitlines()]
    assert (code, err) == (0, "")
    assert ["c1", "latency", "db", "1", "i1", "5", "s", "db", "75%"] in lines
    assert any(line[:4] == ["latency", "1", "1.00", "(0.21-1.00)"] for line in lines)


def test_a_figure_under_its_threshold_is_one_line_and_exit_code_1(folder: Path) -> None:
    code, out, err = score("new.jsonl", "--json", "--require", "ac_at_1=0.9", folder=folder)
    assert (code, json.loads(out)["ac_at_1"]) == (1, 0)
    assert err == "aftershock: ac_at_1 is 0, 0.9 below the required 0.9\n"


WRONG = (
    ("score --labels labels.json", "give recordings to analyse"),
    ("score old.jsonl --incidents old.jsonl --labels labels.json", "either"),
    ("score RECORDED --labels labels.json", "node 'db' is not in the topology"),
    ("score RECORDED --labels quiet.json", "'long ago' lies before the recordings"),
    ("score empty.jsonl --labels quiet.json --quiet", "no observation"),
    ("score GIVEN --labels nowhere.json", "nowhere.json: cannot be read"),
    ("score GIVEN --labels empty.json", "empty.json: empty"),
    ("score GIVEN --labels labels.json --grace nan", "--grace nan"),
    ("score GIVEN --labels labels.json --require speed=1", "no key 'speed'"),
    ("diff old.jsonl nowhere.jsonl", "nowhere.jsonl: cannot be read"),
    ("diff old.jsonl labels.json", "labels.json:1: no incident"),
)


@pytest.mark.parametrize(("command", "expected"), WRONG)
def test_bad_input_is_one_line_and_exit_code_1(command: str, expected: str, folder: Path) -> None:
    quiet = raw_case("long ago", -9e6, -8e6, root_cause=[], affected=[])
    (folder / "quiet.json").write_bytes(labels_file(quiet))
    (folder / "empty.jsonl").write_text("")
    (folder / "empty.json").write_text("")
    given = "--incidents old.jsonl --topology petshop.yaml"
    words = command.replace("GIVEN", given).replace("RECORDED", RECORDING).split()
    code, out, err = aftershock(*words, folder=folder)
    assert (code, out, err.count("\n")) == (1, "", 1), err
    assert expected in err


def test_no_incidents_found_is_a_score_like_any_other(folder: Path) -> None:
    (folder / "none.jsonl").write_text("")
    _, out, _ = score("none.jsonl", "--json", folder=folder)
    assert json.loads(out)["recall"] == 0


def test_diff_tells_what_changed_and_only_fails_when_asked_to(folder: Path) -> None:
    code, out, err = aftershock("diff", "old.jsonl", "new.jsonl", folder=folder)
    assert (code, err) == (0, "")
    assert "cause changed  i1" in out
    assert "cause: db → front" in out
    for new, expected in (("new.jsonl", 1), ("old.jsonl", 0)):
        assert aftershock("diff", "old.jsonl", new, "--exit-code", folder=folder)[0] == expected


def test_diff_reads_the_last_of_several_revisions(folder: Path) -> None:
    older = told().model_copy(update={"revision": 1, "title": "early"})
    newer = told().model_copy(update={"revision": 7})
    (folder / "history.jsonl").write_bytes(canonical(newer) + b"\n" + canonical(older) + b"\n")
    (folder / "final.jsonl").write_bytes(canonical(newer))
    _, out, _ = aftershock("diff", "history.jsonl", "final.jsonl", "--json", folder=folder)
    assert json.loads(out)["counts"]["unchanged"] == 1

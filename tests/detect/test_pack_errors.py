"""A bad pack is told in one line: file, line, code, what, what to do."""

from pathlib import Path

import pytest

from pipeline.detect.load_pack import MAX_BYTES, load_pack, shipped_packs
from pipeline.errors import UsageError

HEAD = "pack: mine\nversion: 1\nparameters: {instance: hub}\nsignatures:\n"
GOOD = '  - {id: a, signal: log, title: t, any_of: ["boom"], examples: ["boom"]}\n'
WRONG = [
    ("nothing.yaml", None, 1, "S001"),
    ("large.yaml", "#" * (MAX_BYTES + 1), 1, "S002"),
    ("colon.yaml", "pack: a: b\n", 1, "S003"),
    ("date.yaml", "pack: mine\nversion: 2026-99-99\n", 2, "S003"),
    ("bomb.yaml", "a: &a [x, x]\nb: [*a, *a]\n", 1, "S004"),
    ("deep.yaml", "pack: " + "[" * 50 + "]" * 50, 1, "S005"),
    ("twice.yaml", "pack: mine\npack: mine\n", 2, "S006"),
    ("list.yaml", "- a\n", 1, "S007"),
    ("empty.yaml", "", 1, "S007"),
    (
        "field.yaml",
        HEAD + GOOD + '  - {id: b, signal: log, title: t, any_of: ["x1"], examples: [x1], x: 1}',
        6,
        "S007",
    ),
    ("regex.yaml", HEAD + GOOD.replace("title", "regex: '(', title"), 5, "S007"),
    ("nested.yaml", HEAD + GOOD.replace("title", "regex: '(a+)+', title"), 5, "S007"),
    ("ids.yaml", HEAD + GOOD + GOOD, 1, "S007"),
    ("marks.yaml", HEAD + GOOD.replace("title", "marks: [S01], title"), 1, "S007"),
    ("scenario.yaml", HEAD + GOOD.replace("title", "marks: [first], title"), 5, "S007"),
    ("span.yaml", HEAD + GOOD.replace("title", "within_s: 900, title"), 5, "S007"),
    (
        "variable.yaml",
        HEAD + GOOD.replace("title", "implicates: [{node: 'v/{claim}', strength: 1}], title"),
        5,
        "S007",
    ),
    ("about.yaml", HEAD + GOOD.replace("title", "about: user, title"), 5, "S007"),
    ("usernames.yaml", HEAD + GOOD.replace("title", "usernames: true, title"), 5, "S007"),
    ("default.yaml", HEAD.replace("hub}", 'hub, claim: "${later}-db"}') + GOOD, 3, "S008"),
    (
        "parameter.yaml",
        HEAD + GOOD.replace("title", "implicates: [{node: '${other}/db', strength: 1}], title"),
        5,
        "S008",
    ),
]


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: str(wrong[0]))
def test_what_is_wrong_is_told_with_its_line(
    tmp_path: Path, wrong: tuple[str, str | None, int, str]
) -> None:
    name, text, line, code = wrong
    path = tmp_path / name
    if text is not None:
        path.write_text(text)
    with pytest.raises(UsageError) as told:
        load_pack(str(path))
    assert str(told.value).startswith(f"{path}:{line}: {code}: ")
    assert "\n" not in str(told.value)


def test_bytes_that_are_no_text_are_told(tmp_path: Path) -> None:
    path = tmp_path / "latin.yaml"
    path.write_bytes(b"pack: mine\ntitle: \xe4\n")
    with pytest.raises(UsageError, match=r"latin\.yaml:2: S003: not UTF-8"):
        load_pack(str(path))


def test_a_parameter_replaces_its_default_and_an_unknown_one_is_told(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    implicated = "implicates: [{node: '${instance}/db', strength: 1}], title"
    path.write_text(HEAD + GOOD.replace("title", implicated))
    loaded = load_pack(str(path), {"instance": "lab"})
    assert loaded.logs[0].implicates[0].node == "lab/db"
    with pytest.raises(UsageError, match="S008"):
        load_pack(str(path), {"namespace": "lab"})


def test_a_default_may_name_the_parameters_above_it() -> None:
    given = {"deployment": "lab", "user_claim": "claim-{user}"}
    implicated = {i.node for s in load_pack("jupyterhub", given).signatures for i in s.implicates}
    assert {f"infrastructure/volume/{claim}" for claim in ("lab-db", "claim-{user}")} < implicated
    assert not any("jupyterhub-" in node for node in implicated)


def test_every_shipped_pack_loads() -> None:
    assert [load_pack(name).pack for name in shipped_packs()] == list(shipped_packs())

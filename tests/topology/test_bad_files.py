"""Every thing that can be wrong with a file is one line with its code, its place and a remedy."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from topology import Application, TopologyError, TopologyErrors, load

HEAD = "application: x\nnodes:\n  - id: a\n  - id: b\n"

BAD: dict[str, tuple[int, str]] = {
    "not yaml": (2, "a: 1\n b: 2", "T002"),
    "control characters": (1, "\x00", "T002"),
    "two documents": (2, "a: 1\n---\nb: 1", "T002"),
    "a tag": (1, "application: !!python/object/apply:os.system [ls]", "T002"),
    "a list for a key": (1, "? [a, b]\n: 1", "T002"),
    "an alias": (2, "application: &a [x]\nnodes: *a", "T003"),
    "too deep": (1, "[" * 100, "T004"),
    "a key twice": (3, "application: x\ntitle: y\napplication: z", "T005"),
    "an unknown field": (4, "application: x\nnodes:\n  - id: a\n    obsrved: []", "T006"),
    "an empty file": (1, "", "T007"),
    "a list": (1, "- a", "T007"),
    "a wrong type": (3, "application: x\nnodes:\n  - {id: a, entry: perhaps}", "T007"),
    "a time without zone": (
        2,
        "application: x\nvalid_from: 2026-03-02T10:00:00\nnodes: [{id: a}]",
        "T007",
    ),
    "no time": (2, "application: x\nvalid_from: 1700\nnodes: [{id: a}]", "T007"),
    "a missing field": (3, "application: x\nnodes:\n  - {title: a}", "T008"),
    "no nodes": (2, "application: x\nnodes: []", "T008"),
    "a word not allowed": (3, "application: x\nnodes:\n  - {id: a, kind: thing}", "T009"),
    "two nodes with one id": (5, HEAD + "  - id: a\n", "T010"),
    "a family twice": (4, "application: x\nnodes:\n  - id: u/{a}\n  - id: u/{b}\n", "T010"),
    "an edge to itself": (6, HEAD + "edges:\n  - {cause: a, effect: a}", "T011"),
    "a node not there": (6, HEAD + "edges:\n  - {cause: a, effect: z}", "T012"),
    "an edge twice": (
        7,
        HEAD + "edges:\n  - {cause: a, effect: b}\n  - {cause: a, effect: b}",
        "T013",
    ),
    "a bad pattern": (5, HEAD + "  - {id: c, match: [{name: 'c(.*'}]}", "T014"),
    "no group": (5, HEAD + "  - {id: 'c/{c}', match: [{name: c.*}]}", "T015"),
    "a group of nothing": (5, HEAD + "  - {id: c, match: [{name: '(?P<c>.*)'}]}", "T015"),
    "a group in the line": (5, HEAD + "  - {id: 'c/{c}', match: [{line: 'c(?P<c>.)'}]}", "T015"),
    "the same rule": (
        6,
        HEAD + "  - {id: c, match: [{name: u.*}]}\n  - {id: d, match: [{name: u.*}]}",
        "T016",
    ),
    "the same rule of a family": (
        6,
        HEAD
        + "  - {id: c, match: [{name: u(.*)}]}\n  - {id: 'd/{d}', match: [{name: u(?P<d>.*)}]}",
        "T016",
    ),
    "a swallowed example": (
        6,
        HEAD
        + "  - {id: c, match: [{name: u.*}]}\n  - {id: d, match: [{name: uv, examples: [uv]}]}",
        "T017",
    ),
    "a wrong example": (5, HEAD + "  - {id: c, match: [{name: u.*, examples: [v]}]}", "T018"),
    "an undeclared parameter": (5, HEAD + "  - id: ${c}", "T019"),
    "a default of what comes later": (
        3,
        'application: x\nparameters:\n  p: {default: "${q}"}\n  q: {}\nnodes:\n  - id: ${p}',
        "T019",
    ),
    "a parameter without value": (
        5,
        "application: x\nparameters:\n  p: {}\nnodes:\n  - id: ${p}/c",
        "T020",
    ),
    "longest before typical": (
        6,
        HEAD + "edges:\n  - {cause: a, effect: b, delay: {typical_s: 9, longest_s: 3}}",
        "T021",
    ),
    "no delay": (6, HEAD + "edges:\n  - {cause: a, effect: b, delay: {typical_s: 0}}", "T021"),
    "an endless delay": (
        6,
        HEAD + "edges:\n  - {cause: a, effect: b, delay: {longest_s: inf}}",
        "T021",
    ),
    "a strength above 1": (6, HEAD + "edges:\n  - {cause: a, effect: b, strength: 1.5}", "T022"),
    "no strength": (6, HEAD + "edges:\n  - {cause: a, effect: b, strength: 0}", "T022"),
    "strength is no number": (6, HEAD + "edges:\n  - {cause: a, effect: b, strength: nan}", "T022"),
    "an empty id": (5, HEAD + "  - id: ''", "T023"),
    "two variables at once": (5, HEAD + "  - id: '{c}-{d}'", "T023"),
    "via nothing": (6, HEAD + "edges:\n  - {cause: a, effect: b, via: cluster_node}", "T024"),
    "a rule for everything": (5, HEAD + "  - {id: c, match: [{because: all}]}", "T025"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_told_in_one_line(name: str, read_text: Callable[..., Application]) -> None:
    line, text, code = BAD[name]
    with pytest.raises(TopologyError) as told:
        read_text(text)
    assert re.fullmatch(rf"f\.yaml:{line}: {code}: .+: .+", str(told.value)), str(told.value)


def test_every_code_that_can_be_met_is_documented() -> None:
    documented = Path("topology/README.md").read_text(encoding="utf-8")
    sources = "".join(path.read_text(encoding="utf-8") for path in Path("topology").glob("*.py"))
    codes = set(re.findall(r'"(T\d{3})"', sources))
    assert codes
    assert codes == set(re.findall(r"^\| (T\d{3}) \|", documented, re.MULTILINE))


def test_several_problems_are_told_together_in_order(read_text: Callable[..., Application]) -> None:
    text = HEAD + "edges:\n  - {cause: a, effect: z}\n  - {cause: b, effect: b}\n"
    with pytest.raises(TopologyErrors) as told:
        read_text(text)
    lines = str(told.value).splitlines()
    assert [line.split(":")[1] for line in lines] == ["6", "7"]


def test_a_bomb_is_refused_before_it_goes_off(read_text: Callable[..., Application]) -> None:
    levels = [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    with pytest.raises(TopologyError, match="T003"):
        read_text("a0: &a0 [x, x]\n" + "\n".join(levels))


def test_a_missing_file_names_the_shipped_applications() -> None:
    with pytest.raises(TopologyError, match=r"^nosuch: T001: .* jupyterhub-openshift"):
        load("nosuch")


def test_a_file_too_large_is_not_read(tmp_path: Path) -> None:
    large = tmp_path / "large.yaml"
    large.write_bytes(b"#" * 2_000_000)
    with pytest.raises(TopologyError, match="T004"):
        load(str(large))


def test_bytes_that_are_no_text_are_told(tmp_path: Path) -> None:
    binary = tmp_path / "b.yaml"
    binary.write_bytes(b"application: x\ntitle: \xff\n")
    with pytest.raises(TopologyError, match=r"b\.yaml:2: T002: not UTF-8"):
        load(str(binary))


def test_setting_an_unknown_parameter_is_told() -> None:
    with pytest.raises(TopologyError, match=r"T019.*deployment, instance, namespace"):
        load("jupyterhub-openshift", {"namespce": "x"})

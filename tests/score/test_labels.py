"""Labels that cannot be right are refused in one line that says which and what to do."""

from collections.abc import Mapping
from datetime import datetime

import pytest

from incident_values import at
from pipeline.errors import UsageError
from pipeline.score import check_against, check_span, read_labels
from score_values import case, labels_file, raw_case
from topology.model import Application, NodeTemplate
from topology.versions import Timeline


def declared(name: str, *nodes: str, since: datetime | None = None) -> Application:
    return Application(name=name, valid_from=since, nodes=tuple(NodeTemplate(id=n) for n in nodes))


PETSHOP = Timeline.of([declared("petshop", "db", "front", "user/{user}")])
HUB = Timeline.of([declared("hub", "hub/db")])


def test_cases_are_read_as_they_stand() -> None:
    first, quiet = read_labels(
        labels_file(
            raw_case("a", kind="latency", note="ignored"), raw_case("q", 900, 1000, root_cause=[])
        ),
        "labels.json",
    )
    assert (first.id, first.start, first.root_cause, first.group) == (
        "a",
        at(0),
        ("db",),
        "latency",
    )
    assert quiet.benign
    assert quiet.group == "benign"


WRONG: Mapping[str, tuple[bytes, str]] = {
    "empty": (b" \n", "empty"),
    "not JSON": (b"{cases", "not JSON"),
    "not UTF-8": (b"\xff{}", "not UTF-8"),
    "no object": (b"[]", "object"),
    "no cases": (b'{"cases": []}', "no cases in it"),
    "no root cause said": (
        b'{"cases": [{"id": "x", "start": "2026-03-02T10:00:00Z", "end": "2026-03-02T10:00:00Z"}]}',
        "case 1 ('x'): root_cause: Field required",
    ),
    "a time without a zone": (
        labels_file(raw_case("a"), {**raw_case("b"), "end": "2026-03-02T10:20:00"}),
        "case 2 ('b'): end: Input should have timezone info",
    ),
    "a number for a time": (
        labels_file({**raw_case("a"), "start": 1700000000}),
        "case 1 ('a'): start: Input should be a time",
    ),
    "no list": (labels_file({**raw_case("a"), "root_cause": "db"}), "case 1 ('a'): root_cause: "),
    "no case": (b'{"cases": [3]}', "case 1: Input should be an object"),
    "twice": (labels_file(raw_case("a"), raw_case("a", 9000, 9001)), "case 'a' comes twice"),
    "backwards": (labels_file(raw_case("a", 10, 9)), "case 'a' ends"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_file_is_refused_in_one_line(name: str) -> None:
    content, expected = WRONG[name]
    with pytest.raises(UsageError) as trouble:
        read_labels(content, "labels.json")
    message = str(trouble.value)
    assert message.startswith("labels.json: ")
    assert expected in message
    assert message.isprintable()


def test_two_faults_may_be_there_at_once_but_nothing_overlaps_a_benign_case() -> None:
    benign = raw_case("q", 500, 900, root_cause=[])
    read_labels(labels_file(raw_case("a"), raw_case("b", 300)), "l")
    read_labels(labels_file(raw_case("a", 0, 500), benign, raw_case("b", 900, 901)), "l")
    with pytest.raises(UsageError, match=r"case 'q' is benign .* overlaps case 'a'"):
        read_labels(labels_file(benign, raw_case("a")), "l")
    with pytest.raises(UsageError, match="overlaps case"):
        read_labels(labels_file(benign, raw_case("r", 600, 601, root_cause=[])), "l")


def test_cases_of_two_applications_may_overlap() -> None:
    benign = raw_case("q", 500, 900, root_cause=[], application="hub")
    read_labels(labels_file(raw_case("a", application="petshop"), benign), "l")
    with pytest.raises(UsageError, match="overlaps"):
        read_labels(labels_file(raw_case("a"), benign), "l")


def test_unknown_nodes_are_told_with_what_was_meant() -> None:
    with pytest.raises(UsageError, match=r"case 'c1': node 'dbb' .* did you mean 'db'"):
        check_against([case(root=["dbb"])], [PETSHOP], "l")
    with pytest.raises(UsageError, match=r"'elsewhere' is not in the topology .*--topology"):
        check_against([case(affected=["elsewhere"])], [PETSHOP], "l")
    with pytest.raises(UsageError, match="family"):
        check_against([case(affected=["user/{user}"])], [PETSHOP], "l")
    check_against([case(affected=["user/alice"])], [PETSHOP], "l")


def test_a_node_of_any_version_is_known() -> None:
    later = declared("petshop", "store", since=at(3_600))
    both = Timeline.of([*PETSHOP.versions, later])
    check_against([case(root=["db"], affected=["store"])], [both], "l")


def test_with_one_application_all_cases_are_its_own() -> None:
    checked = check_against([case(application="Pet Shop"), case("c2")], [PETSHOP], "l")
    assert [each.application for each in checked] == ["petshop", "petshop"]


def test_with_several_applications_a_case_names_one_or_none() -> None:
    both = [PETSHOP, HUB]
    named, unnamed = check_against([case(application="petshop"), case("c2")], both, "l")
    assert (named.application, unnamed.application) == ("petshop", None)
    with pytest.raises(UsageError, match="no application 'zoo' in the topology; there are petshop"):
        check_against([case(application="zoo")], both, "l")
    with pytest.raises(UsageError, match="node 'db' is not in the topology"):
        check_against([case(application="hub")], both, "l")


def test_a_case_outside_the_recordings_is_refused() -> None:
    check_span([case(start=0, end=600)], (at(600), at(700)), "l")
    with pytest.raises(UsageError, match="case 'c1' lies before the recordings"):
        check_span([case(start=0, end=599)], (at(600), at(700)), "l")
    with pytest.raises(UsageError, match="lies after"):
        check_span([case(start=701, end=800)], (at(600), at(700)), "l")
    with pytest.raises(UsageError, match="no observation"):
        check_span([case()], None, "l")

"""A query set is data: what is wrong with it is told with file and line."""

from pathlib import Path

import pytest

from pipeline.errors import UsageError
from pipeline.live.metrics.queries import Query, load_queries, namespace_pattern

BEGIN = "query_set: mine\nparameters: {namespace: .+}\nqueries:\n"
SELECT = "  - {id: a, title: A, kind: select, promql: 'up{namespace=~\"${namespace}\"}'}\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "mine.yaml"


def told(file: Path, text: str) -> str:
    file.write_text(text)
    with pytest.raises(UsageError) as found:
        load_queries(file)
    return str(found.value).removeprefix(str(file))


def test_the_shipped_set_is_filled_with_the_namespaces() -> None:
    queries = load_queries(parameters={"namespace": namespace_pattern(["b", "a", "b"])})
    assert len({query.id for query in queries}) == len(queries)
    assert 'up{namespace=~"a|b"}' in {query.promql for query in queries}
    assert not any("${" in query.promql for query in queries)


def test_sums_over_a_pod_and_pause_containers_are_not_taken_for_containers() -> None:
    asked = [query.promql for query in load_queries() if "container_" in query.promql]
    of_containers = [text for text in asked if text.startswith("container_")]
    assert of_containers
    assert all('container!="", container!="POD"' in text for text in of_containers)


def test_a_parameter_cannot_leave_its_quotes(file: Path) -> None:
    file.write_text(BEGIN + SELECT)
    [query] = load_queries(file, {"namespace": 'a"} or up{b="\\'})
    assert query.promql == 'up{namespace=~"a\\"} or up{b=\\"\\\\"}'


def test_parameters_that_a_set_does_not_use_are_no_mistake(file: Path) -> None:
    file.write_text("query_set: mine\nqueries:\n  - {id: a, title: A, kind: select, promql: up}\n")
    assert [query.id for query in load_queries(file, {"namespace": "x"})] == ["a"]


def test_without_namespaces_any_is_meant() -> None:
    assert namespace_pattern([]) == ".+"
    with pytest.raises(UsageError, match="no name of a namespace"):
        namespace_pattern(['a"}'])


WRONG = {
    "query_set: mine\n": ":1: Q004: queries: Field required: correct it",
    BEGIN + "  - {id: a, title: A, kind: select, promql: up, limit: none}\n": (
        ":4: Q004: queries.0.limit: Input should be a valid integer, unable to parse string as"
        " an integer: correct it"
    ),
    BEGIN + SELECT + SELECT: (
        ":5: Q004: the id a is there already, on line 4: give each query an id of its own"
    ),
    BEGIN + "  - {id: a, title: A, kind: select, promql: '${here}'}\n": ":4: Q004: queries.0:",
    BEGIN + "  - {id: a, title: A, kind: select, promql: 'up{x=\"${here}\"}'}\n": (
        ":4: Q005: a: parameter ${here} is not declared: declared are: namespace"
    ),
    BEGIN + "  - {id: a, title: A, kind: select, promql: 'rate(up[1m])'}\n": ":4: Q004: queries.0:",
    BEGIN + "  - {id: a, title: A, kind: select, promql: 'up[1m]'}\n": ":4: Q004: queries.0:",
    BEGIN + "  - {id: a, title: A, kind: expression, promql: sum(up)}\n": (
        ":4: Q004: queries.0: an expression needs `name`, as its metric has none of its own:"
        " correct it"
    ),
    BEGIN + "  - {id: a, title: A, kind: select, promql: up, promql: up}\n": ":4: Q003: ",
    BEGIN + "  - &a {id: a}\n  - *a\n": ":5: Q003: an alias",
    "queries: [}": ":1: Q003: not YAML",
}


@pytest.mark.parametrize("text", WRONG)
def test_what_is_wrong_is_told_with_its_line(file: Path, text: str) -> None:
    assert told(file, text).startswith(WRONG[text])


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as found:
        load_queries(tmp_path / "none.yaml")
    assert str(found.value).endswith(
        "Q001: cannot be read (No such file or directory): name a readable query set"
    )


def test_a_query_says_of_itself_what_it_makes() -> None:
    query = Query(id="a", title="A", kind="expression", promql="sum(up)", name="ups")
    assert (query.limit, query.every_s, query.type) == (2_000, None, None)

"""Laws of causal paths."""

import itertools
from collections.abc import Callable, Iterator

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from topology import Application, Edge, Graph, NodeTemplate

HUB, DB, ALICE, BOB = (
    "jupyterhub/hub",
    "jupyterhub/db",
    "jupyterhub/user/alice",
    "jupyterhub/user/bob",
)
WRK = "infrastructure/node/wrk-1"

PLAIN = [f"n{number}" for number in range(6)]
EDGES = st.dictionaries(
    st.sampled_from(list(itertools.permutations(PLAIN, 2))),
    st.sampled_from([0.25, 0.5, 0.75, 1.0]),
    max_size=14,
)


def plain(edges: dict[tuple[str, str], float]) -> Application:
    return Application(
        name="x",
        nodes=tuple(NodeTemplate(id=name) for name in PLAIN),
        edges=tuple(Edge(cause=a, effect=b, strength=s) for (a, b), s in edges.items()),
    )


def walks(
    edges: dict[tuple[str, str], float], cause: str, effect: str
) -> Iterator[tuple[float, int, tuple[str, ...]]]:
    """All simple paths of at most three edges, as an order of preference."""
    drawn = nx.DiGraph(list(edges))
    drawn.add_nodes_from(PLAIN)
    for path in nx.all_simple_paths(drawn, cause, effect, cutoff=3):
        strength = 1.0
        for pair in itertools.pairwise(path):
            strength *= edges[pair]
        yield (-strength, len(path), tuple(path))


@given(EDGES, st.sampled_from(PLAIN), st.sampled_from(PLAIN))
def test_a_path_is_the_best_of_all_simple_paths(
    edges: dict[tuple[str, str], float], cause: str, effect: str
) -> None:
    path = Graph(plain(edges)).path(cause, effect)
    best = min(walks(edges, cause, effect), default=None) if cause != effect else None
    assert (path and path.preference) == best


def test_silent_nodes_between_are_bound(graph: Graph) -> None:
    path = graph.path("infrastructure/volume/jupyterhub-nb-bob-pvc", HUB)
    assert path is not None
    assert path.nodes[1:] == (BOB, HUB)


def test_a_variable_on_both_sides_is_the_same(graph: Graph) -> None:
    own = graph.path("infrastructure/volume/jupyterhub-nb-alice-pvc", ALICE)
    others = graph.path("infrastructure/volume/jupyterhub-nb-bob-pvc", ALICE)
    assert own is not None
    assert own.nodes == ("infrastructure/volume/jupyterhub-nb-alice-pvc", ALICE)
    assert others is not None
    assert others.nodes[1:] == (BOB, HUB, ALICE)


def test_a_node_between_of_which_any_will_do_keeps_its_variable(graph: Graph) -> None:
    path = graph.path("infrastructure/capacity", HUB)
    assert path is not None
    assert path.nodes[1] == "jupyterhub/user/{user}"


def test_the_database_breaks_users_through_the_hub(graph: Graph) -> None:
    path = graph.path(DB, ALICE)
    assert path is not None
    assert path.nodes == (DB, HUB, ALICE)
    assert (path.strength, path.typical_s, path.longest_s) == (0.665, 165, 690)


def test_a_machine_breaks_only_what_ran_on_it(graph: Graph) -> None:
    assert graph.path(WRK, ALICE, cluster_nodes=["wrk-2", "wrk-1"]) is not None
    assert graph.path(WRK, ALICE, cluster_nodes=["wrk-2"]) is None
    assert graph.path(WRK, ALICE) is None


def test_a_machine_is_only_ever_the_last_hop(graph: Graph) -> None:
    """That the hub's machine broke the hub is for the hub's own symptoms to say."""
    path = graph.path(WRK, ALICE, cluster_nodes=["wrk-1"])
    assert path is not None
    assert path.nodes == (WRK, ALICE)


def test_no_path_leads_to_itself_or_from_nowhere(graph: Graph) -> None:
    assert graph.path(HUB, HUB) is None
    assert graph.path("nowhere", HUB) is None
    assert graph.path(HUB, "infrastructure/quota") is None


SOME = [HUB, DB, ALICE, BOB, WRK, "infrastructure/storage", "infrastructure/volume/jupyterhub-db"]
QUESTIONS = st.tuples(
    st.sampled_from(SOME), st.sampled_from(SOME), st.sets(st.sampled_from(["wrk-1", "wrk-2"]))
)


@given(st.lists(QUESTIONS, max_size=15))
def test_an_answer_does_not_depend_on_earlier_questions(
    jupyterhub: Application, questions: list[tuple[str, str, set[str]]]
) -> None:
    asked = Graph(jupyterhub)
    for cause, effect, machines in questions:
        assert asked.path(cause, effect, machines) == Graph(jupyterhub).path(
            cause, effect, machines
        )


@given(st.sampled_from(SOME), st.sampled_from(SOME))
def test_whatever_a_path_joins_is_in_reach_of_each_other(
    jupyterhub: Application, cause: str, effect: str
) -> None:
    graph = Graph(jupyterhub)
    if graph.path(cause, effect, {"wrk-1"}) is not None:
        for one, other in ((cause, effect), (effect, cause)):
            template = jupyterhub.template_of(other)
            assert template is not None
            assert template.id in graph.reach(one)


@given(EDGES)
def test_the_reach_is_three_edges_up_and_down(edges: dict[tuple[str, str], float]) -> None:
    graph = Graph(plain(edges))
    joined = {n for n in PLAIN if graph.path(n, "n0") or graph.path("n0", n)}
    assert graph.reach("n0") == {"n0", *joined}


def test_what_cannot_be_seen_above_is_named(graph: Graph) -> None:
    above = graph.unobserved_above(HUB)
    assert {"platform/openshift-api", "platform/openshift-oauth"} <= set(above)
    assert not {DB, "infrastructure/quota", "infrastructure/storage"} & set(above)


def test_what_is_above_has_a_name_and_is_no_more_than_two_hops_away(graph: Graph) -> None:
    above = graph.above(DB, ["wrk-1"])
    assert {"infrastructure/volume/jupyterhub-db", "infrastructure/storage"} <= set(above)
    assert "infrastructure/node/wrk-1" in above
    assert not [node for node in above if "{" in node]


def test_a_drawing_has_the_edges_between_the_given_nodes(graph: Graph) -> None:
    drawn = graph.networkx([DB, HUB, ALICE])
    assert sorted(drawn.edges) == [(DB, HUB), (HUB, DB), (HUB, ALICE), (ALICE, HUB)]
    assert drawn.edges[DB, HUB]["strength"] == pytest.approx(0.95)


def test_a_large_plain_graph_is_searched_without_enumerating_paths(
    read_text: Callable[..., Application],
) -> None:
    """A thousand callers around one hub have a million paths of two edges."""
    ids = "".join(f"  - id: n{number}\n" for number in range(1000))
    edges = "".join(
        f"  - {{cause: n{number}, effect: n0}}\n  - {{cause: n0, effect: n{number}}}\n"
        for number in range(1, 1000)
    )
    graph = Graph(read_text(f"application: x\nnodes:\n{ids}edges:\n{edges}"))
    path = graph.path("n1", "n999")
    assert path is not None
    assert path.nodes == ("n1", "n0", "n999")

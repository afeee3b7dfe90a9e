"""A rebuilt store holds what it should, byte for byte, whatever it held before."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from incident_values import INCIDENTS, incident
from pipeline.records import Incident
from pipeline.store import IncidentStore, Query
from pipeline.store.rebuilding import compare, proof, rebuild

SHARED_STORE = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@SHARED_STORE
@given(before=st.lists(INCIDENTS, max_size=6), right=st.lists(INCIDENTS, max_size=6))
def test_afterwards_only_what_is_newer_differs(
    store: IncidentStore, before: list[Incident], right: list[Incident]
) -> None:
    store.delete([one.id for one in store.list(Query())])
    store.put(before)
    had = {one.id: one for one in store.list(Query())}
    wanted = {one.id: one for one in right}
    told = rebuild(wanted, store, prune=True)
    newer = {
        name: one
        for name, one in had.items()
        if name in wanted and one.revision > wanted[name].revision
    }
    assert {one.id: one for one in store.list(Query())} == wanted | newer
    assert set(told.newer) == newer.keys()
    left = {kind: set(ids) for kind, ids in compare(wanted, store).wrong.items()}
    assert left == ({"newer": newer.keys()} if newer else {})


def test_a_store_that_an_index_role_has_brought_further_is_compared_with_the_topic_as_it_is_now(
    store: IncidentStore,
) -> None:
    store.put([incident("a1", 7)])
    read = iter([{"a1": incident("a1", 6)}, {"a1": incident("a1", 7), "a2": incident("a2")}])
    found = proof({"a1": incident("a1", 5)}, store, again=lambda: next(read))
    assert (found.equal, found.wrong) == (2, {})


def test_what_the_topic_does_not_have_stays_unless_it_shall_go(store: IncidentStore) -> None:
    store.put([incident("a1")])
    assert rebuild({}, store).extra == ["a1"]
    assert store.get("a1") == incident("a1")
    rebuild({}, store, prune=True)
    assert store.get("a1") is None

"""What every store of incidents must do."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from incident_values import INCIDENTS, WORDY, incident, symptom
from pipeline.errors import UsageError
from pipeline.records import Incident, canonical
from pipeline.store import IncidentStore, Query, finds, matches, open_store, search_words

SHARED_STORE = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def test_is_a_store(store: IncidentStore) -> None:
    assert isinstance(store, IncidentStore)


@SHARED_STORE
@given(one=INCIDENTS)
def test_comes_out_as_the_bytes_that_went_in(store: IncidentStore, one: Incident) -> None:
    store.delete([one.id])
    store.put([one])
    assert canonical(store.get(one.id)) == canonical(one)


@SHARED_STORE
@given(all_=st.lists(INCIDENTS, max_size=12), cut=st.integers(0, 12))
def test_ends_at_the_highest_revision_whatever_the_order(
    store: IncidentStore, all_: list[Incident], cut: int
) -> None:
    """What comes in one revision is one record, however often it comes."""
    store.delete([one.id for one in store.list(Query())])
    records = {(one.id, one.revision): one for one in all_}
    coming = [records[one.id, one.revision] for one in all_]
    store.put(coming[:cut])
    store.put(coming[cut:])
    expected = {id_: records[id_, revision] for id_, revision in sorted(records)}
    assert {one.id: one for one in store.list(Query())} == expected


def test_an_older_revision_never_overwrites(store: IncidentStore) -> None:
    store.put([incident(revision=5, status="resolved")])
    store.put([incident(revision=4)])
    assert store.get("a1") == incident(revision=5, status="resolved")


def test_a_repeat_is_a_success_that_changes_nothing(store: IncidentStore) -> None:
    store.put([incident()])
    store.put([incident(), incident()])
    assert list(store.list(Query())) == [incident()]


def test_forgets_what_is_deleted_and_only_that(store: IncidentStore) -> None:
    store.put([incident("a1"), incident("a2")])
    store.delete(["a1", "never there"])
    assert store.get("a1") is None
    assert [one.id for one in store.list(Query())] == ["a2"]


def test_lists_by_start_then_id(store: IncidentStore) -> None:
    store.put([incident("c", start=1), incident("b", start=1), incident("d", start=0)])
    assert [one.id for one in store.list(Query())] == ["d", "b", "c"]


@pytest.mark.parametrize(
    "query",
    [
        Query(status="open"),
        Query(application="petshop"),
        Query(node="hub"),
        Query(node="front"),
        Query(id_prefix="a"),
        Query(id_prefix="%"),
        Query(status="merged", application="jupyterhub", node="db", id_prefix="b"),
    ],
)
@SHARED_STORE
@given(all_=st.lists(INCIDENTS, max_size=12))
def test_a_query_lists_exactly_what_matches(
    store: IncidentStore, all_: list[Incident], query: Query
) -> None:
    store.put(all_)
    everything = list(store.list(Query()))
    assert list(store.list(query)) == [one for one in everything if matches(one, query)]


def test_an_affected_node_of_an_older_revision_is_no_longer_found(store: IncidentStore) -> None:
    store.put([incident(revision=1, node="db")])
    store.put([incident(revision=2, node="hub")])
    assert list(store.list(Query(node="db"))) == []


@pytest.mark.long
@pytest.mark.parametrize(
    "text", ["db", "Went AWAY", "went, front!", "hub alice", "a_b", "x.y 42", "wen", "nothing such"]
)
@SHARED_STORE
@given(all_=st.lists(WORDY, max_size=12))
def test_a_search_finds_exactly_what_has_every_word(
    store: IncidentStore, all_: list[Incident], text: str
) -> None:
    store.put(all_)
    everything = list(store.list(Query()))
    words = search_words(text)
    assert list(store.search(text, Query())) == [one for one in everything if finds(one, words)]
    ours = Query(application="petshop", status="open")
    assert list(store.search(text, ours)) == [
        one for one in everything if finds(one, words) and matches(one, ours)
    ]


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("gone for good", "title"),
        ("user alice 40example", "node"),
        ("pool-signature", "signature"),
        ("FATAL: too many", "exemplar"),
        ("alice gone", "title and node"),
        ("exemp", "the beginning of a word"),
    ],
)
def test_what_is_searched(store: IncidentStore, text: str, where: str) -> None:
    spoken = symptom("pool", "jupyterhub/db", 1).model_copy(
        update={"exemplar": "exemplary: FATAL, too many clients"}
    )
    alike = {"title": "hub: gone for good", "node": "hub/user/alice-40example"}
    store.put([incident("a1", symptoms=(spoken,), **alike), incident("b1")])
    assert [one.id for one in store.search(text, Query())] == ["a1"], where


def test_words_of_an_older_revision_are_no_longer_found(store: IncidentStore) -> None:
    store.put([incident(revision=1, title="the disk")])
    store.put([incident(revision=2, title="the network")])
    assert list(store.search("disk", Query())) == []
    assert [one.revision for one in store.search("network", Query())] == [2]


@pytest.mark.parametrize("text", ["", "  ", "/_-*", " ".join(f"w{n}" for n in range(33))])
def test_a_search_without_words_or_with_too_many_is_told(store: IncidentStore, text: str) -> None:
    with pytest.raises(UsageError, match="search"):
        list(store.search(text, Query()))


def test_what_is_put_is_there_for_another_process_and_after_reopening(
    store: IncidentStore, opened: Callable[[], IncidentStore]
) -> None:
    reader = opened()
    store.put([incident()])
    assert reader.get("a1") == incident()
    store.close()
    assert opened().get("a1") == incident()


def test_a_reader_in_the_middle_of_a_list_does_not_stop_the_writer(
    store: IncidentStore, opened: Callable[[], IncidentStore]
) -> None:
    store.put([incident("a1"), incident("a2")])
    reading = opened().list(Query())
    assert next(reading).id == "a1"
    store.put([incident("a3")])
    assert [one.id for one in reading] == ["a2"]


def test_several_may_open_a_new_store_at_once(url: str) -> None:
    """As index workers that start together do."""
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: open_and_close(url), range(8)))
    assert found == [None] * 8


def open_and_close(url: str) -> Incident | None:
    store = open_store(url)
    try:
        return store.get("a1")
    finally:
        store.close()

"""The history of revisions: which documents there are, and what each says of a change."""

import json
from itertools import permutations
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from incident_values import INCIDENTS, incident, symptom
from pipeline.records import Incident, canonical
from pipeline.settings_elasticsearch import ElasticsearchSettings
from pipeline.store.elasticsearch.bulk import Action
from pipeline.store.elasticsearch.documents import MAX_ID_BYTES, document_of
from pipeline.store.elasticsearch.history import (
    Entry,
    changed,
    encoded_entry,
    entries,
    entry_document,
    history_index_of,
    unfit_entry,
)
from pipeline.store.elasticsearch.mappings import history_mappings
from pipeline.store.elasticsearch.templates import parts


def unknown(document: dict[str, Any], fields: dict[str, Any]) -> list[str]:
    """Return which fields of a document the server would refuse."""
    found = []
    for name, value in document.items():
        if name not in fields:
            found.append(name)
        elif isinstance(value, dict):
            found += unknown(value, fields[name]["properties"])
    return found


@given(st.lists(INCIDENTS))
def test_each_different_revision_comes_once_with_the_next_lower_one(seen: list[Incident]) -> None:
    found = list(entries(seen))
    there = {(one.id, one.revision) for one in seen}
    assert sorted((one.incident.id, one.incident.revision) for one in found) == sorted(there)
    for one in found:
        lower = {
            rev
            for name, rev in there
            if (name, rev) < (one.incident.id, one.incident.revision) and name == one.incident.id
        }
        assert (one.before and one.before.revision) == max(lower, default=None)


def test_the_order_in_which_revisions_come_does_not_matter() -> None:
    seen = [incident("a1", 1), incident("a1", 2, status="resolved"), incident("a1", 4, node="hub")]
    told = [sorted(map(encoded_entry, entries(order))) for order in permutations(seen)]
    assert all(each == told[0] for each in told)


def test_what_changed_is_named_and_against_what() -> None:
    before = incident("a1", 2)
    after = incident("a1", 4, status="resolved", node="hub", symptoms=(symptom("s0", "hub", 0),))
    after = after.model_copy(update={"severity": "critical", "nodes": ("hub",)})
    said = entry_document(Entry(after, before))["incident"]
    assert said["changed"] == ["status", "severity", "cause", "node_count", "symptom_count"]
    assert said["changed_since"] == 2
    assert set(said["changed"]) <= said.keys()


def test_no_change_is_told_from_one_that_nobody_saw() -> None:
    again, first = (
        entry_document(Entry(incident("a1", 2), before))["incident"]
        for before in (incident("a1", 1), None)
    )
    assert "changed" not in {*again, *first}
    assert again["changed_since"] == 1
    assert "changed_since" not in first


def test_a_cause_that_is_found_or_lost_is_a_change() -> None:
    without = incident("a1", 1).model_copy(update={"causes": ()})
    assert changed(without, incident("a1", 2)) == ["cause"]
    assert "cause" not in entry_document(Entry(without))["incident"]


@given(INCIDENTS, st.none() | INCIDENTS, st.none() | st.text())
def test_the_mapping_has_every_field(
    one: Incident, before: Incident | None, late: str | None
) -> None:
    document = entry_document(Entry(one.model_copy(update={"late_revision": late}), before))
    assert unknown(document, history_mappings()["properties"]) == []


def test_a_document_says_when_and_is_otherwise_as_the_incidents() -> None:
    one = incident("a1", 3, status="resolved")
    document, whole = (
        json.loads(encoded_entry(Entry(one))),
        json.loads(json.dumps(document_of(one))),
    )
    assert document["@timestamp"] == whole["incident"]["updated_at"]
    assert document["event"] == whole["event"]
    assert document["incident"]["cause"] == {"node": "db", "probability": 0.75}


def test_a_document_is_created_once_under_its_revision_in_the_month_of_the_start() -> None:
    one = incident("a1", 3, start=31 * 86_400.0)
    index = history_index_of(one, "incidents")
    what, _ = Action(index, Entry(one).id, None, b"{}").lines
    assert json.loads(what) == {"create": {"_index": "incidents-history-2026.04.01", "_id": "a1-3"}}


def test_an_id_that_is_too_long_with_its_revision_is_no_request() -> None:
    name = "x" * (MAX_ID_BYTES - 2)
    assert unfit_entry(Entry(incident(name, 9))) is None
    assert unfit_entry(Entry(incident(name, 10))) is not None
    assert unfit_entry(Entry(incident("", 1))) == "its id is empty"


def test_a_document_is_small_however_large_the_incident() -> None:
    seen = tuple(symptom(f"s{n}", "db", n) for n in range(500))
    one = incident("a1", 1, title="t" * 9_000, symptoms=seen)
    late = one.model_copy(update={"late_revision": "l" * 9_000})
    assert len(encoded_entry(Entry(late))) < 10_000 < len(canonical(late))


def test_the_templates_are_there_only_when_asked_for() -> None:
    off, on = (
        [part.name for part in parts(ElasticsearchSettings(history=is_on), lifecycle=True)]
        for is_on in (False, True)
    )
    added = ["aftershock-incidents-history@fields", "aftershock-incidents-history"]
    assert on == [*off, *added]

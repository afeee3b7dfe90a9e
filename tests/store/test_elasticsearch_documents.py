"""An incident as a document of Elasticsearch."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incident_values import INCIDENTS, WORDY, incident, symptom
from pipeline.records import Incident, canonical
from pipeline.settings_elasticsearch import ElasticsearchSettings
from pipeline.store.elasticsearch import documents
from pipeline.store.elasticsearch.documents import document_of, encoded, incident_of, index_of
from pipeline.store.elasticsearch.mappings import mappings
from pipeline.store.elasticsearch.templates import files, parts
from pipeline.store.searching import words_of

REPOSITORY = Path(__file__).parents[2]
ANY_INCIDENT = st.builds(
    lambda one, seen, said: one.model_copy(
        update={"symptoms": tuple(seen), "counterfactual": said, "late_revision": said}
    ),
    st.one_of(INCIDENTS, WORDY),
    st.lists(
        st.builds(
            symptom, st.text(), st.text(), st.integers(0, 9), st.none() | st.text(min_size=1)
        ),
        max_size=3,
    ),
    st.none() | st.text(),
)


def leaves(value: object, path: str = "") -> Iterator[tuple[str, object]]:
    """Yield dotted paths and values; lists are their elements, as the server sees them."""
    if isinstance(value, dict):
        for name, part in value.items():
            yield from leaves(part, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for part in value:
            yield from leaves(part, path)
    else:
        yield path, value


def mapped(fields: dict[str, Any], path: str = "") -> Iterator[tuple[str, str]]:
    for name, field in fields.items():
        here = f"{path}.{name}" if path else name
        yield from (
            mapped(field["properties"], here) if "properties" in field else [(here, field["type"])]
        )


TYPES = dict(mapped(mappings()["properties"]))


@given(ANY_INCIDENT)
def test_a_document_gives_back_the_bytes_of_its_incident(one: Incident) -> None:
    assert canonical(incident_of(json.loads(encoded(one)))) == canonical(one)


@given(ANY_INCIDENT)
def test_every_field_of_a_document_is_mapped(one: Incident) -> None:
    """Else the server, which is strict, would refuse it."""
    paths = {path for path, _ in leaves(document_of(one)) if not path.startswith("labels.")}
    assert paths <= TYPES.keys()


def test_every_field_that_is_mapped_is_written_but_for_those_of_a_sites_own_pipeline() -> None:
    seen = symptom("s1", "db", 1, "s0")
    full = incident(status="resolved", symptoms=(seen,), node="db/user/x").model_copy(
        update={
            "merged_into": "a0",
            "absent": ("x",),
            "unobserved": ("y",),
            "counterfactual": "s1",
            "late_revision": "it came late",
            "symptoms": (seen.model_copy(update={"symptom_class": "auth"}),),
        }
    )
    left = TYPES.keys() - {path for path, _ in leaves(document_of(full))} - {"labels"}
    others = {"event.ingested", "kubernetes.namespace", "orchestrator.namespace"}
    others |= {"orchestrator.cluster.id", "orchestrator.cluster.name", "orchestrator.resource.type"}
    assert left - {"incident.cause.changes"} == others


@given(ANY_INCIDENT)
def test_keywords_are_short_enough_for_the_server(one: Incident) -> None:
    long = one.model_copy(update={"title": one.title + "x" * 5_000, "application": "y" * 5_000})
    keywords = [
        value
        for path, value in leaves(document_of(long))
        if TYPES.get(path) == "keyword" and path != "record"
    ]
    assert all(len(str(value)) <= documents.MAX_CHARACTERS for value in keywords)


def test_lists_are_bounded_and_a_cut_one_is_marked() -> None:
    nodes = tuple(f"node-{number}" for number in range(documents.MAX_VALUES + 1))
    cut = document_of(incident().model_copy(update={"nodes": nodes}))
    assert len(cut["incident"]["nodes"]) == documents.MAX_VALUES
    assert cut["incident"]["cut"]
    assert not document_of(incident())["incident"]["cut"]


def test_symptoms_are_bounded_in_the_document_and_whole_in_the_record() -> None:
    seen = tuple(symptom(f"s{n}", "db", n) for n in range(documents.MAX_SYMPTOMS + 1))
    document = document_of(incident(symptoms=seen))
    assert len(document["incident"]["symptoms"]) == documents.MAX_SYMPTOMS
    assert incident_of(document).symptoms == seen


def test_the_month_of_the_start_is_the_index() -> None:
    one = incident().model_copy(update={"started_at": datetime(2026, 11, 30, 23, 59, tzinfo=UTC)})
    assert index_of(one, "incidents") == "incidents-2026.11.01"


def test_what_people_filter_by() -> None:
    document = document_of(incident(node="hub/user/alice-40example-2ecom", status="resolved"))
    assert document["related"]["user"] == ["alice-40example-2ecom", "alice@example.com"]
    assert document["incident"]["users"] == ["alice-40example-2ecom"]
    assert document["incident"]["cause"]["node"] == "hub/user/alice-40example-2ecom"
    assert document["event"]["duration"] == 300 * 10**9
    assert document["event"]["kind"] == "alert"
    assert document["kubernetes"]["pod"]["name"] == ["hub/user/alice-40example-2ecom-1"]


@pytest.mark.parametrize(
    ("node", "users"),
    [("user/x", None), ("hub/user/", None), ("hub/user/team-ff", ["team-ff"]), ("hub", None)],
)
def test_users_are_named_by_the_segment_after_user(node: str, users: list[str] | None) -> None:
    assert document_of(incident(node=node)).get("related", {}).get("user") == users


def test_fields_without_a_value_are_not_there_but_zero_and_no_are() -> None:
    document = document_of(incident())
    assert "resolved_at" not in document["incident"]
    assert "end" not in document["event"]
    assert document["incident"]["reopened"] == 0
    assert document["incident"]["cause"]["inferred"] is False


@given(WORDY)
def test_words_are_those_that_searches_look_for(one: Incident) -> None:
    words = document_of(one)["incident"]["words"].split(" ")
    assert set(words_of(one.title)) <= set(words)


@pytest.mark.parametrize(
    ("changed", "why"),
    [({"id": ""}, "empty"), ({"id": "é" * 257}, "512 bytes"), ({"revision": 2**63}, "revision")],
)
def test_what_would_spoil_a_whole_request_is_known_before(
    changed: dict[str, Any], why: str
) -> None:
    assert why in str(documents.unfit(incident().model_copy(update=changed)))
    assert documents.unfit(incident()) is None


def test_a_number_that_json_does_not_have_is_refused() -> None:
    seen = symptom("s1", "db", 1, "s0")
    assert seen.parent is not None
    odd = seen.model_copy(
        update={"parent": seen.parent.model_copy(update={"delay_s": float("nan")})}
    )
    with pytest.raises(ValueError, match="JSON"):
        encoded(incident(symptoms=(odd,)))


def test_the_files_are_what_ensure_installs() -> None:
    """`aftershock elasticsearch export deploy/elasticsearch` writes them."""
    folder = REPOSITORY / "deploy" / "elasticsearch"
    there = {file.name: file.read_text() for file in folder.glob("*.json")}
    assert there == files(ElasticsearchSettings())


def test_templates_match_no_names_but_ours_and_win_over_those_of_elastic() -> None:
    template = parts(ElasticsearchSettings(), lifecycle=True)[-1].body
    assert template["index_patterns"] == ["incidents-2*.01"]
    assert template["priority"] >= 200


def test_a_policy_deletes_only_where_a_retention_is_set() -> None:
    kept, limited = (
        parts(ElasticsearchSettings(retention_d=days), lifecycle=True)[0].body["policy"]["phases"]
        for days in (None, 365)
    )
    assert kept.keys() == {"warm"}
    assert limited["delete"]["min_age"] == "396d"  # the month's last incident is 31 days younger


def test_without_lifecycles_nothing_speaks_of_them() -> None:
    made = parts(ElasticsearchSettings(retention_d=365), lifecycle=False)
    assert "lifecycle" not in {part.name.rpartition("@")[2] for part in made}
    assert "ilm-policy" not in {part.kind for part in made}

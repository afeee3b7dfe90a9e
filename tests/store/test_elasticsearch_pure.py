"""What answers of Elasticsearch mean, what differs, what is asked, and how it is reached."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from pipeline.errors import UsageError
from pipeline.settings_elasticsearch import ElasticsearchSettings
from pipeline.store import Query
from pipeline.store.elasticsearch.access import connect
from pipeline.store.elasticsearch.answers import judged
from pipeline.store.elasticsearch.difference import difference
from pipeline.store.elasticsearch.installed import shadowed
from pipeline.store.elasticsearch.mappings import META
from pipeline.store.elasticsearch.queries import asked

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(min_size=1), inner),
)


def item(status: int, kind: str = "", operation: str = "index") -> dict[str, Any]:
    error = {"error": {"type": kind, "reason": "because", "caused_by": {"reason": "of\nthat"}}}
    return {operation: {"status": status, **(error if kind else {})}}


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (item(201), "done"),
        (item(409, "version_conflict_engine_exception"), "done"),
        (item(404, operation="delete"), "done"),
        (item(404, "index_not_found_exception", "delete"), "broken"),
        (item(429, "es_rejected_execution_exception"), "again"),
        (item(429, "cluster_block_exception"), "broken"),
        (item(403, "cluster_block_exception"), "broken"),
        (item(403, "security_exception"), "broken"),
        (item(503, "unavailable_shards_exception"), "again"),
        (item(500, "whatever"), "again"),
        (item(400, "document_parsing_exception"), "refused"),
        (item(400, "strict_dynamic_mapping_exception"), "refused"),
    ],
)
def test_what_an_answer_to_one_document_means(answer: dict[str, Any], verdict: str) -> None:
    found = judged(answer)
    assert found.verdict == verdict
    assert "\n" not in found.reason


def test_a_reason_names_its_cause() -> None:
    assert judged(item(400, "parsing")).reason == "400 parsing: because: of�that"


@given(JSON)
def test_nothing_differs_from_itself(value: object) -> None:
    assert difference(value, value) == []


def test_the_servers_spelling_is_no_difference() -> None:
    wanted = {"index": {"number_of_shards": "1"}, "enabled": "true", "names": ["a"]}
    there = {"index": {"number_of_shards": 1}, "enabled": True, "names": ["a"], "created_date": 7}
    assert difference(there, wanted) == []


def test_a_difference_names_what_is_there_and_what_should_be() -> None:
    lines = difference({"a": {"b": 1, "c": 2}}, {"a": {"b": 3, "d": []}})
    assert lines == ['- a.b: "1"', '+ a.b: "3"', '- a.c: "2"', "+ a.d: []"]


@pytest.mark.parametrize(
    ("mappings", "best", "word"),
    [
        ({"_meta": META}, "aftershock-incidents", None),
        ({}, None, "no templates"),
        ({"_meta": {**META, "version": 0}}, "aftershock-incidents", "ensure"),
        ({}, "theirs", "narrow the patterns of theirs"),
    ],
)
def test_whether_new_indices_will_be_ours(
    mappings: dict[str, Any], best: str | None, word: str | None
) -> None:
    told = shadowed({"template": {"mappings": mappings}}, "incidents", best)
    assert (told is None) if word is None else (word in str(told))


def test_what_was_cut_is_looked_at_in_its_record() -> None:
    (_, wanted) = asked(Query(node="hub"), ["went"])["bool"]["filter"]
    for clause in wanted["bool"]["filter"]:
        assert {"term": {"incident.cut": True}} in clause["bool"]["should"]


@pytest.mark.parametrize(
    ("url", "where"),
    [
        ("https://elastic:secret@one:9200", "https://one:9200"),
        ("http://one:9200, http://two:9201/way", "http://one:9200,http://two:9201/way"),
        ("cloud:site:ZXhhbXBsZS5jb206NDQzJGFiYyRkZWY=", "cloud:site"),
    ],
)
def test_servers_are_called_without_secrets(url: str, where: str) -> None:
    client, named = connect(url, ElasticsearchSettings())
    client.close()
    assert named == where


@pytest.mark.parametrize(
    "url", ["https://host", "https://:9200", "https://h:x", "cloud:x", "http:"]
)
def test_an_address_that_is_none_is_told_in_one_line(url: str) -> None:
    with pytest.raises(UsageError, match="store"):
        connect(url, ElasticsearchSettings())


def test_a_secret_or_an_authority_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    with pytest.raises(UsageError, match="gone"):
        connect("https://h:1", ElasticsearchSettings(api_key_file=gone))
    with pytest.raises(UsageError, match="cafile"):
        connect("https://h:1", ElasticsearchSettings(cafile=gone))
    gone.write_text("no certificate")
    with pytest.raises(UsageError, match="cafile"):
        connect("https://h:1", ElasticsearchSettings(cafile=gone))


@pytest.mark.parametrize(
    "given_",
    [
        {"username": "u"},
        {"password": "p"},
        {"username": "u", "password": "p", "password_file": "f"},
        {"api_key": "k", "api_key_file": "f"},
        {"username": "u", "password": "p", "api_key": "k"},
        {"alias": "Upper"},
        {"template_priority": 199},
    ],
)
def test_settings_that_contradict_themselves_are_refused(given_: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ElasticsearchSettings(**given_)

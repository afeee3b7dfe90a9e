"""What the store and `ensure` ask of a server that refuses, or that knows lifecycle policies."""

import json
from typing import Any

import pytest

from incident_values import incident
from pipeline import clock
from pipeline.errors import BrokenWorld, UsageError
from pipeline.settings_elasticsearch import ElasticsearchSettings
from pipeline.store.elasticsearch.bulk import MAX_TRIES, SUSPECT_BYTES
from pipeline.store.elasticsearch.ensure import ensure
from pipeline.store.elasticsearch.mappings import META, mappings
from pipeline.store.elasticsearch.store import ElasticsearchStore
from pipeline.store.elasticsearch.templates import parts
from servers.elasticsearch_standin import BREAK_OFF, Answer, Asked, StandIn, standing_in

OURS = {"template": {"mappings": mappings()}, "overlapping": []}
WRITTEN = (201, None)
FULL = (429, {"type": "es_rejected_execution_exception", "reason": "full"})


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long was waited; nobody really waits."""
    waited: list[float] = []
    monkeypatch.setattr(clock, "sleep", waited.append)
    return waited


def bulk(asked: Asked, *outcomes: tuple[int, Any]) -> Answer:
    """Return an answer with an outcome for each document; the last one holds for the rest."""
    told = [*outcomes, *[outcomes[-1]] * len(asked.operations)]
    items = [
        {"index": {"status": status} | ({"error": error} if error else {})}
        for _, (status, error) in zip(asked.operations, told, strict=False)
    ]
    return 200, {"errors": True, "items": items}


def ready(asked: Asked) -> Answer:
    """Answer as a server with our templates."""
    if "_simulate" in asked.path:
        return 200, OURS
    if asked.path.startswith("/_index_template"):
        return 200, {"index_templates": []}
    if asked.path.endswith("/_mapping"):
        return 200, {"incidents-2026.03.01": {"mappings": mappings()}}
    return bulk(asked, WRITTEN) if "_bulk" in asked.path else (200, {})


def put(standin: StandIn, number: int = 3, **settings: Any) -> list[str]:  # noqa: ANN401 - any
    store = ElasticsearchStore(standin.url, ElasticsearchSettings(**settings))
    try:
        return [no.reason for no in store.put([incident(f"a{n}") for n in range(number)])]
    finally:
        store.close()


def bulks(standin: StandIn) -> list[list[str]]:
    """Return the ids of each bulk request."""
    return [
        [each["index"]["_id"] for each in one.operations]
        for one in standin.asked
        if "_bulk" in one.path
    ]


def test_documents_carry_id_index_and_revision() -> None:
    with standing_in(ready) as standin:
        assert put(standin, 1) == []
    (operation,) = standin.asked[-1].operations
    assert operation["index"] == {
        "_index": "incidents-2026.03.01",
        "_id": "a0",
        "version": 1,
        "version_type": "external_gte",
    }


def test_only_what_was_not_taken_is_sent_again(pauses: list[float]) -> None:
    answers = iter([(WRITTEN, FULL, WRITTEN), (WRITTEN,)])

    def answer(asked: Asked) -> Answer:
        return bulk(asked, *next(answers)) if "_bulk" in asked.path else ready(asked)

    with standing_in(answer) as standin:
        assert put(standin) == []
    assert bulks(standin) == [["a0", "a1", "a2"], ["a1"]]
    assert len(pauses) == 1


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_server_that_is_full_is_asked_again_ever_later_and_told_in_the_end(
    status: int, pauses: list[float]
) -> None:
    def answer(asked: Asked) -> Answer:
        return (status, {"error": "full"}) if "_bulk" in asked.path else ready(asked)

    with standing_in(answer) as standin, pytest.raises(BrokenWorld, match=str(status)):
        put(standin)
    assert len(bulks(standin)) == MAX_TRIES
    assert pauses[-1] > pauses[0]


def test_a_request_that_is_too_large_is_halved_until_it_is_not() -> None:
    def answer(asked: Asked) -> Answer:
        if "_bulk" in asked.path and len(asked.operations) > 1:
            return 413, None
        return ready(asked)

    with standing_in(answer) as standin:
        assert put(standin) == []
    done = [ids for ids in bulks(standin) if len(ids) == 1]
    assert done == [["a0"], ["a1"], ["a2"]]


def test_a_document_that_alone_is_too_large_is_refused_and_the_rest_is_kept() -> None:
    def answer(asked: Asked) -> Answer:
        spoilt = any(each["index"]["_id"] == "a1" for each in asked.operations)
        return (413, None) if "_bulk" in asked.path and spoilt else ready(asked)

    with standing_in(answer) as standin:
        (reason,) = put(standin)
    assert "413" in reason
    assert {"a0", "a2"} <= {ids[0] for ids in bulks(standin) if len(ids) == 1}


def test_a_server_that_hangs_up_on_what_is_too_large_is_asked_for_less() -> None:
    """The real one does so while the request is still coming: then no 413 is ever read."""

    def answer(asked: Asked) -> Answer:
        large = len(asked.body) > SUSPECT_BYTES
        return (BREAK_OFF, None) if large else ready(asked)

    with standing_in(answer) as standin:
        store = ElasticsearchStore(standin.url, ElasticsearchSettings())
        large = incident("large", title="x" * SUSPECT_BYTES)
        refused = store.put([incident("a0"), large, incident("a1"), incident("a2")])
        store.close()
    assert [no.incident.id for no in refused] == ["large"]
    assert {"a0", "a1", "a2"} <= {each for ids in bulks(standin) for each in ids}


def test_a_server_that_hangs_up_on_everything_is_away() -> None:
    gone: list[bool] = []

    def answer(asked: Asked) -> Answer:
        gone.extend([True] * ("_bulk" in asked.path))
        return (BREAK_OFF, None) if gone else ready(asked)

    with standing_in(answer) as standin:
        store = ElasticsearchStore(standin.url, ElasticsearchSettings())
        with pytest.raises(BrokenWorld, match="cannot be reached"):
            store.put([incident(title="x" * SUSPECT_BYTES)])
        store.close()
    assert len(bulks(standin)) == 1


def test_requests_are_bounded_in_bytes() -> None:
    with standing_in(ready) as standin:
        store = ElasticsearchStore(standin.url, ElasticsearchSettings(bulk_mib=1))
        store.put([incident(f"a{n}", title="x" * 150_000) for n in range(9)])
        store.close()
    sizes = [len(one.body) for one in standin.asked if "_bulk" in one.path]
    assert len(sizes) > 1
    assert max(sizes) <= 1024 * 1024


def test_what_is_wrong_with_a_document_is_told_with_the_servers_reason() -> None:
    wrong = (400, {"type": "document_parsing_exception", "reason": "no such date"})

    def answer(asked: Asked) -> Answer:
        return bulk(asked, WRITTEN, wrong) if "_bulk" in asked.path else ready(asked)

    with standing_in(answer) as standin:
        assert put(standin, 2) == ["400 document_parsing_exception: no such date"]


def test_what_is_older_than_the_retention_does_not_come_back() -> None:
    with standing_in(ready) as standin:
        assert put(standin, retention_d=30) == []
    assert bulks(standin) == []


class Lifecycles:
    """A server that keeps policies and templates as it is documented."""

    def __init__(self) -> None:
        self.kept: dict[str, Any] = {}

    def __call__(self, asked: Asked) -> Answer:
        """Answer a request."""
        path = asked.path.partition("?")[0]
        kind, name = path.split("/")[1], path.rpartition("/")[2]
        if asked.method == "PUT":
            self.kept[path] = json.loads(asked.body)
            return 200, {"acknowledged": True}
        if "_simulate" in path:
            return 200, OURS
        if path == "/_index_template":
            return 200, {"index_templates": []}
        if path == "/_ilm/policy" or path.endswith("/_mapping"):
            return 200, {}
        if path not in self.kept:
            return 404, {"error": {"type": "resource_not_found_exception", "reason": "none"}}
        return 200, self._kept(kind, name, self.kept[path])

    def _kept(self, kind: str, name: str, body: Any) -> object:  # noqa: ANN401 - JSON
        if kind == "_ilm":
            return {name: {"version": 1, "modified_date": "now", **body}}
        if kind == "_component_template":
            return {"component_templates": [{"name": name, "component_template": body}]}
        return {"index_templates": [{"name": name, "index_template": body}]}


def test_a_server_with_lifecycles_gets_a_policy_and_a_second_time_nothing() -> None:
    server = Lifecycles()
    settings = ElasticsearchSettings(retention_d=365)
    with standing_in(server) as standin:
        first = ensure(standin.url, settings)
        written = len(standin.paths("PUT"))
        again = ensure(standin.url, settings)
    assert [each.state for each in first] == ["created"] * written
    assert {each.state for each in again} == {"as it should be"}
    assert len(standin.paths("PUT")) == written
    policy = server.kept["/_ilm/policy/aftershock-incidents"]["policy"]
    assert policy["phases"]["delete"]["min_age"] == "396d"


def test_what_is_installed_is_what_the_files_say() -> None:
    server = Lifecycles()
    with standing_in(server) as standin:
        ensure(standin.url, ElasticsearchSettings())
    wanted = [part.body for part in parts(ElasticsearchSettings(), lifecycle=True)]
    assert list(server.kept.values()) == wanted


def test_a_dry_run_says_the_same_and_writes_nothing() -> None:
    with standing_in(Lifecycles()) as standin:
        would = ensure(standin.url, ElasticsearchSettings(), dry_run=True)
        assert standin.paths("PUT") == []
        assert ensure(standin.url, ElasticsearchSettings()) == would


@pytest.mark.parametrize("status", [400, 404, 405, 410])
def test_a_server_without_lifecycles_is_prepared_without(status: int) -> None:
    server = Lifecycles()

    def answer(asked: Asked) -> Answer:
        return (status, {"error": "no handler"}) if "/_ilm" in asked.path else server(asked)

    with standing_in(answer) as standin:
        names = [each.name for each in ensure(standin.url, ElasticsearchSettings())]
    assert names
    assert not [name for name in names if name.endswith("lifecycle")]


@pytest.mark.parametrize(
    ("meta", "word"), [(None, "not ours"), ({**META, "version": 99}, "newer aftershock")]
)
def test_what_is_not_ours_or_newer_stays_and_nothing_else_is_done(
    meta: dict[str, Any] | None, word: str
) -> None:
    server = Lifecycles()
    server.kept["/_index_template/aftershock-incidents"] = {"_meta": meta}
    with standing_in(server) as standin, pytest.raises(UsageError, match=word):
        ensure(standin.url, ElasticsearchSettings())
    assert standin.paths("PUT") == []

"""What may be wrong with a real Elasticsearch: one line with what to do, and nothing is lost."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from elasticsearch import ApiError
from elasticsearch import Elasticsearch as Client
from pydantic import SecretStr

from incident_values import incident
from pipeline.errors import AftershockError, BrokenWorld, UsageError
from pipeline.settings_elasticsearch import ElasticsearchSettings
from pipeline.store import IncidentStore, Query, open_store
from pipeline.store.elasticsearch.ensure import ensure
from servers.certificates import Authority
from servers.elasticsearch_server import Elasticsearch
from servers.missing import Missing

MONTH = "2026.03.01"


@pytest.fixture
def alias(prefix: str, client: Client) -> Iterator[str]:
    """An alias of the test's own, of which nothing is left."""
    yield prefix
    for index in client.indices.get(index=f"{prefix}*").body:
        client.indices.delete(index=index)
    for name in (f"aftershock-{prefix}", f"{prefix}-theirs"):
        client.options(ignore_status=404).indices.delete_index_template(name=name)
    client.options(ignore_status=404).cluster.delete_component_template(
        name=f"aftershock-{prefix}*"
    )


@pytest.fixture
def client(elasticsearch: Elasticsearch) -> Iterator[Client]:
    """What others do to the engine."""
    with Client(elasticsearch.url) as opened:
        yield opened


@contextmanager
def opened(server: Elasticsearch, settings: ElasticsearchSettings) -> Iterator[IncidentStore]:
    store = open_store(server.url, settings)
    try:
        yield store
    finally:
        store.close()


def of(alias: str) -> ElasticsearchSettings:
    return ElasticsearchSettings(alias=alias, replicas=0)


def one_line(trouble: pytest.ExceptionInfo[AftershockError]) -> str:
    assert "\n" not in str(trouble.value)
    return str(trouble.value)


def test_ensuring_twice_changes_nothing(elasticsearch: Elasticsearch, alias: str) -> None:
    would = ensure(elasticsearch.url, of(alias), dry_run=True)
    first = ensure(elasticsearch.url, of(alias))
    again = ensure(elasticsearch.url, of(alias))
    assert would == first
    assert {each.state for each in first} == {"created"}
    assert [(each.state, each.lines) for each in again] == [("as it should be", ())] * len(first)


def test_a_changed_setting_is_shown_and_installed(elasticsearch: Elasticsearch, alias: str) -> None:
    ensure(elasticsearch.url, of(alias))
    more = of(alias).model_copy(update={"shards": 3})
    changed = [each for each in ensure(elasticsearch.url, more) if each.state == "changed"]
    assert [each.lines for each in changed] == [
        (
            '- template.settings.index.number_of_shards: "1"',
            '+ template.settings.index.number_of_shards: "3"',
        )
    ]


def test_months_of_an_older_version_are_brought_up_to_date(
    elasticsearch: Elasticsearch, client: Client, alias: str
) -> None:
    ensure(elasticsearch.url, of(alias))
    old = {"managed_by": "aftershock", "version": 0}
    client.indices.create(index=f"{alias}-{MONTH}")
    client.indices.put_mapping(index=f"{alias}-{MONTH}", meta=old)
    with opened(elasticsearch, of(alias)) as store:
        with pytest.raises(BrokenWorld, match="ensure"):
            store.put([incident()])
        assert ensure(elasticsearch.url, of(alias))[-1].state == "changed"
        assert store.put([incident()]) == []


def test_without_templates_nothing_is_written(elasticsearch: Elasticsearch, alias: str) -> None:
    with pytest.raises(BrokenWorld) as trouble, opened(elasticsearch, of(alias)):
        pass
    assert "aftershock elasticsearch ensure" in one_line(trouble)


def test_a_reader_finds_no_alias(elasticsearch: Elasticsearch, alias: str) -> None:
    with pytest.raises(UsageError) as trouble:
        open_store(elasticsearch.url, of(alias), create=False)
    assert alias in one_line(trouble)


def test_a_month_that_somebody_else_made_is_not_written_to(
    elasticsearch: Elasticsearch, client: Client, alias: str
) -> None:
    client.indices.create(index=f"{alias}-{MONTH}", mappings={"dynamic": False})
    with pytest.raises(UsageError, match="made without our template") as trouble:
        ensure(elasticsearch.url, of(alias))
    one_line(trouble)
    with opened(elasticsearch, of(alias)) as store:
        with pytest.raises(BrokenWorld, match=f"{alias}-{MONTH}"):
            store.put([incident()])
        client.indices.delete(index=f"{alias}-{MONTH}")
        assert store.put([incident()]) == []


def test_a_template_of_higher_priority_is_named(
    elasticsearch: Elasticsearch, client: Client, alias: str
) -> None:
    client.indices.put_index_template(
        name=f"{alias}-theirs", index_patterns=[f"{alias}-*"], priority=900
    )
    with pytest.raises(BrokenWorld, match="template_priority") as trouble:
        ensure(elasticsearch.url, of(alias))
    assert f"{alias}-theirs" in one_line(trouble)
    ensure(elasticsearch.url, of(alias).model_copy(update={"template_priority": 901}))
    with opened(elasticsearch, of(alias)) as store:
        assert store.put([incident()]) == []


def test_an_alias_with_two_write_indices_is_told(
    elasticsearch: Elasticsearch, client: Client, alias: str
) -> None:
    """The engine itself allows one; a second behind ours is what is left to find."""
    written = {alias: {"is_write_index": True}}
    client.indices.create(index=f"{alias}old", aliases=written)
    with pytest.raises(ApiError, match="more than one write index"):
        client.indices.create(index=f"{alias}older", aliases=written)
    with pytest.raises(UsageError, match="writes to") as trouble:
        ensure(elasticsearch.url, of(alias))
    assert f"{alias}old" in one_line(trouble)


def test_an_index_named_as_the_alias_is_told(
    elasticsearch: Elasticsearch, client: Client, alias: str
) -> None:
    client.indices.create(index=alias)
    with pytest.raises(UsageError, match="an index is called") as trouble:
        ensure(elasticsearch.url, of(alias))
    one_line(trouble)


def test_a_disk_at_flood_stage_stops_writing_until_there_is_room(
    elasticsearch: Elasticsearch, client: Client, alias: str
) -> None:
    ensure(elasticsearch.url, of(alias))
    block = "index.blocks.read_only_allow_delete"  # as the engine sets it by itself
    with opened(elasticsearch, of(alias)) as store:
        store.put([incident(revision=1)])
        client.indices.put_settings(index=f"{alias}-{MONTH}", settings={block: True})
        with pytest.raises(BrokenWorld, match="make room") as trouble:
            store.put([incident(revision=2)])
        one_line(trouble)
        client.indices.put_settings(index=f"{alias}-{MONTH}", settings={block: None})
        assert store.put([incident(revision=2)]) == []
        assert [one.revision for one in store.list(Query())] == [2]


def test_a_document_of_30_mb_is_refused_and_the_others_are_kept(
    elasticsearch: Elasticsearch, alias: str
) -> None:
    ensure(elasticsearch.url, of(alias))
    with opened(elasticsearch, of(alias)) as store:
        huge = incident("huge", title="x" * 30_000_000)
        (refused,) = store.put([incident("a1"), huge, incident("a2")])
        assert refused.incident is huge
        assert "bytes" in refused.reason
        assert {one.id for one in store.list(Query())} == {"a1", "a2"}


def test_the_largest_documents_that_are_taken_come_back(
    elasticsearch: Elasticsearch, alias: str
) -> None:
    ensure(elasticsearch.url, of(alias))
    large = incident("large", title="word " * 1_000_000)
    with opened(elasticsearch, of(alias)) as store:
        assert store.put([large]) == []
        assert store.get("large") == large


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Elasticsearch]:
    """An engine that wants to know who we are, over TLS, and takes 1 MB at once."""
    try:
        server = Elasticsearch(
            settings={"http.max_content_length": "1mb"},
            users={"operator": "our-secret"},
            authority=Authority(tmp_path_factory.mktemp("authority")),
        )
    except Missing as missing:
        pytest.skip(str(missing))
    try:
        server.start()
        yield server
    finally:
        server.close()


def known(server: Elasticsearch, **other: object) -> ElasticsearchSettings:
    assert server.authority is not None
    told: dict[str, object] = {
        "username": "operator",
        "password": "our-secret",
        "cafile": server.authority.certificate,
        "replicas": 0,
    }
    return ElasticsearchSettings.model_validate(told | other)


def test_over_tls_with_a_password_from_a_file(secured: Elasticsearch, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("our-secret\n")
    settings = known(secured, password=None, password_file=tmp_path / "password")
    ensure(secured.url, settings)
    with opened(secured, settings) as store:
        assert store.put([incident()]) == []
        assert store.get("a1") == incident()


def test_what_is_too_large_for_the_server_alone_is_refused(secured: Elasticsearch) -> None:
    ensure(secured.url, known(secured))
    with opened(secured, known(secured)) as store:
        many = [incident(f"a{n}", title="x" * 200_000) for n in range(9)]
        large = incident("large", title="x" * 1_100_000)
        (refused,) = store.put([*many, large])
        assert refused.incident is large
        assert "more than the server takes" in refused.reason
        assert {one.id for one in many} <= {one.id for one in store.list(Query())}


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"password": "wrong"}, "401: it does not know us"),
        ({"username": None, "password": None, "api_key": "d3Jvbmc6a2V5"}, "api_key"),
        ({"username": None, "password": None}, "elasticsearch.username"),
        ({"cafile": None}, "elasticsearch.cafile"),
    ],
)
def test_a_server_that_refuses_us_is_told_with_what_to_check(
    secured: Elasticsearch, changed: dict[str, object], words: str
) -> None:
    with pytest.raises(BrokenWorld) as trouble:
        open_store(secured.url, known(secured, **changed))
    assert words in one_line(trouble)
    assert "secret" not in one_line(trouble)


def test_plain_http_to_a_server_of_tls_is_told(secured: Elasticsearch) -> None:
    settings = ElasticsearchSettings(username="operator", password=SecretStr("our-secret"))
    with pytest.raises(BrokenWorld) as trouble:
        open_store(secured.url.replace("https", "http"), settings)
    assert "cannot be reached" in one_line(trouble)

"""The topology topic has every version that an incident may name, with all that it stands for."""

from datetime import UTC, datetime

import pytest

from pipeline.broker.ensure import ensure_topics
from pipeline.broker.graphs import graph_record, graph_records, publish_graphs, published_graph
from pipeline.errors import AftershockError
from pipeline.records import GraphRecord, canonical
from pipeline.settings import KafkaSettings
from topology.load import load
from topology.model import Application, NodeTemplate
from topology.versions import Timeline


def version(day: int, node: str) -> Application:
    since = datetime(2026, 3, day, tzinfo=UTC)
    return Application(name="shop", valid_from=since, nodes=(NodeTemplate(id=node),))


def test_a_graph_record_holds_the_whole_application() -> None:
    application = load("jupyterhub-openshift")

    record = GraphRecord.model_validate_json(canonical(graph_record(application)))

    assert record.version == application.version
    assert Application.model_validate(record.declared) == application


def test_every_version_has_a_key_and_the_latest_that_of_the_application() -> None:
    old, new = version(1, "web"), version(2, "db")
    told = [*graph_records([Timeline.of([new, old])])]
    assert [key.decode() for key, _ in told] == [
        f"shop@{old.version}",
        f"shop@{new.version}",
        "shop",
    ]
    assert [record.version for _, record in told] == [old.version, new.version, new.version]


def test_who_looks_at_the_values_alone_ends_with_the_latest() -> None:
    hub = Timeline.of([load("jupyterhub-openshift")])
    shop = Timeline.of([version(1, "web"), version(2, "db"), version(3, "web")])
    by_name = {record.application: record for _, record in graph_records([shop, hub])}
    assert by_name == {each.name: graph_record(each.latest) for each in (shop, hub)}


@pytest.fixture
def published(kafka: KafkaSettings) -> KafkaSettings:
    """A broker whose shop was once published with one version, and later with others."""
    ensure_topics(kafka)
    publish_graphs(kafka, [Timeline.of([version(1, "web")])])
    publish_graphs(kafka, [Timeline.of([version(2, "db"), version(3, "cache")])])
    return kafka


@pytest.mark.parametrize("made", [version(1, "web"), version(2, "db"), version(3, "cache")])
def test_every_version_that_was_ever_published_is_found(
    published: KafkaSettings, made: Application
) -> None:
    assert published_graph(published, f"shop@{made.version}") == made


def test_without_a_version_the_latest_is_found(published: KafkaSettings) -> None:
    assert published_graph(published, "shop") == version(3, "cache")


def test_of_a_graph_that_is_not_there_those_that_are_are_named(published: KafkaSettings) -> None:
    known = f"it has shop, .*shop@{version(2, 'db').version}"
    with pytest.raises(AftershockError, match=f"no graph shop@0; {known}"):
        published_graph(published, "shop@0")

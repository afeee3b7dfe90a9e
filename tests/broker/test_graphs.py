"""The topology topic's record says all that the graph's version stands for."""

from pipeline.broker.graphs import graph_record
from pipeline.records import GraphRecord, canonical
from topology.load import load
from topology.model import Application


def test_a_graph_record_holds_the_whole_application() -> None:
    application = load("jupyterhub-openshift")

    record = GraphRecord.model_validate_json(canonical(graph_record(application)))

    assert record.version == application.version
    assert Application.model_validate(record.declared) == application

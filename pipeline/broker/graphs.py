"""The graphs that correlation explains with → the topology topic.

In: applications. Out: one record each, keyed by the application, at every start of correlation; the
topic is compacted, so it ends with the version in force.
"""

from collections.abc import Iterable

from pipeline.broker import clients, topics
from pipeline.records import GraphRecord, canonical
from pipeline.settings import KafkaSettings
from topology.model import Application


def graph_record(application: Application) -> GraphRecord:
    """Return the record of an application's graph."""
    return GraphRecord(
        application=application.name,
        version=application.version,
        declared=application.model_dump(mode="json"),
    )


def publish_graphs(kafka: KafkaSettings, applications: Iterable[Application]) -> None:
    """Publish the graph of each application; return when all are acknowledged.

    Raises:
        BrokenWorld: the broker is away, or did not take one.
    """
    producer = clients.producer(kafka)
    try:
        with clients.told(kafka):
            sent = [
                producer.send(
                    topics.topology(kafka.topic_prefix),
                    key=application.name.encode(),
                    value=canonical(graph_record(application)),
                )
                for application in applications
            ]
            for each in sent:
                each.get(timeout=kafka.delivery_timeout_s)
    finally:
        producer.close(timeout=kafka.connect_timeout_s)

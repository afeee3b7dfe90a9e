"""The graphs that correlation explains with ⇄ the topology topic.

Out: at every start of correlation, a record for each version of each application, keyed by
``application@version``; behind them, keyed by the application, the latest one. The topic is
compacted: the application's key has the latest, and no version that was ever published leaves it,
so what an incident names is there. People write the versions: there are a few of each application,
of a megabyte at most.
In: what the topic says now, for people.
"""

from collections.abc import Iterable, Iterator

from pydantic import ValidationError

from pipeline.broker import clients, rows, topics
from pipeline.errors import AftershockError
from pipeline.harmless import one_line
from pipeline.records import GraphRecord, canonical
from pipeline.settings import KafkaSettings
from topology.model import Application
from topology.versions import Timeline

MAX_NAMED = 5
"""Graphs named when the one that is asked for is not there."""


def graph_record(application: Application) -> GraphRecord:
    """Return the record of an application's graph."""
    return GraphRecord(
        application=application.name,
        version=application.version,
        declared=application.model_dump(mode="json"),
    )


def graph_records(timelines: Iterable[Timeline]) -> Iterator[tuple[bytes, GraphRecord]]:
    """Yield the records of applications with their keys: versions by time, then the latest.

    Whoever looks at the values alone ends with the latest, too.
    """
    for timeline in timelines:
        for version in timeline.versions:
            yield f"{version.name}@{version.version}".encode(), graph_record(version)
        yield timeline.name.encode(), graph_record(timeline.latest)


def publish_graphs(kafka: KafkaSettings, timelines: Iterable[Timeline]) -> None:
    """Publish the graphs of each application; return when all are acknowledged.

    Raises:
        BrokenWorld: the broker is away, or did not take one.
    """
    producer = clients.producer(kafka)
    try:
        with clients.told(kafka):
            sent = [
                producer.send(topics.topology(kafka.topic_prefix), key=key, value=canonical(record))
                for key, record in graph_records(timelines)
            ]
            for each in sent:
                each.get(timeout=kafka.delivery_timeout_s)
    finally:
        producer.close(timeout=kafka.connect_timeout_s)


def published_graph(kafka: KafkaSettings, wanted: str) -> Application:
    """Return a graph of the topic: that of ``application@version``, or an application's latest.

    Raises:
        BrokenWorld: no broker answers.
        AftershockError: the topic is not there, it has no such graph, or one that is not readable.
    """
    records = rows.latest(kafka, topics.topology(kafka.topic_prefix))
    value = records.get(wanted.encode(errors="replace"))
    if value is None:
        raise AftershockError(_absent(wanted, _graphs(records)))
    try:
        return Application.model_validate(GraphRecord.model_validate_json(value).declared)
    except ValidationError as trouble:
        raise AftershockError(
            f"the graph {one_line(wanted)} of the topic cannot be read: it is from another version"
            f" of Aftershock ({trouble.error_count()} differences)"
        ) from trouble


def _graphs(records: dict[bytes, bytes]) -> Iterator[str]:
    """Yield the keys of graphs: what says where a pod runs is none."""
    for key, value in sorted(records.items()):
        try:
            GraphRecord.model_validate_json(value)
        except ValidationError:
            continue
        yield key.decode(errors="replace")


def _absent(wanted: str, known: Iterable[str]) -> str:
    application = wanted.partition("@")[0]
    names = sorted(known, key=lambda name: (name.partition("@")[0] != application, name))
    if not names:
        return "the topic has no graphs: `aftershock run` publishes them at its start"
    some = ", ".join(one_line(name) for name in names[:MAX_NAMED])
    more = f" and {len(names) - MAX_NAMED} more" if len(names) > MAX_NAMED else ""
    return f"the topic has no graph {one_line(wanted)}; it has {some}{more}"

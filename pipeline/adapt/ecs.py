"""Beats and Elastic Agent, ECS with ``kubernetes.*`` → logs and events; pure.

In: one JSON object a record, nested or with dots in its keys. Metricbeat's events of the cluster
(``kubernetes.event.*``) are events; its other metric sets are left out: ask Prometheus for them.
"""

from collections.abc import Mapping
from typing import Any

from pipeline.adapt.containers import line_of, log_of, place
from pipeline.adapt.decoded import Decoded, Undecodable, nothing
from pipeline.adapt.kubernetes_events import event
from pipeline.adapt.reading import Json, first_time, object_of, text_of

_MESSAGES = ("message", "event.original", "log.original", "json", "error.message")


def decode(value: bytes) -> Decoded:
    """Return the log record or the event.

    Raises:
        Undecodable: it is not of this format.
    """
    record = object_of(value)
    involved = dig(record, "kubernetes.event.involved_object")
    if isinstance(involved, Mapping):
        return Decoded([event(_event_object(record, involved))])
    if dig(record, "metricset.name") is not None:
        return nothing("metricset")
    names = {
        "namespace": dig(record, "kubernetes.namespace"),
        "pod": dig(record, "kubernetes.pod.name"),
        "pod_uid": dig(record, "kubernetes.pod.uid"),
        "container": dig(record, "kubernetes.container.name"),
        "cluster_node": dig(record, "kubernetes.node.name"),
    }
    where = place(names, dig(record, "log.file.path"))
    return Decoded([log_of(line_of(_message(record)), first_time(record, "@timestamp"), where)])


def dig(record: Json, path: str) -> object:
    """Return what is below a path with dots, of which some may be in the keys themselves."""
    if path in record:
        return record[path]
    head, dot, rest = path.partition(".")
    while dot:
        below = record.get(head)
        if isinstance(below, Mapping):
            found = dig(below, rest)
            if found is not None:
                return found
        step, dot, rest = rest.partition(".")
        head = f"{head}.{step}"
    return None


def _message(record: Json) -> str:
    fields = [dig(record, path) for path in _MESSAGES]
    found = next((text for field in fields if (text := text_of(field)) is not None), None)
    if found is None and all(field is None for field in fields):
        raise Undecodable(f"no message: none of {', '.join(_MESSAGES)}")
    return found or ""


def _event_object(record: Json, involved: Json) -> dict[str, Any]:
    """Return the core/v1 object that Metricbeat has put into fields of its own."""
    about = "kubernetes.event"
    return {
        "involvedObject": {
            "kind": dig(involved, "kind"),
            "name": dig(involved, "name"),
            "uid": dig(involved, "uid"),
            "namespace": dig(involved, "namespace") or dig(record, f"{about}.metadata.namespace"),
        },
        "metadata": {"uid": dig(record, f"{about}.metadata.uid")},
        "reason": dig(record, f"{about}.reason"),
        "type": dig(record, f"{about}.type"),
        "message": dig(record, f"{about}.message"),
        "count": dig(record, f"{about}.count"),
        "firstTimestamp": dig(record, f"{about}.timestamp.first_occurrence"),
        "lastTimestamp": dig(record, f"{about}.timestamp.last_occurrence"),
        "eventTime": record.get("@timestamp"),
        "source": {"host": dig(record, f"{about}.source.host")},
    }

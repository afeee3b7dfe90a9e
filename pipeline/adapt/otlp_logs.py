"""Log records of OTLP → logs and events; pure.

A record's place is in the resource's attributes, else in its own. Its time is ``timeUnixNano``, or
``observedTimeUnixNano`` where the source gave none. Three things are events of the cluster: what
the ``k8sobjects`` receiver writes into the body, whole or as ``{type, object}``, and what the
``k8s_events`` receiver writes into attributes.
"""

from collections.abc import Mapping
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from pipeline.adapt.containers import line_of, log_of, place
from pipeline.adapt.decoded import Decoded, Undecodable
from pipeline.adapt.kubernetes_events import event, event_object, events_in, is_audit
from pipeline.adapt.otlp_values import Attributes, attributes_of, value_of
from pipeline.adapt.reading import instant_at, name_of, text_of
from pipeline.records import Log

_REASON = "k8s.event.reason"


def plausible(request: ExportLogsServiceRequest) -> bool:
    """Tell whether these are logs indeed: metrics, read as logs, have no times."""
    records = [
        record
        for resource in request.resource_logs
        for scope in resource.scope_logs
        for record in scope.log_records
    ]
    return not records or any(r.time_unix_nano or r.observed_time_unix_nano for r in records)


def logs(request: ExportLogsServiceRequest) -> Decoded:
    """Return the log records of a request, and the events among them."""
    decoded = Decoded()
    for of_resource in request.resource_logs:
        resource = attributes_of(of_resource.resource.attributes)
        for scope in of_resource.scope_logs:
            for record in scope.log_records:
                try:
                    _take(decoded, record, resource)
                except Undecodable as trouble:
                    decoded.add_bad(trouble.what)
    return decoded


def _take(decoded: Decoded, record: LogRecord, resource: Attributes) -> None:
    own = attributes_of(record.attributes)
    body = value_of(record.body)
    if own.get(_REASON) is not None:
        decoded.observations.append(event(_event_object(record, resource, own, body)))
    elif isinstance(body, dict) and (is_audit(body) or event_object(body) is not None):
        found = events_in(body)
        decoded.observations += found.observations
        decoded.left_out += found.left_out
    else:
        decoded.observations.append(_log(record, {**own, **resource}, body))


def _log(record: LogRecord, known: Attributes, body: object) -> Log:
    names = {
        "namespace": known.get("k8s.namespace.name"),
        "pod": known.get("k8s.pod.name"),
        "pod_uid": known.get("k8s.pod.uid"),
        "container": known.get("k8s.container.name"),
        "cluster_node": known.get("k8s.node.name"),
    }
    nanoseconds = record.time_unix_nano or record.observed_time_unix_nano
    line = line_of(text_of(body) or "")
    time = instant_at(nanoseconds // 1000) if nanoseconds else None
    return log_of(line, time, place(names, known.get("log.file.path")))


def _event_object(
    record: LogRecord, resource: Attributes, own: Attributes, body: object
) -> Mapping[str, Any]:
    nanoseconds = record.time_unix_nano or record.observed_time_unix_nano
    return {
        "involvedObject": {
            "kind": resource.get("k8s.object.kind"),
            "name": resource.get("k8s.object.name"),
            "uid": name_of(resource.get("k8s.object.uid")),
            "namespace": name_of(own.get("k8s.namespace.name")),
        },
        "metadata": {"uid": name_of(own.get("k8s.event.uid"))},
        "reason": own.get(_REASON),
        "type": record.severity_text or "Normal",
        "message": text_of(body),
        "count": own.get("k8s.event.count"),
        "eventTime": instant_at(nanoseconds // 1000) if nanoseconds else None,
        "source": {"host": name_of(resource.get("k8s.node.name"))},
    }

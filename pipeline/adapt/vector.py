"""Vector, ``kubernetes_logs`` into the kafka sink with JSON → logs; pure.

In: one JSON object a record: ``message``, ``timestamp`` (RFC 3339, of the line) and
``kubernetes.*``. Metrics of Vector's own model are left out.
"""

from pipeline.adapt.containers import Form, log_in
from pipeline.adapt.decoded import Decoded, nothing
from pipeline.adapt.reading import Json, object_of

_FORM = Form(
    names={
        "namespace": "pod_namespace",
        "pod": "pod_name",
        "pod_uid": "pod_uid",
        "container": "container_name",
        "cluster_node": "pod_node_name",
    },
    times=("timestamp", "@timestamp", "time"),
    messages=("message", "log", "msg"),
    paths=("file",),
    about=frozenset({"stream", "host", "source_type", "timestamp_end"}),
)
_METRIC_KINDS = ("absolute", "incremental")


def decode(value: bytes) -> Decoded:
    """Return the log record.

    Raises:
        Undecodable: it is not of this format.
    """
    record = object_of(value)
    if is_metric(record):
        return nothing("metric")
    return Decoded([log_in(record, _FORM)])


def is_metric(record: Json) -> bool:
    """Tell whether a JSON object is a metric of Vector's own model."""
    return record.get("kind") in _METRIC_KINDS and "name" in record and "message" not in record

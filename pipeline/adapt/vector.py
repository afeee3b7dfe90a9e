"""Vector, ``kubernetes_logs`` into the kafka sink with JSON → logs; pure.

In: one JSON object a record: ``message``, ``timestamp`` (RFC 3339, of the line) and
``kubernetes.*``. Metrics of Vector's own model are left out.
"""

from pipeline.adapt.decoded import Decoded
from pipeline.adapt.reading import (
    Json,
    first_time,
    line_of,
    log_of,
    message_of,
    object_in,
    object_of,
    place,
)

_TIME_KEYS = ("timestamp", "@timestamp", "time")
_MESSAGE_KEYS = ("message", "log", "msg")
_ABOUT = frozenset(
    {"kubernetes", "stream", "file", "host", "source_type", "timestamp_end", *_TIME_KEYS}
)
_METRIC_KINDS = ("absolute", "incremental")


def decode(value: bytes) -> Decoded:
    """Return the log record.

    Raises:
        Undecodable: it is not of this format.
    """
    record = object_of(value)
    if is_metric(record):
        decoded = Decoded()
        decoded.left_out["metric"] += 1
        return decoded
    about = object_in(record, "kubernetes")
    names = {
        "namespace": about.get("pod_namespace"),
        "pod": about.get("pod_name"),
        "pod_uid": about.get("pod_uid"),
        "container": about.get("container_name"),
        "cluster_node": about.get("pod_node_name"),
    }
    line = line_of(message_of(record, _MESSAGE_KEYS, _ABOUT))
    where = place(names, record.get("file"))
    return Decoded([log_of(line, first_time(record, *_TIME_KEYS), where)])


def is_metric(record: Json) -> bool:
    """Tell whether a JSON object is a metric of Vector's own model."""
    return record.get("kind") in _METRIC_KINDS and "name" in record and "message" not in record

"""OpenShift's ClusterLogForwarder, the ViaQ data model → logs and events; pure.

In: one JSON object a record. The line is ``message``, or, where the forwarder parses JSON,
``structured``. The event router's records carry the event object in ``kubernetes.event``. Audit
entries (``log_type: audit``) are left out.
"""

from pipeline.adapt.decoded import Decoded
from pipeline.adapt.kubernetes_events import event, is_audit
from pipeline.adapt.reading import (
    Json,
    first_time,
    line_of,
    log_of,
    message_of,
    name_of,
    object_in,
    object_of,
    place,
)

_TIME_KEYS = ("@timestamp", "timestamp")
_MESSAGE_KEYS = ("message", "structured")
_ABOUT = frozenset(
    {
        *("kubernetes", "openshift", "docker", "hostname", "level", "file", "offset", "tags"),
        *("log_type", "log_source", "stream", "viaq_msg_id", "viaq_index_name", "write_index"),
        *("ipaddr4", "ipaddr6", "pipeline_metadata", "pid", "service", *_TIME_KEYS),
    }
)


def decode(value: bytes) -> Decoded:
    """Return the log record or the event.

    Raises:
        Undecodable: it is not of this format.
    """
    record = object_of(value)
    if record.get("log_type") == "audit" or is_audit(record):
        decoded = Decoded()
        decoded.left_out["audit"] += 1
        return decoded
    about = object_in(record, "kubernetes")
    routed = object_in(about, "event")
    if object_in(routed, "involvedObject"):
        return Decoded([event({**routed, "message": routed.get("message", record.get("message"))})])
    return _log(record, about)


def _log(record: Json, about: Json) -> Decoded:
    names = {
        "namespace": about.get("namespace_name"),
        "pod": about.get("pod_name"),
        "pod_uid": about.get("pod_id"),
        "container": about.get("container_name"),
        "cluster_node": name_of(about.get("host")) or record.get("hostname"),
    }
    line = line_of(message_of(record, _MESSAGE_KEYS, _ABOUT))
    where = place(names, record.get("file"))
    return Decoded([log_of(line, first_time(record, *_TIME_KEYS), where)])

"""OpenShift's ClusterLogForwarder, the ViaQ data model → logs and events; pure.

In: one JSON object a record. The line is ``message``, or, where the forwarder parses JSON,
``structured``. The event router's records carry the event object in ``kubernetes.event``. Audit
entries (``log_type: audit``) are left out.
"""

from pipeline.adapt.containers import FLUENTD_NAMES, Form, log_in
from pipeline.adapt.decoded import Decoded, nothing
from pipeline.adapt.kubernetes_events import event_object, events_in, is_audit
from pipeline.adapt.reading import object_in, object_of

_FORM = Form(
    names=FLUENTD_NAMES,
    times=("@timestamp", "timestamp"),
    messages=("message", "structured"),
    paths=("file",),
    about=frozenset(
        {
            *("openshift", "docker", "hostname", "level", "offset", "tags", "pid", "service"),
            *("log_type", "log_source", "stream", "viaq_msg_id", "viaq_index_name", "write_index"),
            *("ipaddr4", "ipaddr6", "pipeline_metadata"),
        }
    ),
)


def decode(value: bytes) -> Decoded:
    """Return the log record or the event.

    Raises:
        Undecodable: it is not of this format.
    """
    record = object_of(value)
    if record.get("log_type") == "audit" or is_audit(record):
        return nothing("audit")
    about = object_in(record, "kubernetes")
    routed = object_in(about, "event")
    if event_object(routed) is not None:
        return events_in({**routed, "message": routed.get("message", record.get("message"))})
    host = about.get("host") or record.get("hostname")  # Logging 6 has the latter only
    return Decoded([log_in({**record, "kubernetes": {**about, "host": host}}, _FORM)])

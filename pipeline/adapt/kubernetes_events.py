"""Event objects of the cluster's API, however somebody has wrapped them → events; pure.

In: kubernetes-event-exporter writes the core/v1 object itself, with more about the object that is
involved; a watch writes it as ``{type, object}``, eventrouter as ``{verb, event}``. Entries of an
audit log are ``kind: Event`` too and are no events: left out, and counted.
"""

from typing import Any

from pipeline.adapt.decoded import Decoded, Undecodable, nothing
from pipeline.adapt.reading import Json, object_of
from pipeline.ingest.cluster import Unusable, event_of
from pipeline.records import Event
from pipeline.rejection import one_line

_AUDIT = "audit.k8s.io/"
_WRAPPINGS = ("object", "event")
_TIMES = ("firstTimestamp", "lastTimestamp", "eventTime")
_NEVER = "0001-01-01T"
"""How programs in Go begin a time that was never set; the API itself writes null."""


def decode(value: bytes) -> Decoded:
    """Return the event.

    Raises:
        Undecodable: it is not of this format.
    """
    return events_in(object_of(value))


def events_in(record: Json) -> Decoded:
    """Return the event that a JSON object is, or wraps.

    Raises:
        Undecodable: it is none.
    """
    if is_audit(record):
        return nothing("audit")
    found = event_object(record)
    if found is None:
        raise Undecodable("not an event object: no involvedObject")
    if "DELETED" in (record.get("type"), record.get("verb")):
        # the API server forgets an event after its hour, which is no occurrence
        return nothing("deleted")
    return Decoded([event(found)])


def event(raw: Json) -> Event:
    """Return the event that an event object tells of.

    Raises:
        Undecodable: it says nothing about when, what or which object.
    """
    never = {key: None for key in _TIMES if str(raw.get(key)).startswith(_NEVER)}
    try:
        return event_of({**raw, **never})
    except Unusable as trouble:
        raise Undecodable(one_line(str(trouble))) from None


def event_object(record: Json) -> dict[str, Any] | None:
    """Return the event object that a JSON object is or wraps; None where there is none."""
    for candidate in (record, *(record.get(key) for key in _WRAPPINGS)):
        if isinstance(candidate, dict) and any(
            isinstance(candidate.get(key), dict) for key in ("involvedObject", "regarding")
        ):
            return candidate
    return None


def is_audit(record: Json) -> bool:
    """Tell whether a JSON object is an entry of the API server's audit log."""
    version = record.get("apiVersion")
    return isinstance(version, str) and version.startswith(_AUDIT)

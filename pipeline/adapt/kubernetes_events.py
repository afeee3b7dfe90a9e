"""Event objects of the cluster's API, however somebody has wrapped them → events; pure.

In: kubernetes-event-exporter writes the core/v1 object itself, with more about the object that is
involved; a watch writes it as ``{type, object}``, eventrouter as ``{verb, event}``. Entries of an
audit log are ``kind: Event`` too and are no events: left out, and counted.
"""

from typing import Any

from pipeline.adapt.decoded import Decoded, Undecodable
from pipeline.adapt.reading import Json, name_of, object_of
from pipeline.ingest.cluster import Unusable, event_of
from pipeline.records import Event
from pipeline.rejection import one_line

_AUDIT = "audit.k8s.io/"
_WRAPPINGS = ("object", "event")
DELETED = "deleted"
"""Reason to leave out: the API server forgets an event after its hour, which is no occurrence."""


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
    decoded = Decoded()
    found = event_object(record)
    if is_audit(record):
        decoded.left_out["audit"] += 1
    elif found is None:
        raise Undecodable("not an event object: no involvedObject")
    elif (name_of(record.get("type")) or name_of(record.get("verb"))) == "DELETED":
        decoded.left_out[DELETED] += 1
    else:
        decoded.observations.append(event(found))
    return decoded


def event(raw: Json) -> Event:
    """Return the event that an event object tells of.

    Raises:
        Undecodable: it says nothing about when, what or which object.
    """
    try:
        return event_of(raw)
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

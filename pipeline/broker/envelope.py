"""The headers of incident records: CloudEvents 1.0 in Kafka's binary mode; pure.

In: a revision, or an incident that has aged. Out: headers (names and UTF-8 bytes), by which others
route and filter without reading a value; a tombstone has nothing else to say what it is.

``ce_id`` is unique for its ``ce_source``: a record that comes again has the same one. A change that
older readers could not follow gets another ``ce_type`` and ``ce_dataschema``.
"""

from urllib.parse import quote

from pipeline.records import Incident, instant

Headers = tuple[tuple[str, bytes], ...]

INCIDENT = "io.aftershock.incident.v1"
"""``ce_type`` of a revision."""
AGED = "io.aftershock.incident.aged.v1"
"""``ce_type`` of the tombstone of an incident that has aged out; a person's has none."""
JSON = "application/json"


def schema_urn(name: str, version: int = 1) -> str:
    """Return the URI that names a published schema: its ``$id``."""
    return f"urn:aftershock:schema:{name}:{version}"


def revision_headers(incident: Incident) -> Headers:
    """Return the headers of a revision: its time is that of its latest fact."""
    return _headers(
        ce_id=f"{incident.id}/{incident.revision}",
        ce_source=_source(incident.application),
        ce_type=INCIDENT,
        ce_time=_rfc3339(incident.updated_at.isoformat()),
        ce_subject=incident.id,
        ce_dataschema=schema_urn("topic.incidents", incident.schema_version),
        ce_partitionkey=incident.id,
        ce_revision=str(incident.revision),
        content_type=JSON,
    )


def aged_headers(application: str, incident_id: str, revision: int, at: int) -> Headers:
    """Return the headers of a tombstone; ``at`` is event time in microseconds.

    It has no data, so nothing is said of its type or schema; ``ce_revision`` is the last that was.
    """
    return _headers(
        ce_id=f"{incident_id}/{revision}/aged",
        ce_source=_source(application),
        ce_type=AGED,
        ce_time=_rfc3339(instant(at).isoformat()),
        ce_subject=incident_id,
        ce_partitionkey=incident_id,
        ce_revision=str(revision),
    )


def is_aged(headers: Headers) -> bool:
    """Return whether these are the headers of an incident that has aged out."""
    return ("ce_type", AGED.encode()) in headers


def _headers(*, content_type: str | None = None, **given: str) -> Headers:
    named = {"ce_specversion": "1.0", **given}
    if content_type is not None:
        named["content-type"] = content_type
    return tuple((name, value.encode()) for name, value in named.items())


def _source(application: str) -> str:
    return f"/aftershock/{quote(application, safe='')}"  # a URI reference, whatever the name is


def _rfc3339(time: str) -> str:
    return time.replace("+00:00", "Z")

"""What the cluster's API says, as observations: event objects and stamped log lines; pure.

The live source, the adapters and the readers of dumps all read the same JSON and the same lines,
so they read it here.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError
from pydantic_core import PydanticSerializationError

from pipeline.records import EARLIEST, LATEST, Event, Log, canonical

Json = Mapping[str, Any]

_MAX_COUNT = 2**31 - 1
_STAMP = re.compile(
    r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)) ?", re.ASCII
)


class Unusable(ValueError):  # noqa: N818 - bad data is no error of ours
    """Something is not what the API documents; the text says what is wrong."""


def event_of(raw: Json) -> Event:
    """Return the occurrence that a core/v1 (or events.k8s.io/v1) event object tells of.

    Times in the order of preference of the API's own tools: the series' last, the last, the
    event's, the first, the object's own.

    Raises:
        Unusable: it says nothing about when, what or which object.
    """
    about = _mapping(raw.get("involvedObject") or raw.get("regarding"))
    meta = _mapping(raw.get("metadata"))
    series = _mapping(raw.get("series"))
    source = _mapping(raw.get("source") or raw.get("deprecatedSource"))
    first = raw.get("firstTimestamp") or raw.get("deprecatedFirstTimestamp")
    stamps = (
        series.get("lastObservedTime"),
        raw.get("lastTimestamp") or raw.get("deprecatedLastTimestamp"),
        raw.get("eventTime"),
        first,
        meta.get("creationTimestamp"),
    )
    time = next((stamp for stamp in stamps if stamp), None)
    count = series.get("count") or raw.get("count") or raw.get("deprecatedCount") or 1
    try:
        event = Event(
            time=time,  # type: ignore[arg-type]  # validated: text or nothing
            namespace=about.get("namespace") or meta.get("namespace"),
            kind=about.get("kind"),  # type: ignore[arg-type]  # see above
            name=about.get("name"),  # type: ignore[arg-type]  # see above
            uid=about.get("uid"),
            reason=raw.get("reason"),  # type: ignore[arg-type]  # see above
            type=raw.get("type") or "Normal",
            message=raw.get("message") or raw.get("note") or "",
            count=min(count, _MAX_COUNT) if isinstance(count, int) else count,
            first_time=first or raw.get("eventTime"),
            source_uid=meta.get("uid"),
            cluster_node=source.get("host"),
        )
    except ValidationError as trouble:
        first_trouble = trouble.errors(include_url=False, include_input=False)[0]
        field = ".".join(str(step) for step in first_trouble["loc"])
        raise Unusable(f"event object: {field}: {first_trouble['msg']}") from None
    try:
        canonical(event)
    except PydanticSerializationError:
        raise Unusable("event object: half a surrogate, which is no text") from None
    return event


def stamped(line: str) -> tuple[str, str]:
    """Split a line as the API gives it with ``timestamps=true`` into its stamp and the text.

    The stamp is RFC 3339 with up to nine digits of a second, as it came.

    Raises:
        Unusable: it does not begin with a stamp.
    """
    found = _STAMP.match(line)
    if found is None:
        raise Unusable("does not begin with a time stamp (RFC 3339)")
    return found[1], line[found.end() :]


def log_of(
    line: str,
    *,
    namespace: str,
    pod: str,
    container: str,
    pod_uid: str | None = None,
    cluster_node: str | None = None,
) -> Log:
    """Return the log record of a stamped line of a container.

    Raises:
        Unusable: the line has no usable stamp.
    """
    stamp, message = stamped(line)
    return Log(
        time=instant_of(stamp),
        namespace=namespace,
        pod=pod,
        pod_uid=pod_uid,
        container=container,
        cluster_node=cluster_node,
        message=message,
    )


def instant_of(stamp: str) -> datetime:
    """Return the time of an RFC 3339 stamp, which may have nanoseconds (cut to microseconds).

    Raises:
        Unusable: it is none, has no zone, or is absurd.
    """
    try:
        time = datetime.fromisoformat(stamp)
    except ValueError:
        raise Unusable(f"not a time (RFC 3339): {stamp[:64]!r}") from None
    if time.tzinfo is None or not EARLIEST <= time < LATEST:
        raise Unusable(f"a time without a zone, or an absurd one: {stamp[:64]!r}")
    return time.astimezone(UTC)


def _mapping(value: object) -> Json:
    return value if isinstance(value, Mapping) else {}

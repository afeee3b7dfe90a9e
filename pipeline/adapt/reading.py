"""What the foreign formats share: JSON, times, names, and what runtimes put around a line; pure.

In: values out of records that anybody may have written. Out: values of our own, or
:class:`Undecodable`. It must not guess where a time is missing: an observation without one cannot
be put in order.
"""

import math
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import from_json, to_json

from pipeline.adapt.decoded import Undecodable
from pipeline.ingest.cluster import Unusable, instant_of
from pipeline.ingest.lines import BOM
from pipeline.records import EARLIEST, LATEST, Log, instant, micros
from pipeline.rejection import one_line

Json = Mapping[str, Any]

_MAX_PATH = 1024
"""Linux ends paths at 4,096 bytes; those of container logs have some 300."""
_EARLIEST, _LATEST = micros(EARLIEST), micros(LATEST)
_UNITS = ((10**11, 1_000_000.0), (10**14, 1_000.0), (10**17, 1.0))
"""Numbers below the bound are seconds, milliseconds, microseconds: 10^11 s is the year 5138, and
10^11 ms is 1973. Everything above is nanoseconds."""
_CRI = re.compile(
    r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d))"
    r" (?:stdout|stderr) [FP](?: |$)",
    re.ASCII,
)
"""What CRI-O and containerd write before each line; P says that the line goes on in the next."""
_DOCKER = frozenset({"log", "stream", "time", "attrs"})
"""What Docker's log files have in each line, and nothing else."""
_CONTAINERS = re.compile(
    r"containers[/.](?P<pod>[a-z0-9][a-z0-9.-]*)_(?P<namespace>[a-z0-9-]+)"
    r"_(?P<container>[a-z0-9][a-z0-9-]*)-[0-9a-f]{64}(?:\.log)?$"
)
"""``/var/log/containers/POD_NAMESPACE_CONTAINER-ID.log``, also as a tag with dots for slashes."""
_PODS = re.compile(
    r"/pods/(?P<namespace>[^_/]+)_(?P<pod>[^_/]+)_(?P<pod_uid>[^_/]+)/(?P<container>[^/]+)/"
)
"""``/var/log/pods/NAMESPACE_POD_UID/CONTAINER/0.log``."""

R = TypeVar("R", bound=BaseModel)


class Line(NamedTuple):
    """The text that a container wrote, and its time where the runtime has put one before it."""

    text: str
    time: datetime | None = None


def object_of(value: bytes) -> dict[str, Any]:
    """Return a record's JSON object.

    Raises:
        Undecodable: it is none.
    """
    try:
        found = from_json(value.removeprefix(BOM), allow_inf_nan=False)
    except ValueError as trouble:
        raise _not_json(value, str(trouble)) from None
    if not isinstance(found, dict):
        raise Undecodable(f"a JSON {_kind(found)}, where an object was expected")
    return found


def made(kind: type[R], /, **fields: Any) -> R:  # noqa: ANN401 - foreign values: checked by the record
    """Return an observation of these fields.

    Raises:
        Undecodable: a field is missing or wrong.
    """
    try:
        return kind(**fields)
    except ValidationError as trouble:
        first = trouble.errors(include_url=False, include_input=False, include_context=False)[0]
        field = ".".join(str(step) for step in first["loc"])
        raise Undecodable(one_line(f"{field}: {first['msg']}")) from None


def log_of(line: Line, time: datetime | None, where: Mapping[str, str | None]) -> Log:
    """Return the log record of a line; the runtime's stamp counts more than the collector's.

    Raises:
        Undecodable: it has no time.
    """
    when = line.time or time
    if when is None:
        raise Undecodable("no time: the record has no time stamp that can be read")
    return made(Log, time=when, message=line.text, **where)


def time_of(value: object) -> datetime:
    """Return the time that a value stands for: RFC 3339, or a number since 1970 of any usual unit.

    Raises:
        Undecodable: it stands for none, or for an absurd one.
    """
    if isinstance(value, str):
        try:
            return instant_of(value)
        except Unusable as trouble:
            raise Undecodable(one_line(str(trouble))) from None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise Undecodable(f"not a time: a JSON {_kind(value)}")
    return instant_at(_micros(value))


def instant_at(microseconds: int) -> datetime:
    """Return the time of microseconds since 1970.

    Raises:
        Undecodable: it is absurd.
    """
    if not _EARLIEST <= microseconds < _LATEST:
        raise Undecodable("an absurd time: before the year 2000, or from 2100 on")
    return instant(microseconds)


def first_time(record: Json, *keys: str) -> datetime | None:
    """Return the time under the first of these keys that is there; None where there is none.

    Raises:
        Undecodable: what is there stands for no time.
    """
    found = next((record[key] for key in keys if record.get(key) is not None), None)
    return None if found is None else time_of(found)


def line_of(text: str) -> Line:
    """Take off what the runtime has put around a line, where the collector has left it.

    That is Docker's JSON or CRI's stamp, and the end of the line. A part of a long line (CRI's
    ``P``) stays a line of its own: its other parts may come with another record.
    """
    if text.startswith('{"log":'):
        return _docker(text)
    found = _CRI.match(text)
    if found is not None:
        return Line(text[found.end() :].rstrip("\r\n"), _stamp(found[1]))
    return Line(text.rstrip("\r\n"))


def text_of(value: object) -> str | None:
    """Return a message as text: as it is, or as the JSON of the structure that it is."""
    if value is None or value == "":
        return None
    return value if isinstance(value, str) else to_json(value).decode()


def message_of(record: Json, keys: Sequence[str], about: frozenset[str]) -> str:
    """Return the message: under the first key that has one, else all that is not ``about`` it.

    A collector that takes lines apart leaves their fields in the record; put together again as
    JSON they say what the line said.

    Raises:
        Undecodable: there is neither.
    """
    found = next((text for key in keys if (text := text_of(record.get(key))) is not None), None)
    if found is not None:
        return found
    if any(key in record for key in keys):
        return ""  # an empty line
    rest = {key: field for key, field in record.items() if key not in about}
    if not rest:
        raise Undecodable(f"no message: none of {', '.join(keys)}")
    return to_json(rest).decode()


def name_of(value: object) -> str | None:
    """Return a name, or None where there is no text: a foreign record may have anything there."""
    return value if isinstance(value, str) and value else None


def object_in(record: Json, *path: str) -> Json:
    """Return the object below a path of keys; an empty one where there is none."""
    for key in path:
        below = record.get(key)
        if not isinstance(below, Mapping):
            return {}
        record = below
    return record


def place_of_path(path: object) -> dict[str, str | None]:
    """Return the namespace, pod and container that the path of a log (or a tag made of it) names.

    Kubernetes names its files so; it is what is left when a collector has not asked the API.
    """
    if not isinstance(path, str) or len(path) > _MAX_PATH:
        return {}
    found = _CONTAINERS.search(path) or _PODS.search(path)
    return {} if found is None else dict(found.groupdict())


def place(names: Mapping[str, object], *paths: object) -> dict[str, str | None]:
    """Return what is known of a container: from names, else from the first path that says it."""
    known = {field: name_of(value) for field, value in names.items()}
    if known.get("pod") is not None:
        return known
    told = next((found for path in paths if (found := place_of_path(path))), {})
    return {**told, **{field: value for field, value in known.items() if value is not None}}


def _docker(text: str) -> Line:
    try:
        found = from_json(text, allow_inf_nan=False)
    except ValueError:
        return Line(text.rstrip("\r\n"))
    inner, stamp = found.get("log"), found.get("time")
    if not isinstance(inner, str) or not _DOCKER.issuperset(found):
        return Line(text.rstrip("\r\n"))  # an application's own JSON
    return Line(inner.rstrip("\r\n"), _stamp(stamp) if isinstance(stamp, str) else None)


def _stamp(text: str) -> datetime | None:
    try:
        return instant_of(text)
    except Unusable:
        return None


def _micros(value: float) -> int:
    size = abs(value)
    for bound, factor in _UNITS:
        if size < bound:
            return value * int(factor) if isinstance(value, int) else round(value * factor)
    return int(value) // 1000


def _kind(value: object) -> str:
    kinds = {type(None): "null", bool: "boolean", str: "string", list: "array", dict: "object"}
    return kinds.get(type(value), "number")


def _not_json(value: bytes, why: str) -> Undecodable:
    try:
        value.decode()
    except UnicodeDecodeError as trouble:
        byte = value[trouble.start]
        return Undecodable(
            f"not UTF-8: byte 0x{byte:02x} at column {trouble.start + 1}", code="not-utf8"
        )
    return Undecodable(
        one_line(f"not JSON: {why.replace('line 1 column', 'column')}"), code="not-json"
    )

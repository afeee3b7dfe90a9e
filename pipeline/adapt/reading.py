"""What the foreign formats share: JSON, times, names; pure.

In: values out of records that anybody may have written. Out: values of our own, or
:class:`Undecodable`. It must not guess where a time is missing: an observation without one cannot
be put in order.
"""

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import from_json, to_json

from pipeline.adapt.decoded import Undecodable
from pipeline.ingest.cluster import Unusable, instant_of
from pipeline.ingest.lines import BOM
from pipeline.records import EARLIEST, LATEST, instant, micros
from pipeline.rejection import one_line

Json = Mapping[str, Any]

_EARLIEST, _LATEST = micros(EARLIEST), micros(LATEST)
_UNITS = ((10**11, 1_000_000.0), (10**14, 1_000.0), (10**17, 1.0))
"""Numbers below the bound are seconds, milliseconds, microseconds: 10^11 s is the year 5138, and
10^11 ms is 1973. Everything above is nanoseconds."""
R = TypeVar("R", bound=BaseModel)


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


def text_of(value: object) -> str | None:
    """Return a message as text: as it is, or as the JSON of the structure that it is."""
    if value is None or value == "":
        return None
    return value if isinstance(value, str) else to_json(value).decode()


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

"""An instant in a topology file: aware, in UTC.

In a file it is text with a zone (``2026-03-02T10:00:00Z``): without one, nobody knows when it is.
"""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

_REMEDY = "write date and time with a zone, as in 2026-03-02T10:00:00Z"


def _parsed(value: object) -> object:
    """Read text by ISO 8601 alone: pydantic would take ``1700`` for seconds since 1970."""
    if isinstance(value, datetime):
        return value
    try:
        return datetime.fromisoformat(str(value))
    except ValueError as trouble:
        raise _wrong(f"{str(value)!r} is no instant") from trouble


def _in_utc(value: datetime) -> datetime:
    if value.utcoffset() is None:
        raise _wrong(f"{value.isoformat()} has no zone")
    try:
        return value.astimezone(UTC)
    except OverflowError as trouble:  # the first and the last day there are, in another zone
        raise _wrong(f"{value.isoformat()} is out of range") from trouble


def _wrong(what: str) -> PydanticCustomError:
    return PydanticCustomError("T007", "{what}", {"what": what, "remedy": _REMEDY})


Instant = Annotated[
    datetime,
    BeforeValidator(_parsed),
    AfterValidator(_in_utc),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""Aware time in UTC."""

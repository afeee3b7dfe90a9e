"""The base of everything that travels: frozen, versioned, with one canonical byte form."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
"""Times before this are absurd for Kubernetes telemetry and are rejected."""
LATEST = datetime(2100, 1, 1, tzinfo=UTC)
"""Times from here on are absurd too; the margin keeps all later arithmetic far from overflow."""


def _rfc3339(value: object) -> object:
    """Take text and times only: pydantic would read numbers, also in quotes, as seconds."""
    if isinstance(value, datetime) or (isinstance(value, str) and value[4:5] == "-"):
        return value
    raise PydanticCustomError("rfc3339", "Input should be a time as RFC 3339 writes it")


def _to_utc(instant: datetime) -> datetime:
    return instant.astimezone(UTC)


Instant = Annotated[
    AwareDatetime,
    Field(strict=False, ge=EARLIEST, lt=LATEST),  # strict would refuse the text that we checked
    BeforeValidator(_rfc3339),
    AfterValidator(_to_utc),
]
"""An aware time within [2000, 2100), normalised to UTC; from JSON only RFC 3339 text is taken."""

SchemaVersion = Literal[1]
"""The version of every record here. Additive changes keep it; anything else gets a new one."""


class Record(BaseModel):
    """A frozen value with one canonical JSON form (see :func:`canonical`)."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        validate_by_name=True,
        validate_by_alias=True,
        serialize_by_alias=True,
        use_attribute_docstrings=True,  # the exported schemas say what each field means
    )


def canonical(record: Record) -> bytes:
    """Return the canonical JSON bytes of a record: equal records give equal bytes.

    Fields come in the order of their declaration, mappings are sorted when they are validated,
    times are UTC with a ``Z``, floats are the shortest text that reads back the same.
    """
    return record.model_dump_json().encode()


def micros(instant: datetime) -> int:
    """Return microseconds since 1970 (exact; the core computes with these integers)."""
    return (instant - EPOCH) // _MICROSECOND


def instant(microseconds: int) -> datetime:
    """Return the aware UTC time of microseconds since 1970 (the inverse of :func:`micros`)."""
    return EPOCH + timedelta(microseconds=microseconds)

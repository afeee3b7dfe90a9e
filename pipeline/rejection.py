"""Why bytes are no valid record, in one short line, and those bytes in parts; pure.

What was wrong is told by field and reason; the bytes themselves travel beside it, so that no more
of them than needed is repeated here, and nothing that a terminal could take for a command.
"""

from dataclasses import dataclass

from pydantic import ValidationError

from pipeline.records import RejectionCode

_MAX_CHARACTERS = 240
"""Of one explanation: pydantic may quote the input, which may be anything of any length."""


PART_BYTES = 512 * 1024
"""A part of a rejected record: with headers it stays well under a Kafka record's usual 1 MB."""

_TAGS = frozenset({"log", "event", "metric", "batch", "mark", "symptom"})
"""What pydantic puts before the field where a record may be one of several."""


@dataclass(frozen=True, slots=True)
class LongPart:
    """One part (from 1) of bytes beyond the limit."""

    part: int
    last: bool
    content: bytes


@dataclass(frozen=True, slots=True)
class Grounds:
    """Why a record was rejected: a code for programs and one line for people."""

    code: RejectionCode
    what: str


def reason_of(trouble: ValidationError, content: bytes) -> Grounds:
    """Return why ``content`` failed to validate."""
    first = trouble.errors(include_url=False, include_input=False)[0]
    if first["type"] == "json_invalid":
        return _not_utf8(content) or Grounds("not-json", one_line(_json_trouble(first["msg"])))
    steps = [str(step) for step in first["loc"]]
    field = ".".join(steps[1:] if steps and steps[0] in _TAGS else steps)
    if first["type"].startswith("union_tag"):
        field = first["ctx"]["discriminator"].strip("'")
    what = f"{field}: {first['msg']}" if field else first["msg"]
    others = trouble.error_count() - 1
    return Grounds("invalid", one_line(f"{what} (and {others} more)" if others else what))


def one_line(text: str) -> str:
    """Return ``text`` on one line, without control characters, of bounded length."""
    shown = text if len(text) <= _MAX_CHARACTERS else text[: _MAX_CHARACTERS - 1] + "…"
    return "".join(character if character.isprintable() else "�" for character in shown)


def _json_trouble(message: str) -> str:
    # a record is one line, so that "line 1" says nothing, or misleads beside the file's line
    return message.replace("Invalid JSON:", "not JSON:").replace("line 1 column", "column")


def _not_utf8(content: bytes) -> Grounds | None:
    try:
        content.decode()
    except UnicodeDecodeError as trouble:
        byte = content[trouble.start]
        return Grounds("not-utf8", f"not UTF-8: byte 0x{byte:02x} at column {trouble.start + 1}")
    return None


def full_parts(content: bytes, before: int) -> tuple[list[LongPart], bytes]:
    """Cut all full parts off the front but keep something back: the end needs a last part.

    ``before`` parts of the same record have been cut already.
    """
    full = max(0, len(content) - 1) // PART_BYTES
    cuts = range(0, full * PART_BYTES, PART_BYTES)
    parts = [
        LongPart(part=before + number, last=False, content=content[cut : cut + PART_BYTES])
        for number, cut in enumerate(cuts, start=1)
    ]
    return parts, content[full * PART_BYTES :]


def last_parts(content: bytes, before: int) -> list[LongPart]:
    """Return the rest of a record as parts, after ``before`` others; the last one says so."""
    full, left = full_parts(content, before)
    return [*full, LongPart(part=before + len(full) + 1, last=True, content=left)]


def in_parts(content: bytes) -> list[LongPart]:
    """Return ``content`` as parts of at most :data:`PART_BYTES`, at least one."""
    return last_parts(content, 0)

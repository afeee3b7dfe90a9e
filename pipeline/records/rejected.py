"""Rejected records: what could not be read, with its original bytes and one clear line of why."""

from dataclasses import dataclass, field
from typing import Literal

RejectionCode = Literal[
    "not-utf8",
    "not-json",
    "invalid",  # JSON, but a field is missing or wrong
    "too-long",
    "unreadable",  # compressed data broken off, for one
    "failed",  # nothing wrong was found with it, yet a program failed on it: a bug
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """One rejected record (or one part of it, where it is larger than a Kafka record may be).

    ``where`` is ``file:line`` or ``topic/partition@offset``; ``what`` says in one line what is
    wrong and, where it helps, what to do. Nothing is lost: ``value`` holds the original bytes; a
    record beyond the size limit comes as several parts, numbered from 1, the last with
    ``last=True``.
    """

    code: RejectionCode
    where: str
    what: str
    value: bytes
    key: bytes | None = None
    headers: tuple[tuple[str, bytes], ...] = ()
    part: int = 1
    last: bool = True
    context: dict[str, str] = field(default_factory=dict)

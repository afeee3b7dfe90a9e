"""What a decoder makes of one record of a foreign topic; values only.

Each format is one function, ``decode(value: bytes) -> Decoded``. A record as a whole that cannot be
used raises :class:`Undecodable`, and nothing else is ever raised. Where a record holds many things
(OTLP), one bad thing does not spoil the rest: the good ones are observations, and ``bad`` says that
the record belongs to the rejected ones all the same.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from pipeline.records import Event, Log, Metric, RejectionCode


class Undecodable(Exception):  # noqa: N818 - bad data, not an error of ours
    """A record is not of the format; the text says in one line what is wrong with it."""

    def __init__(self, what: str, *, code: RejectionCode = "invalid") -> None:
        super().__init__(what)
        self.code: RejectionCode = code
        self.what = what


@dataclass(slots=True)
class Decoded:
    """What was in one record."""

    observations: list[Log | Event | Metric] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    """What says nothing that we look at, by reason: ``audit``, ``no-value`` …"""
    bad: int = 0
    """Things in it that should have been observations and could not."""
    trouble: str = ""
    """What was wrong with the first of these."""

    def add_bad(self, what: str) -> None:
        """Count something that cannot be used."""
        self.bad += 1
        self.trouble = self.trouble or what


def nothing(reason: str) -> Decoded:
    """Return what is in a record that says nothing that we look at."""
    return Decoded(left_out=Counter((reason,)))


Decoder = Callable[[bytes], Decoded]
"""Reads one record; raises nothing but :class:`Undecodable`."""

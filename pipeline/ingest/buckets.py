"""Where everything that is read ends, each in exactly one bucket, and counted.

In: observations, and what is none. Out: counts (``lines`` = ``observations`` + ``rejected`` +
``blank`` + ``unplaced`` + ``repeated``), rejected records to a callback, entries to a sorter. It
must not look into files.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from pipeline.ingest.found import Found
from pipeline.ingest.sorting import Sorter, entry, line_of
from pipeline.records import (
    OBSERVATION,
    Event,
    Log,
    Metric,
    Rejected,
    RejectionCode,
    canonical,
    micros,
)
from pipeline.rejection import LongPart, in_parts

LINES = ("observations", "rejected", "blank", "unplaced", "repeated")
"""The buckets that all lines together fill."""
_OCCURRENCE = b"\t"
"""Between an observation from a dump and its number: JSON of ours has no tab, and ends with a
brace, which a number does not."""


class Origin(NamedTuple):
    """Where something was read, and as what."""

    where: str
    """``file:line``."""
    content: bytes


class Buckets:
    """Counts and passes on what one reading finds."""

    def __init__(
        self,
        sorter: Sorter,
        max_line_bytes: int,
        found: Found,
        on_rejected: Callable[[Rejected], None] | None = None,
    ) -> None:
        self._sorter = sorter
        self._max_line_bytes = max_line_bytes
        self._found = found
        self._on_rejected = on_rejected
        self.counts: Counter[str] = Counter(dict.fromkeys(("lines", *LINES), 0))

    def recorded(self, microseconds: int, content: bytes) -> None:
        """Take a recorded observation; it counts each time that it comes."""
        self._count("observations")
        self._sorter.add(entry(microseconds, content))

    def told(self, found: Log | Event, origin: Origin, occurrence: int = 0) -> None:
        """Take an observation from a dump, which may well be in several files of it.

        Equal ones with the same ``occurrence`` (number among equal ones of one file) are one.
        """
        content = canonical(found)
        if len(content) > self._max_line_bytes:
            what = f"as an observation longer than {self._max_line_bytes} bytes"
            self.reject("too-long", origin.where, what, in_parts(origin.content))
            return
        self._count("observations")
        numbered = content + _OCCURRENCE + b"%d" % occurrence
        self._sorter.add(entry(micros(found.time), numbered))

    def blank(self) -> None:
        """Count a line with nothing in it."""
        self._count("blank")

    def unplaced(self, log: str) -> None:
        """Count a line of a log that has no place in time."""
        self._count("unplaced")
        self._found.unplaced[log] += 1

    def reject_long(self, where: str, part: LongPart, advice: str = "") -> None:
        """Count and pass on a part of a line that is longer than a line may be."""
        what = f"longer than {self._max_line_bytes} bytes{advice}"
        self.reject("too-long", where, what, [part])

    def reject(self, code: RejectionCode, where: str, what: str, parts: Sequence[LongPart]) -> None:
        """Count what could not be read (with its last part), and pass it on."""
        for part in parts:
            if part.last:
                self._count("rejected")
            if self._on_rejected is not None:
                self._on_rejected(
                    Rejected(
                        code=code,
                        where=where,
                        what=what,
                        value=part.content,
                        part=part.part,
                        last=part.last,
                    )
                )

    def merged(self) -> Iterator[Log | Event | Metric]:
        """Return all observations in event-time order."""
        before = b""
        for found in self._sorter.merged():
            content = line_of(found)
            if content.endswith(b"}"):
                # validated a second time: raw bytes take a quarter of the memory of observations
                yield OBSERVATION.validate_json(content)
            elif content == before:
                self.counts["observations"] -= 1
                self.counts["repeated"] += 1
            else:
                before = content
                yield OBSERVATION.validate_json(content.rpartition(_OCCURRENCE)[0])

    def _count(self, bucket: str) -> None:
        self.counts["lines"] += 1
        self.counts[bucket] += 1

"""Recorded files → observations in event-time order, or rejected records.

In come files and folders of JSON lines, plain or compressed; out come observations sorted by
(time, line), whatever the order of lines and files was. Bad lines leave by a door of their own,
each with file, line and bytes, and reading goes on. It must not hold a recording in memory, and
must not decide anything about what it reads.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from pydantic import ValidationError

from pipeline.errors import UsageError
from pipeline.ingest.lines import BOM, BrokenStream, plain, split_lines
from pipeline.ingest.recordings import find_recordings, total_bytes
from pipeline.ingest.sorting import Sorter, entry, line_of
from pipeline.records import (
    OBSERVATION,
    Event,
    Log,
    Metric,
    Rejected,
    RejectionCode,
    micros,
)
from pipeline.rejection import LongPart, in_parts, reason_of

MAX_LINE_BYTES = 960 * 1024
"""An observation travels as JSON about as long as its line; with what is put around it, this stays
under the 1,000,000 bytes that a Kafka record may safely have."""
SORT_MEMORY_BYTES = 256 * 1024 * 1024
"""About 800,000 lines of 250 bytes; beyond it runs of that size are spilled and merged."""
_CHUNK_BYTES = 256 * 1024
_WHITE_SPACE = b" \t\r"


class Reader:
    """The observations of recorded files, in event-time order.

    Iterating reads everything once, then gives the observations. ``counts`` then says what became
    of each line (``lines`` = ``observations`` + ``rejected`` + ``blank``), and how many files of
    the folders were ``ignored_files``. ``on_rejected`` gets each bad line as it is found, in file
    order; ``on_progress`` the bytes read so far and in all (of the files as they lie there).
    """

    def __init__(
        self,
        paths: Sequence[str | Path],
        *,
        max_line_bytes: int = MAX_LINE_BYTES,
        sort_memory_bytes: int = SORT_MEMORY_BYTES,
        on_rejected: Callable[[Rejected], None] | None = None,
        on_progress: Callable[[int, int], None] | None = None,
    ) -> None:
        """Find the files; raises UsageError where there is nothing that could be read."""
        self._recordings = find_recordings(paths)
        self._max_line_bytes = max_line_bytes
        self._sort_memory_bytes = sort_memory_bytes
        self._on_rejected = on_rejected
        self._on_progress = on_progress
        self._total_bytes = total_bytes(self._recordings.files)
        self._read_bytes = 0
        self.counts: Counter[str] = Counter()

    def __iter__(self) -> Iterator[Log | Event | Metric]:
        """Read all files, then return their observations.

        Raises:
            UsageError: a file has gone, or may not be opened after all.
        """
        self.counts = Counter(
            lines=0, observations=0, rejected=0, blank=0, ignored_files=self._recordings.ignored
        )
        self._read_bytes = 0
        with Sorter(self._sort_memory_bytes) as sorter:
            for file in self._recordings.files:
                self._read_file(file, sorter)
            for found in sorter.merged():
                # validated a second time: raw bytes take a quarter of the memory of observations
                yield OBSERVATION.validate_json(line_of(found))

    def _read_file(self, file: Path, sorter: Sorter) -> None:
        number = 1
        try:
            for line in split_lines(plain(self._chunks(file)), self._max_line_bytes):
                if isinstance(line, LongPart):
                    self._reject_long(line, f"{file}:{number}")
                    number += line.last
                else:
                    self._read_line(line, file, number, sorter)
                    number += 1
        except BrokenStream as broken:
            self.counts["lines"] += 1
            self.counts["rejected"] += 1
            # no line at all when it broke between two: then the trouble itself is the record
            parts = broken.rest or in_parts(b"")
            self._reject("unreadable", f"{file}:{number}", str(broken), parts)

    def _chunks(self, file: Path) -> Iterator[bytes]:
        try:
            stream: BinaryIO = file.open("rb", buffering=0)
        except OSError as trouble:
            raise UsageError(f"{file}: cannot be opened ({trouble.strerror})") from trouble
        with stream:
            while chunk := _read(stream):
                self._read_bytes += len(chunk)
                if self._on_progress is not None:
                    self._on_progress(self._read_bytes, self._total_bytes)
                yield chunk

    def _read_line(self, line: bytes, file: Path, number: int, sorter: Sorter) -> None:
        self.counts["lines"] += 1
        content = (line.removeprefix(BOM) if number == 1 else line).strip(_WHITE_SPACE)
        if not content:
            self.counts["blank"] += 1
            return
        try:
            observation = OBSERVATION.validate_json(content)
        except ValidationError as trouble:
            self.counts["rejected"] += 1
            reason = reason_of(trouble, content)
            self._reject(reason.code, f"{file}:{number}", reason.what, in_parts(line))
            return
        self.counts["observations"] += 1
        sorter.add(entry(micros(observation.time), content))

    def _reject_long(self, part: LongPart, where: str) -> None:
        if part.last:
            self.counts["lines"] += 1
            self.counts["rejected"] += 1
        what = f"longer than {self._max_line_bytes} bytes; split the record where it is made"
        self._reject("too-long", where, what, [part])

    def _reject(
        self, code: RejectionCode, where: str, what: str, parts: Sequence[LongPart]
    ) -> None:
        if self._on_rejected is None:
            return
        for part in parts:
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


def _read(stream: BinaryIO) -> bytes:
    try:
        return stream.read(_CHUNK_BYTES)
    except OSError as trouble:
        raise BrokenStream(f"cannot be read any further ({trouble.strerror})") from trouble

"""Files → observations in event-time order, or rejected records.

In come files and folders: recorded observations as JSON lines, and what people attach to bug
reports (must-gathers, cluster-info dumps, lists of events, logs), plain, compressed or in an
archive. Out come observations sorted by (time, line), whatever the order of lines and files was.
What is bad leaves by a door of its own, with file, line and bytes, and reading goes on. It must not
hold a file in memory, and must not decide anything about what it reads.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from pydantic import ValidationError

from pipeline.errors import UsageError
from pipeline.ingest.archive import members
from pipeline.ingest.buckets import Buckets
from pipeline.ingest.dumps import Dumps, Turn
from pipeline.ingest.found import Found, Tally
from pipeline.ingest.lines import BOM, BrokenStream, plain, split_lines
from pipeline.ingest.pods import Whose, parts_of, place_of
from pipeline.ingest.recordings import Source, find_recordings, total_bytes
from pipeline.ingest.shapes import HEAD_BYTES, REMEDIES, Shape, chosen, shape_of
from pipeline.ingest.sorting import Sorter
from pipeline.records import OBSERVATION, Event, Log, Metric, Rejected, micros
from pipeline.rejection import LongPart, in_parts, reason_of

MAX_LINE_BYTES = 960 * 1024
"""An observation travels as JSON about as long as its line; with what is put around it, this stays
under the 1,000,000 bytes that a Kafka record may safely have."""
SORT_MEMORY_BYTES = 256 * 1024 * 1024
"""About 800,000 lines of 250 bytes; beyond it runs of that size are spilled and merged."""
_CHUNK_BYTES = 256 * 1024
_WHITE_SPACE = b" \t\r"
_BOTH = Turn.OBJECTS | Turn.LOGS


class Reader:
    """The observations of files, in event-time order.

    Iterating reads everything, then gives the observations. ``counts`` then says what became of
    each line (``lines`` = ``observations`` + ``rejected`` + ``blank`` + ``unplaced`` +
    ``repeated``; an object in a list counts as a line), and how many files of the folders were
    ``ignored_files``. ``found`` says what was recognised. ``on_rejected`` gets what is bad as it is
    found; ``on_progress`` the bytes read so far and in all (of the files as they lie there).
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
        self._read_bytes = 0
        self._all_bytes = total_bytes(self._recordings.files)
        self._total_bytes = self._all_bytes
        self.counts: Counter[str] = Counter()
        self.found = Found()

    def __iter__(self) -> Iterator[Log | Event | Metric]:
        """Read all files, then return their observations.

        Raises:
            UsageError: a file has gone, or may not be opened after all.
        """
        self.found = Found(ignored=self._recordings.ignored)
        for file, shape in self._recordings.aside:
            self.found.leave(shape, str(file))
        self._read_bytes = 0
        self._total_bytes = self._all_bytes
        with Sorter(self._sort_memory_bytes) as sorter:
            buckets = Buckets(sorter, self._max_line_bytes, self.found, self._on_rejected)
            self.counts = buckets.counts
            self.counts["ignored_files"] = self._recordings.ignored
            reading = _Reading(buckets, self._max_line_bytes, self.found, self._chunks)
            self._read_all(reading)
            yield from buckets.merged()

    def _read_all(self, reading: "_Reading") -> None:
        """Read objects before logs: they say whose the logs are."""
        later = [source for source in self._recordings.files if not reading.objects_of(source)]
        again = [source for source in later if source.shape in (Shape.JSON, Shape.ARCHIVE)]
        self._total_bytes += total_bytes(again)
        for source in later:
            reading.logs_of(source)

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


@dataclass(frozen=True, slots=True)
class _Part:
    """A file, or one file of an archive."""

    where: str
    """As it is told to people."""
    path: str
    folder: str | None
    tally: Tally
    chunks: Iterator[bytes]


class _Reading:
    """One reading of all files: which reader for which shape, and in which turn."""

    def __init__(
        self,
        buckets: Buckets,
        max_line_bytes: int,
        found: Found,
        chunks: Callable[[Path], Iterator[bytes]],
    ) -> None:
        self._buckets = buckets
        self._max_line_bytes = max_line_bytes
        self._found = found
        self._chunks = chunks
        self._dumps = Dumps(buckets, max_line_bytes)
        self._broken: set[str] = set()

    def objects_of(self, source: Source) -> bool:
        """Read all but logs; return whether that was all there is."""
        if source.shape in (None, Shape.LOG):  # a pipe comes last: it can be read only once
            return False
        tally = self._read(source, Turn.OBJECTS)
        mixed = source.shape is Shape.JSON and tally.sections
        return source.shape is not Shape.ARCHIVE and not mixed

    def logs_of(self, source: Source) -> None:
        """Read the logs (of a pipe, all)."""
        self._read(source, Turn.LOGS if source.shape else _BOTH)

    def _read(self, source: Source, turn: Turn) -> Tally:
        shape, chunks = source.shape, self._chunks(source.file)
        if shape is None:
            head, chunks = _beginning(plain(chunks))
            shape = shape_of(source.file.name, head) or Shape.RECORDING
            if shape in REMEDIES:
                self._leave(str(source.file), shape)
        path = source.file.absolute().as_posix()
        given = str(source.file) if shape is Shape.ARCHIVE else source.given
        tally = self._found.tally(given, path)
        self._part(_Part(str(source.file), path, source.folder, tally, chunks), shape, turn)
        return tally

    def _part(self, part: _Part, shape: Shape, turn: Turn) -> None:
        try:
            if Turn.OBJECTS in turn and shape is Shape.RECORDING:
                self._found.recordings += 1
                self._recording(part)
            elif Turn.OBJECTS in turn and shape is Shape.YAML:
                self._dumps.yaml(part.chunks, part.where, part.tally)
            elif shape is Shape.JSON:
                self._dumps.json(part.chunks, part.where, part.tally, turn)
            elif Turn.LOGS in turn and shape is Shape.LOG:
                self._dumps.log(part.chunks, part.where, part.tally, self._whose(part))
            elif shape is Shape.ARCHIVE:
                self._archive(part, turn)
        except BrokenStream as broken:
            if part.where not in self._broken:  # else told in the first turn
                self._broken.add(part.where)
                self._unreadable(broken, part.where)

    def _archive(self, archive: _Part, turn: Turn) -> None:
        for member in members(plain(archive.chunks)):
            head, chunks = _beginning(plain(member.chunks))
            path = "/" + member.path.removeprefix("./").lstrip("/")
            shape = chosen(path, lambda: head)  # noqa: B023 - asked at once
            where = f"{archive.where}:{member.path}"
            if shape is None or shape is Shape.ARCHIVE or shape in REMEDIES:
                if Turn.OBJECTS in turn:  # else told already
                    self._leave(where, Shape.PACKED if shape is Shape.ARCHIVE else shape)
                continue
            folder = PurePosixPath(path).parent.name or None
            tally = self._found.tally(archive.where, path)
            self._part(_Part(where, path, folder, tally, chunks), shape, turn)

    def _leave(self, where: str, shape: Shape | None) -> None:
        self._found.ignored += 1
        self._buckets.counts["ignored_files"] += 1
        if shape is not None:
            self._found.leave(shape, where)

    def _whose(self, part: _Part) -> Whose:
        if place := place_of(part.path):
            return place
        parts = parts_of(PurePosixPath(part.path).name)
        pods = self._dumps.pods
        return pods.by_name(parts, part.folder) if parts else pods.nobody(part.folder)

    def _recording(self, part: _Part) -> None:
        number = 1
        try:
            for line in split_lines(plain(part.chunks), self._max_line_bytes):
                if isinstance(line, LongPart):
                    advice = "; split the record where it is made"
                    self._buckets.reject_long(f"{part.where}:{number}", line, advice)
                    number += line.last
                else:
                    self._line(line, part.where, number)
                    number += 1
        except BrokenStream as broken:
            self._unreadable(broken, f"{part.where}:{number}")

    def _line(self, line: bytes, where: str, number: int) -> None:
        content = (line.removeprefix(BOM) if number == 1 else line).strip(_WHITE_SPACE)
        if not content:
            self._buckets.blank()
            return
        try:
            observation = OBSERVATION.validate_json(content)
        except ValidationError as trouble:
            reason = reason_of(trouble, content)
            self._buckets.reject(reason.code, f"{where}:{number}", reason.what, in_parts(line))
            return
        self._buckets.recorded(micros(observation.time), content)

    def _unreadable(self, broken: BrokenStream, where: str) -> None:
        # nothing at all when it broke between two lines: then the trouble itself is the record
        self._buckets.reject("unreadable", where, str(broken), broken.rest or in_parts(b""))


def _beginning(chunks: Iterator[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """Return the first bytes, and all of the chunks again; a break comes where it was."""
    head = b""
    trouble: BrokenStream | None = None
    try:
        for chunk in chunks:
            head += chunk
            if len(head) >= HEAD_BYTES:
                break
    except BrokenStream as broken:
        trouble = broken

    def again() -> Iterator[bytes]:
        yield head
        if trouble is not None:
            raise trouble
        yield from chunks

    return head[:HEAD_BYTES], again()


def _read(stream: BinaryIO) -> bytes:
    try:
        return stream.read(_CHUNK_BYTES)
    except OSError as trouble:
        raise BrokenStream(f"cannot be read any further ({trouble.strerror})") from trouble

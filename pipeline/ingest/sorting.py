"""Any order → event-time order, in bounded memory: a merge sort that spills to temporary files.

Entries are bytes of one line each, ordered as bytes, so their maker puts the time in front (see
:func:`entry`). The result is the same sequence whatever the bound is and in whatever order the
entries came: equal entries are indistinguishable.
"""

import heapq
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

import zstandard

from pipeline.errors import UsageError

_TIME_DIGITS = 16
"""Microseconds of every time before 2286, padded so that text order is time order."""
_OBJECT_BYTES = 64
"""What an entry costs beyond its bytes: 33 of header, up to 15 of rounding, 9 in the list, and
half a pointer while it is sorted."""
_MAX_RUNS = 64
"""Open files at once; that many runs are merged into one (5 GB at 256 MiB a run make 24)."""
_LEVEL = 1
"""zstd's fastest ordinary level: a folder for temporary files may itself be in memory."""
_BUFFER_BYTES = 256 * 1024


def entry(microseconds: int, line: bytes) -> bytes:
    """Return the entry for a line (without its end): the time in front, an end of line behind."""
    return b"%016d%b\n" % (microseconds, line)


def line_of(sorted_entry: bytes) -> bytes:
    """Return the line of an entry (the inverse of :func:`entry`)."""
    return sorted_entry[_TIME_DIGITS:-1]


class Sorter:
    """Takes entries in any order, gives them back sorted; spills beyond ``memory_bytes``.

    A context manager: its temporary files live as long as the ``with`` block.
    """

    def __init__(self, memory_bytes: int) -> None:
        self._memory_bytes = memory_bytes
        self._held: list[bytes] = []
        self._held_bytes = 0
        self._runs: list[Path] = []
        self._spilled = 0
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        raised: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._folder is not None:
            self._folder.cleanup()

    @property
    def spilled(self) -> int:
        """How many runs have been written to disk so far."""
        return self._spilled

    def add(self, sorted_entry: bytes) -> None:
        """Take one entry (see :func:`entry`).

        Raises:
            UsageError: there is no room for temporary files.
        """
        self._held.append(sorted_entry)
        self._held_bytes += len(sorted_entry) + _OBJECT_BYTES
        if self._held_bytes > self._memory_bytes:
            self._spill()

    def merged(self) -> Iterator[bytes]:
        """Return all entries in order; nothing may be added any more."""
        if self._runs and self._held:
            self._spill()  # one run more costs less than holding this part during the merge
        if not self._runs:
            self._held.sort()
            return iter(self._held)
        return _merge(self._runs)

    def _spill(self) -> None:
        self._held.sort()
        self._write_run(iter(self._held))
        self._held = []
        self._held_bytes = 0
        if len(self._runs) >= _MAX_RUNS:
            merged, self._runs = self._runs, []
            self._write_run(_merge(merged))
            for run in merged:
                run.unlink()

    def _write_run(self, entries: Iterator[bytes]) -> None:
        try:
            if self._folder is None:  # only now: much is sorted where nothing can be written
                self._folder = tempfile.TemporaryDirectory(prefix="aftershock-sort-")
            run = Path(self._folder.name) / f"run-{self._spilled:06d}.zst"
            _write(run, entries)
        except OSError as trouble:
            why = f"{trouble.strerror}: {trouble.filename or tempfile.gettempdir()}"
            raise UsageError(
                f"cannot sort beyond memory ({why}); let TMPDIR name a folder with more room"
            ) from trouble
        self._spilled += 1
        self._runs.append(run)


def _write(run: Path, entries: Iterator[bytes]) -> None:
    compressor = zstandard.ZstdCompressor(level=_LEVEL)
    with run.open("wb") as raw, compressor.stream_writer(raw) as stream:
        block = bytearray()
        for content in entries:
            block += content
            if len(block) > _BUFFER_BYTES:  # a call per entry costs more than compressing it
                stream.write(block)
                block = bytearray()
        stream.write(block)


def _merge(runs: list[Path]) -> Iterator[bytes]:
    with ExitStack() as opened:
        yield from heapq.merge(*(_entries(run, opened) for run in runs))


def _entries(run: Path, opened: ExitStack) -> Iterator[bytes]:
    raw = opened.enter_context(run.open("rb"))
    stream = zstandard.ZstdDecompressor().stream_reader(raw, read_size=_BUFFER_BYTES)
    tail = b""
    while chunk := stream.read(_BUFFER_BYTES):
        *whole, tail = (tail + chunk).split(b"\n")
        for line in whole:
            yield line + b"\n"

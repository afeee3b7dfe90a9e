"""Recordings, labels and notes onto the disk: the simulator's only part that touches it."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import zstandard

from pipeline.errors import UsageError
from pipeline.simulate.recorder import Fields, line

_BUFFERED = 4096
"""Lines gathered before they are written: about a megabyte."""
_LEVEL = 3


def new_folder(folder: Path) -> None:
    """Make a folder to write into; what lies in a folder already is not mixed with new things.

    Raises:
        UsageError: there is something in it, or it cannot be made.
    """
    with _told(folder):
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            what = "is not empty" if folder.is_dir() else "is a file"
            raise UsageError(f"{folder}: {what}; name a folder that does not exist yet")
        folder.mkdir(parents=True, exist_ok=True)


def write(file: Path, content: bytes) -> None:
    """Write a small file whole.

    Raises:
        UsageError: it cannot be written.
    """
    with _told(file):
        file.write_bytes(content)


class RecordingFile:
    """Writes records as they come; what is not finished has a name that nobody reads.

    ``counts`` says how many there are of each signal.
    """

    def __init__(self, file: Path, on_record: Callable[[datetime], None]) -> None:
        self._file = file
        self._part = file.with_name(f"{file.name}.part")
        self._on_record = on_record
        self._lines: list[bytes] = []
        self.counts: Counter[str] = Counter()

    def __enter__(self) -> Self:
        """Open it; raises UsageError when it cannot be written."""
        with _told(self._file):
            self._disk: BinaryIO = self._part.open("wb")
        compress = self._file.suffix == ".zst"
        self._packer = zstandard.ZstdCompressor(level=_LEVEL).compressobj() if compress else None
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        trouble: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give it its name, or take it away when it was broken off."""
        try:
            if kind is None:
                self._finish()
        finally:
            self._disk.close()
            self._part.unlink(missing_ok=True)

    def take(self, time: datetime, fields: Fields) -> None:
        """Write a record (a ``Sink``)."""
        self._lines.append(line(time, fields))
        self.counts[str(fields["signal"])] += 1
        if len(self._lines) >= _BUFFERED:
            self._on_record(time)
            self._flush()

    def _flush(self) -> None:
        with _told(self._file):
            content = b"".join(self._lines)
            self._disk.write(content if self._packer is None else self._packer.compress(content))
        self._lines.clear()

    def _finish(self) -> None:
        self._flush()
        with _told(self._file):
            if self._packer is not None:
                self._disk.write(self._packer.flush())
            self._disk.close()
            self._part.rename(self._file)


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as trouble:
        raise UsageError(f"{path}: cannot be written ({trouble.strerror})") from trouble

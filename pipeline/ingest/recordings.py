"""Which recordings a command was given: paths in, files out, in an order that does not vary.

Files are told by name only inside folders; a file that is named itself is taken whatever it is
called. Nothing is opened for reading here.
"""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import UsageError

SUFFIXES = (".jsonl", ".jsonl.gz", ".jsonl.zst")
"""What a folder is searched for."""


@dataclass(frozen=True, slots=True)
class Recordings:
    """The files to read, and how many others lay beside them in the folders."""

    files: tuple[Path, ...]
    ignored: int


def find_recordings(paths: Sequence[str | Path]) -> Recordings:
    """Return the files that ``paths`` name: files themselves, folders by all that lies below.

    A file that is reached twice (named twice, or named and inside a named folder) is read once.

    Raises:
        UsageError: nothing was named; something is not there or may not be read; a folder holds
            no recording.
    """
    if not paths:
        raise UsageError("no recordings were named: give a file or a folder of *.jsonl files")
    found: dict[str, Path] = {}
    ignored = 0
    for path in map(Path, paths):
        files, others = _below(path) if path.is_dir() else ([path], 0)
        ignored += others
        for file in files:
            _check_readable(file)
            found.setdefault(os.path.realpath(file), file)
    return Recordings(files=tuple(found[real] for real in sorted(found)), ignored=ignored)


def _below(folder: Path) -> tuple[list[Path], int]:
    """Return the recordings below a folder, and the number of its other files."""
    recordings: list[Path] = []
    others = 0
    for here, _, names in os.walk(folder, onerror=_refuse):
        chosen = [name for name in names if name.endswith(SUFFIXES)]
        recordings += [Path(here) / name for name in chosen]
        others += len(names) - len(chosen)
    if not recordings:
        endings = ", ".join(f"*{suffix}" for suffix in SUFFIXES)
        raise UsageError(f"{folder}: no recordings in this folder ({endings}); name a file instead")
    return recordings, others


def _check_readable(file: Path) -> None:
    if not file.exists():
        raise UsageError(f"{file}: no such file; name a recording or a folder of recordings")
    if not os.access(file, os.R_OK):
        raise UsageError(f"{file}: may not be read; check its permissions")


def _refuse(trouble: OSError) -> None:
    raise UsageError(f"{trouble.filename}: {trouble.strerror}; check its permissions")


def total_bytes(files: Iterable[Path]) -> int:
    """Return the size of all files as they lie on the disk (pipes count as nothing)."""
    return sum(file.stat().st_size for file in files)

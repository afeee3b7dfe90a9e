"""Which files a command was given: paths in, sources out, in an order that does not vary.

A source is recorded observations or one of the things that people attach to bug reports; inside
folders what is neither is left aside, and counted. A file that is named itself is taken whatever it
is called. Of each file no more is read here than its beginning.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import UsageError
from pipeline.ingest.lines import BrokenStream, plain
from pipeline.ingest.pods import place_of
from pipeline.ingest.shapes import (
    HEAD_BYTES,
    REMEDIES,
    SUFFIXES,
    Shape,
    chosen,
    shape_of,
    whose_is_told,
)


@dataclass(frozen=True, slots=True)
class Source:
    """A file to read."""

    file: Path
    shape: Shape | None
    """None: told when it is read, since a pipe can be read only once."""
    given: str
    """The folder that it was found in; nothing where it was named itself."""

    @property
    def folder(self) -> str | None:
        """Name of the folder below the given one that it lies in, if it does."""
        inside = self.given and os.path.relpath(self.file.parent, self.given) != "."
        return self.file.parent.name if inside else None


@dataclass(frozen=True, slots=True)
class Recordings:
    """The files to read, and what lay beside them in the folders."""

    files: tuple[Source, ...]
    ignored: int
    aside: tuple[tuple[Path, Shape], ...] = ()
    """Those among the ignored that could be read in another form."""


def find_recordings(paths: Sequence[str | Path]) -> Recordings:
    """Return the files that ``paths`` name: files themselves, folders by all that lies below.

    A file that is reached twice (named twice, or named and inside a named folder) is read once.

    Raises:
        UsageError: nothing was named; something is not there or may not be read; nothing says
            what a file is, or whose log; a folder holds nothing that is known.
    """
    if not paths:
        raise UsageError("no recordings were named: give a file or a folder of *.jsonl files")
    found: dict[str, Source] = {}
    ignored = 0
    aside: list[tuple[Path, Shape]] = []
    for path in map(Path, paths):
        given = _below(path) if path.is_dir() else Recordings((_named(path),), 0)
        ignored += given.ignored
        aside += given.aside
        for source in given.files:
            real = os.path.realpath(source.file)
            # of two ways to one file always the same is taken, in whatever order they were named
            found[real] = min(source, found.get(real, source), key=_by_way)
    return Recordings(tuple(found[real] for real in sorted(found)), ignored, tuple(aside))


def total_bytes(sources: Iterable[Source]) -> int:
    """Return the size of all files as they lie on the disk (pipes count as nothing)."""
    return sum(source.file.stat().st_size for source in sources)


def _by_way(source: Source) -> tuple[str, str]:
    return source.given, str(source.file)


def _named(file: Path) -> Source:
    _check_readable(file)
    if not file.is_file():  # a pipe
        return Source(file, None, "")
    if file.name.endswith(SUFFIXES):
        return Source(file, Shape.RECORDING, "")
    if place_of(file.absolute().as_posix()):
        return Source(file, Shape.LOG, "")
    head = _head(file)
    shape = shape_of(file.name, head) or Shape.RECORDING
    if shape is Shape.LOG and not whose_is_told(file.name, head):
        shape = Shape.NOBODYS
    if shape in REMEDIES:
        raise UsageError(f"{file}: {REMEDIES[shape]}")
    return Source(file, shape, "")


def _below(folder: Path) -> Recordings:
    """Return what is known below a folder, and the number of its other files."""
    sources: list[Source] = []
    aside: list[tuple[Path, Shape]] = []
    ignored = 0
    for file in _walk(folder):
        shape = _shape_below(file)
        if shape is None or shape in REMEDIES:
            ignored += 1
            aside += [] if shape is None else [(file, shape)]
        else:
            _check_readable(file)
            sources.append(Source(file, shape, str(folder)))
    if not sources:
        raise UsageError(_nothing_in(folder, aside))
    return Recordings(tuple(sources), ignored, tuple(aside))


def _shape_below(file: Path) -> Shape | None:
    def head() -> bytes:
        # what is no ordinary file (a socket, a pipe that nobody fills) might never answer
        return _head(file) if file.is_file() and os.access(file, os.R_OK) else b""

    return chosen(file.absolute().as_posix(), head)


def _nothing_in(folder: Path, aside: list[tuple[Path, Shape]]) -> str:
    if aside:
        file, shape = min(aside, key=lambda left: left[0])
        return f"{file}: {REMEDIES[shape]}"
    endings = ", ".join(f"*{suffix}" for suffix in SUFFIXES)
    return (
        f"{folder}: no recordings in this folder ({endings}), no must-gather, cluster-info dump,"
        " logs or events either; name a file instead"
    )


def _walk(folder: Path) -> Iterator[Path]:
    for here, _, names in os.walk(folder, onerror=_refuse):
        yield from (Path(here) / name for name in names)


def _head(file: Path) -> bytes:
    """Return the beginning of a file, decompressed; as much of it as can be read."""
    head = b""
    try:
        with file.open("rb") as stream:
            for chunk in plain(iter(lambda: stream.read(HEAD_BYTES), b"")):
                head += chunk
                if len(head) >= HEAD_BYTES:
                    break
    except (BrokenStream, OSError):
        return head  # its reader will say so, and where
    return head[:HEAD_BYTES]


def _check_readable(file: Path) -> None:
    if not file.exists():
        raise UsageError(f"{file}: no such file; name a recording or a folder of recordings")
    if not os.access(file, os.R_OK):
        raise UsageError(f"{file}: may not be read; check its permissions")


def _refuse(trouble: OSError) -> None:
    raise UsageError(f"{trouble.filename}: {trouble.strerror}; check its permissions")

"""What people attach to bug reports → observations: lists of objects, and containers' logs.

In: the chunks of one file at a time, decompressed or not. Out: observations, rejected records and
counts in :class:`Buckets`; what pods there are in :class:`Pods`. Objects are read before logs, in
all files, so that the order of files makes no difference. It opens no file.
"""

import codecs
from collections.abc import Iterable, Iterator
from enum import Flag, auto
from typing import Any

from pipeline.ingest.buckets import Buckets, Origin
from pipeline.ingest.cluster import Unusable, event_of
from pipeline.ingest.found import Tally
from pipeline.ingest.jsonstream import BadPart, Item, json_objects
from pipeline.ingest.lines import BOM, BrokenStream, plain, split_lines
from pipeline.ingest.logfeed import LogFeed
from pipeline.ingest.loglines import START, end_of
from pipeline.ingest.pods import Pods, Whose
from pipeline.ingest.yamlstream import yaml_objects
from pipeline.rejection import LongPart, in_parts

_PIECE_BYTES = 64 * 1024
_CHANGES = frozenset({"ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR"})
"""What ``kubectl get --watch --output-watch-events`` puts around an object."""


class Turn(Flag):
    """What is read of a file now."""

    OBJECTS = auto()
    LOGS = auto()


class Dumps:
    """Reads dumps, file by file."""

    def __init__(self, buckets: Buckets, max_line_bytes: int) -> None:
        self.pods = Pods()
        self._buckets = buckets
        self._max_line_bytes = max_line_bytes

    def yaml(self, chunks: Iterator[bytes], where: str, tally: Tally) -> None:
        """Read objects as YAML.

        Raises:
            BrokenStream: after all that was before the break has been read.
        """
        lines = split_lines(plain(chunks), self._max_line_bytes)
        for found in yaml_objects(_without_bom(lines)):
            self._object(found, where, tally)

    def json(self, chunks: Iterator[bytes], where: str, tally: Tally, turn: Turn) -> None:
        """Read objects as JSON, and the logs between them, or one of the two.

        Raises:
            BrokenStream: after all that was before the break has been read.
        """
        mixed = _Mixed(_without_bom(split_lines(plain(chunks), self._max_line_bytes)))
        while True:
            first = mixed.number
            if Turn.OBJECTS in turn:
                for found in json_objects(mixed.text(), first):
                    self._object(found, where, tally)
            else:
                for _ in mixed.text():
                    pass
            if mixed.whose is None:
                break
            tally.sections = True
            self._section(mixed, where, tally, read=Turn.LOGS in turn)
        if mixed.broken is not None:
            raise mixed.broken

    def log(self, chunks: Iterator[bytes], where: str, tally: Tally, whose: Whose) -> None:
        """Read the log of one container, or of several that its lines name.

        Raises:
            BrokenStream: after all that was before the break has been read.
        """
        lines = _without_bom(split_lines(plain(chunks), self._max_line_bytes))
        self._feed(where, whose).read(_numbered(lines), tally, surely=False)

    def _section(self, mixed: "_Mixed", where: str, tally: Tally, *, read: bool) -> None:
        lines = mixed.section()
        if read and mixed.whose is not None:
            self._feed(where, mixed.whose).read(lines, tally, surely=True)
        for _ in lines:
            pass

    def _feed(self, where: str, whose: Whose) -> LogFeed:
        return LogFeed(self._buckets, self.pods, where, whose)

    def _object(self, found: Item | BadPart, where: str, tally: Tally) -> None:
        origin = Origin(f"{where}:{found.line}", b"" if isinstance(found, BadPart) else found.text)
        if isinstance(found, BadPart):
            self._buckets.reject(found.code, origin.where, found.what, [found.part])
            return
        value = _unwrapped(found.value)
        if not isinstance(value, dict):
            self._buckets.reject("invalid", origin.where, "not an object", in_parts(found.text))
            return
        kind = _kind_of(value, found.kind)
        if kind == "Pod":
            before = len(self.pods)
            self.pods.learn(value)
            tally.pods += len(self.pods) - before
        elif kind == "Event":
            self._event(value, origin, tally)

    def _event(self, value: dict[str, Any], origin: Origin, tally: Tally) -> None:
        try:
            event = event_of(value)
        except Unusable as trouble:
            self._buckets.reject("invalid", origin.where, str(trouble), in_parts(origin.content))
            return
        self.pods.learn_event(event)
        self._buckets.told(event, origin)
        tally.events += 1


class _Mixed:
    """A file in which objects and logs take turns."""

    def __init__(self, lines: Iterator[bytes | LongPart]) -> None:
        self._lines = lines
        self.number = 1
        self.whose: Whose | None = None
        """Whose log comes next; None at the end of the file."""
        self.broken: BrokenStream | None = None

    def text(self) -> Iterator[str]:
        """Return what lies before the next log, in pieces."""
        decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        self.whose = None
        held: list[bytes] = []
        size = 0
        for line in self._next():
            if self._starts(line):
                break
            content = line.content if isinstance(line, LongPart) else line
            ends = not isinstance(line, LongPart) or line.last
            held.append(content + b"\n" if ends else content)
            size += len(content)
            if size > _PIECE_BYTES:
                yield decoder.decode(b"".join(held))
                held, size = [], 0
        yield decoder.decode(b"".join(held), final=True)

    def section(self) -> Iterator[tuple[int, bytes | LongPart]]:
        """Return the lines of the log that comes next, with their numbers."""
        end = end_of(self.whose).encode() if self.whose else b""
        for line in self._next():
            number = self.number - (not isinstance(line, LongPart) or line.last)
            if not isinstance(line, LongPart) and line.rstrip(b"\r").endswith(end):
                # a log need not end with an end of line
                rest = line.rstrip(b"\r").removesuffix(end)
                if rest:
                    yield number, rest
                return
            yield number, line

    def _starts(self, line: bytes | LongPart) -> bool:
        if isinstance(line, LongPart) or not line.startswith(b"===="):
            return False
        found = START.match(line.decode("utf-8", "replace"))
        if found is not None:
            self.whose = Whose(found["namespace"], found["pod"], found["container"])
        return found is not None

    def _next(self) -> Iterator[bytes | LongPart]:
        """Return lines; keep a break for later: what has been read comes first."""
        try:
            for line in self._lines:
                self.number += not isinstance(line, LongPart) or line.last
                yield line
        except BrokenStream as broken:
            yield from broken.rest
            broken.rest = ()
            self.broken = broken


def _numbered(lines: Iterable[bytes | LongPart]) -> Iterator[tuple[int, bytes | LongPart]]:
    number = 1
    for line in lines:
        yield number, line
        number += not isinstance(line, LongPart) or line.last


def _without_bom(lines: Iterator[bytes | LongPart]) -> Iterator[bytes | LongPart]:
    first = next(lines, None)
    if first is not None:
        yield first.removeprefix(BOM) if isinstance(first, bytes) else first
        yield from lines


def _unwrapped(value: object) -> object:
    """Return the object inside a change that a watch tells of."""
    if isinstance(value, dict) and value.get("type") in _CHANGES and "object" in value:
        return value["object"]
    return value


def _kind_of(value: dict[str, Any], listed: str | None) -> str | None:
    """Return the kind of an object: its own word, its list's, or what its fields show."""
    kind = value.get("kind") or listed
    if kind is None and ("involvedObject" in value or "regarding" in value):
        return "Event"
    spec = value.get("spec")
    if kind is None and isinstance(spec, dict) and "containers" in spec:
        return "Pod"
    return kind if isinstance(kind, str) else None

"""YAML documents as Kubernetes' tools write them → their objects, one by one; pure.

In: the lines of a file. Out: objects, each with its line and its text: the elements where a
document is a list (``items:``), else the document itself. Lists are cut where the dashes of their
elements stand, before anything is parsed: one object is in memory at a time, and a bad one does
not spoil its neighbours. It must not know what the objects mean.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any

import yaml

from pipeline.ingest.jsonstream import BadPart, Item, list_kind
from pipeline.ingest.lines import BrokenStream
from pipeline.records import RejectionCode
from pipeline.rejection import (
    PART_BYTES,
    LongPart,
    full_parts,
    in_parts,
    last_parts,
    one_line,
)

MAX_OBJECT_BYTES = 4 * 1024 * 1024
"""etcd takes objects of 1.5 MiB; indentation is the rest."""
_ITEMS = re.compile(rb"items:[ \t\r]*$")
_KIND = re.compile(rb"kind:[ \t]*[\"']?(\w+)")
_DASH = re.compile(rb"( *)-(?: |$)")
_STAMP = "tag:yaml.org,2002:timestamp"
_BASE = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader


class _Loader(_BASE):  # type: ignore[valid-type,misc]  # which one depends on the machine
    """Leaves times as the text that they are: the API's rules for them are not YAML's."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - the library's own way to say it
        first: [(tag, pattern) for tag, pattern in found if tag != _STAMP]
        for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def yaml_objects(lines: Iterable[bytes | LongPart]) -> Iterator[Item | BadPart]:
    """Return the objects of a file's lines (a line beyond the limit comes as parts).

    Raises:
        BrokenStream: as it came; its ``rest`` then holds the object that was begun.
    """
    cutter = _Cutter()
    number = 1
    try:
        for line in lines:
            if isinstance(line, LongPart):
                yield BadPart(number, "too-long", "a line too long for a document", line)
                number += line.last
            else:
                yield from cutter.take(line, number)
                number += 1
    except BrokenStream as broken:
        begun = cutter.begun() + b"".join(part.content for part in broken.rest)
        broken.rest = tuple(in_parts(begun))
        raise
    yield from cutter.flush()


class _Cutter:
    """Collects the lines of one object, and knows where it ends."""

    def __init__(self) -> None:
        self._block: list[bytes] = []
        self._bytes = 0
        self._parts = 0  # given out already, of an object that has become too long
        self._line = 1
        self._listed = False
        """Inside ``items``, or behind them in the same document: what is no element is left out."""
        self._dash: bytes | None = None
        """What stands before an element's dash; None: not known yet."""
        self._kind: str | None = None

    def take(self, line: bytes, number: int) -> Iterator[Item | BadPart]:
        """Take a line; return the object that ends before it, if one does."""
        if line.startswith((b"---", b"...")):
            yield from self.flush()
            self._listed, self._dash, self._kind = False, None, None
        elif not self._listed and _ITEMS.match(line):
            self._forget()  # what stood before them says nothing of the elements but their kind
            self._listed = True
        elif self._begins(line):
            yield from self.flush()
            yield from self._add(line, number)
        elif self._listed and _top_level(line):
            yield from self.flush()
        elif not self._listed or self._block:
            self._note_kind(line)
            yield from self._add(line, number)

    def flush(self) -> Iterator[Item | BadPart]:
        """Return the object that has been collected."""
        text, line, parts = b"".join(self._block), self._line, self._parts
        self._forget()
        if parts:
            yield from (_too_long(line, part) for part in last_parts(text, parts))
        elif text.strip():
            yield from _parsed(text, line, self._kind, listed=self._listed)

    def begun(self) -> bytes:
        """Return what has been collected of an object."""
        return b"".join(self._block)

    def _begins(self, line: bytes) -> bool:
        """Return whether an element begins with this line."""
        found = _DASH.match(line)
        if found is None:
            return False
        if not self._listed and not self._block:
            self._listed = True  # a bare list
        if self._listed and self._dash is None:
            self._dash = found[1]
        return self._listed and found[1] == self._dash

    def _note_kind(self, line: bytes) -> None:
        if not self._listed and (found := _KIND.match(line)):
            self._kind = list_kind(found[1].decode("ascii", "replace"))

    def _add(self, line: bytes, number: int) -> Iterator[BadPart]:
        if not self._block:
            self._line = number
        self._block.append(line + b"\n")
        self._bytes += len(line) + 1
        if self._bytes > MAX_OBJECT_BYTES:
            full, rest = full_parts(b"".join(self._block), self._parts)
            self._block, self._bytes = [rest], MAX_OBJECT_BYTES - PART_BYTES + len(rest)
            self._parts += len(full)
            yield from (_too_long(self._line, part) for part in full)

    def _forget(self) -> None:
        self._block, self._bytes, self._parts = [], 0, 0


def _too_long(line: int, part: LongPart) -> BadPart:
    return BadPart(line, "too-long", f"an object longer than {MAX_OBJECT_BYTES} bytes", part)


def _top_level(line: bytes) -> bool:
    """Return whether a line stands outside any list: it belongs to the document itself."""
    return not line.startswith((b" ", b"-", b"#", b"\t", b"\r")) and bool(line)


def _parsed(text: bytes, line: int, kind: str | None, *, listed: bool) -> Iterator[Item | BadPart]:
    code: RejectionCode = "invalid"
    try:
        value: Any = yaml.load(text.decode(), Loader=_Loader)  # noqa: S506 - made of a safe one
    except UnicodeDecodeError as trouble:
        code, what = "not-utf8", f"not UTF-8: byte 0x{text[trouble.start]:02x}"
    except yaml.MarkedYAMLError as trouble:
        at = line if trouble.problem_mark is None else line + trouble.problem_mark.line
        what = f"not YAML: {trouble.problem} (line {at})"
    except (yaml.YAMLError, ValueError, RecursionError) as trouble:
        what = f"not YAML: {trouble}"
    else:
        if value is not None:  # nothing but comments
            whole = value[0] if listed and isinstance(value, list) else value
            yield Item(line, whole, text, kind if listed else None)
        return
    yield from (BadPart(line, code, one_line(what), part) for part in in_parts(text))

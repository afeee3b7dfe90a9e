"""JSON documents that follow each other → their objects, one by one; pure.

In: the text of a file in pieces. Out: objects, each with its line and its text: the elements where
a document is a list (``items``, or a bare array), else the document itself. One object is in memory
at a time, whatever the size of the list. What is no JSON comes out as bytes in parts, up to where
the next document seems to begin. It must not know what the objects mean.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from pipeline.records import RejectionCode
from pipeline.rejection import LongPart, full_parts, last_parts, one_line

MAX_OBJECT_CHARACTERS = 8 * 1024 * 1024
"""etcd takes objects of 1.5 MiB; as indented JSON they grow to three times that and a little."""
_FILL_CHARACTERS = 256 * 1024
_NEARLY = 12
"""So near the end of what has been read, ``fals`` or ``\\u00e`` may just not be complete."""
_SPACE = re.compile(r"[ \t\r\n]*")
_DECODER = json.JSONDecoder()


class Item(NamedTuple):
    """One object."""

    line: int
    value: Any
    text: bytes
    kind: str | None
    """What the list says that its elements are; an element need not say it again."""


class BadPart(NamedTuple):
    """One part of what could not be read as a document."""

    line: int
    code: RejectionCode
    what: str
    part: LongPart


class _BadJson(Exception):  # noqa: N818 - named for what it is: bad data, not a programming error
    def __init__(self, what: str, code: RejectionCode = "not-json") -> None:
        super().__init__(what)
        self.code = code


def json_objects(pieces: Iterator[str], line: int = 1) -> Iterator[Item | BadPart]:
    """Return the objects of a text that begins at a line of its file.

    Bytes that are no UTF-8 are expected as surrogates (``errors="surrogateescape"``).
    """
    text = _Text(pieces, line)
    while following := text.following():
        try:
            if following == "{":
                yield from _document(text)
            elif following == "[":
                yield from _elements(text, None)
            else:
                text.take("{")
        except _BadJson as bad:
            where, what = text.line, one_line(str(bad))
            for part in text.skipped():
                yield BadPart(where, bad.code, what, part)


def list_kind(kind: object) -> str | None:
    """Return the kind of a list's elements: ``EventList`` → ``Event``."""
    if isinstance(kind, str) and kind.endswith("List") and kind != "List":
        return kind.removesuffix("List")
    return None


def _document(text: "_Text") -> Iterator[Item]:
    line = text.line
    text.keep()
    text.take("{")
    fields: dict[str, Any] = {}
    listed = False
    while text.following() != "}":
        name = text.value()
        if not isinstance(name, str):
            raise _BadJson("not JSON: expected a name")
        text.take(":")
        if name == "items" and text.following() == "[":
            listed = True
            text.kept()
            yield from _elements(text, list_kind(fields.get("kind")))
        else:
            fields[name] = text.value()
        if text.following() != "}":
            text.take(",")
    text.take("}")
    whole = text.kept()
    if not listed:
        yield Item(line, fields, whole, None)


def _elements(text: "_Text", kind: str | None) -> Iterator[Item]:
    text.take("[")
    while text.following() != "]":
        line = text.line
        text.keep()
        value = text.value()
        yield Item(line, value, text.kept(), kind)
        if text.following() != "]":
            text.take(",")
    text.take("]")


class _Text:
    """A window on the text, and the number of the line that it stands at."""

    def __init__(self, pieces: Iterator[str], line: int) -> None:
        self._pieces = pieces
        self._held = ""
        self._at = 0
        self.line = line
        self._kept: list[str] | None = None
        self._kept_characters = 0

    def following(self) -> str:
        """Return the next character that is no white space; nothing at the end."""
        while True:
            space = _SPACE.match(self._held, self._at)
            if space is not None and space.end() > self._at:
                self._advance(space.end())
            if self._at < len(self._held):
                return self._held[self._at]
            if not self._more():
                return ""

    def take(self, expected: str) -> None:
        """Go over a character that must come now."""
        found = self.following()
        if found != expected:
            what = f"{found!r}" if found else "the end; was the file cut off?"
            raise _BadJson(f"not JSON: expected {expected!r}, found {what}")
        self._advance(self._at + 1)

    def value(self) -> Any:  # noqa: ANN401 - whatever JSON there is
        """Go over a value and return it."""
        self.following()
        while True:
            try:
                value, end = _DECODER.raw_decode(self._held, self._at)
            except json.JSONDecodeError as trouble:
                if self._complete(trouble) or not self._more():
                    raise _BadJson(f"not JSON: {trouble.msg}") from None
            except (ValueError, RecursionError) as trouble:
                raise _BadJson(f"not JSON: {trouble}") from None
            else:
                if end < len(self._held) or not self._more():  # else 12 may turn out to be 123
                    self._advance(end)
                    return value
            if len(self._held) - self._at > MAX_OBJECT_CHARACTERS:
                what = f"an object longer than {MAX_OBJECT_CHARACTERS} characters"
                raise _BadJson(what, "too-long")

    def _complete(self, trouble: json.JSONDecodeError) -> bool:
        """Return whether more text could not mend it."""
        unterminated = trouble.msg.startswith("Unterminated string")
        return not unterminated and trouble.pos < len(self._held) - _NEARLY

    def keep(self) -> None:
        """Remember the text from here on, as far as it is no longer than an object may be."""
        self._kept, self._kept_characters = [], 0

    def kept(self) -> bytes:
        """Return what has been gone over since, and forget it."""
        kept, self._kept = self._kept or [], None
        return _bytes("".join(kept))

    def skipped(self) -> Iterator[LongPart]:
        """Go on to the next line that begins with a brace; return what was gone over."""
        self._kept = None
        rest, parts = b"", 0
        while True:
            end = self._held.find("\n{", self._at + 1)
            last = end >= 0
            # the brace may be the first character of the next piece
            stop = end + 1 if last else len(self._held) - self._held.endswith("\n")
            rest += _bytes(self._held[self._at : stop])
            self._advance(max(stop, self._at))
            if last or not self._more():
                break
            full, rest = full_parts(rest, parts)
            parts += len(full)
            yield from full
        yield from last_parts(rest.rstrip(b"\r\n"), parts)

    def _advance(self, to: int) -> None:
        if self._kept is not None and self._kept_characters <= MAX_OBJECT_CHARACTERS:
            self._kept.append(self._held[self._at : to])
            self._kept_characters += to - self._at
        self.line += self._held.count("\n", self._at, to)
        self._at = to

    def _more(self) -> bool:
        """Read on: at least as much as is held already, so that trying again costs little."""
        held = [self._held[self._at :]]
        wanted = max(_FILL_CHARACTERS, len(held[0]))
        for piece in self._pieces:
            held.append(piece)
            wanted -= len(piece)
            if wanted <= 0:
                break
        self._held, self._at = "".join(held), 0
        return len(held) > 1


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")

"""YAML text → plain data with the line of every part.

Only the plain part of YAML is taken: mappings, lists and scalars; no aliases (a few lines of them
can stand for gigabytes), no tags, one document, each key once. A scalar stays the text that was
written, so that an id like ``no`` or ``1.10`` is not turned into something else; the empty scalar,
``~`` and ``null`` are ``None``. What a field needs to be is the format's business.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import yaml

from topology.errors import Problem

MAX_DEPTH = 20
"""The format needs 7."""

Value = None | str | list["Value"] | dict[str, "Value"]
Location = tuple[str | int, ...]
"""Way to a part of the file: keys and positions."""

_LOADER = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader
_NULL = frozenset({"", "~", "null", "Null", "NULL"})


class UnreadableError(Exception):
    """The text is no YAML that we take; carries the problem."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.what)
        self.problem = problem


@dataclass(slots=True)
class Tree:
    """The data of a file, and where each part begins."""

    data: Value = None
    lines: dict[Location, int] = field(default_factory=dict)

    def line_of(self, location: Location) -> int:
        """Return the line of a part; of the nearest that is there, if it is missing."""
        while location and location not in self.lines:
            location = location[:-1]
        return self.lines.get(location, 1)


def read(text: str) -> Tree:
    """Return the tree of a YAML text.

    Raises:
        UnreadableError: it is not the YAML that we take.
    """
    builder = _Builder()
    for event in _events(text):
        builder.feed(event)
    return builder.tree


def _events(text: str) -> Iterator[yaml.Event]:
    try:
        yield from yaml.parse(text, Loader=_LOADER)
    except yaml.MarkedYAMLError as trouble:
        mark = trouble.problem_mark or trouble.context_mark
        line = mark.line + 1 if mark is not None else 1
        raise _unreadable(
            line, "T002", f"not YAML ({trouble.problem or trouble.context})"
        ) from trouble
    except yaml.YAMLError as trouble:  # the reader's own: a character that YAML forbids
        what = str(trouble).splitlines()[0]
        raise _unreadable(1, "T002", f"not YAML ({what})") from trouble


_REMEDIES = {
    "T002": "mend the syntax; indent with blanks, and quote text with `: ` or `#` in it",
    "T003": "write the content out where it is needed",
    "T004": "a topology has no such depth: look for a stray bracket or indentation",
    "T005": "keep one of the two",
}


def _unreadable(line: int, code: str, what: str) -> UnreadableError:
    return UnreadableError(Problem(line, code, what, _REMEDIES[code]))


@dataclass(slots=True)
class _Open:
    """A list or mapping that is being filled."""

    content: list[Value] | dict[str, Value]
    location: Location
    key: str | None = None


class _Builder:
    def __init__(self) -> None:
        self.tree = Tree()
        self._open: list[_Open] = []
        self._documents = 0

    def feed(self, event: yaml.Event) -> None:
        line = event.start_mark.line + 1 if event.start_mark is not None else 1
        match event:
            case yaml.AliasEvent():
                raise _unreadable(line, "T003", f"an alias (*{event.anchor}) is not allowed")
            case yaml.DocumentStartEvent():
                self._documents += 1
                if self._documents > 1:
                    raise _unreadable(line, "T002", "a second YAML document begins")
            case yaml.ScalarEvent():
                self._scalar(event, line)
            case yaml.MappingStartEvent():
                self._begin({}, event, line)
            case yaml.SequenceStartEvent():
                self._begin([], event, line)
            case yaml.CollectionEndEvent():
                self._open.pop()
            case _:
                pass  # begin and end of the stream and of the document

    def _scalar(self, event: yaml.ScalarEvent, line: int) -> None:
        self._no_tag(event.tag, line)
        top = self._open[-1] if self._open else None
        if top is not None and isinstance(top.content, dict) and top.key is None:
            self._key(top, event.value, line)
        else:
            self._place(None if event.implicit[0] and event.value in _NULL else event.value, line)

    def _key(self, top: _Open, key: str, line: int) -> None:
        if isinstance(top.content, dict) and key in top.content:
            first = self.tree.lines[(*top.location, key)]
            raise _unreadable(line, "T005", f"the key {key!r} is there already, on line {first}")
        top.key = key
        self.tree.lines[(*top.location, key)] = line

    def _begin(
        self, content: list[Value] | dict[str, Value], event: yaml.CollectionStartEvent, line: int
    ) -> None:
        self._no_tag(event.tag, line)
        if len(self._open) >= MAX_DEPTH:
            raise _unreadable(line, "T004", f"nested more than {MAX_DEPTH} levels deep")
        top = self._open[-1] if self._open else None
        if top is not None and isinstance(top.content, dict) and top.key is None:
            raise _unreadable(line, "T002", "a list or mapping stands where a key should be")
        self._open.append(_Open(content, self._place(content, line)))

    def _place(self, value: Value, line: int) -> Location:
        if not self._open:
            self.tree.data = value
            self.tree.lines[()] = line
            return ()
        top = self._open[-1]
        if isinstance(top.content, list):
            location = (*top.location, len(top.content))
            top.content.append(value)
            self.tree.lines[location] = line
            return location
        key = top.key if top.key is not None else ""
        top.content[key] = value
        top.key = None
        return (*top.location, key)

    @staticmethod
    def _no_tag(tag: str | None, line: int) -> None:
        if tag is not None and tag != "!":
            raise _unreadable(line, "T002", f"the tag {tag} is not taken")

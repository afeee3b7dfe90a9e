"""Counts the steps of a backtracking search, and builds texts on which a pattern may take many.

A pattern is read by Python's own parser and searched for as ``re`` does it: from each place, greedy
first, back one character at a time. What is counted are comparisons, so that a test needs no clock.
"""

import re._constants as op
import re._parser as parser
from collections.abc import Callable, Iterator, Sequence
from functools import cache, partial
from itertools import islice
from typing import Any

Go = Callable[[int], bool]
Items = Sequence[tuple[Any, Any]]
MAX_PATHS = 30
"""Ways through the branches of a pattern that attacks are built of."""
_ALPHABET = "x1 " + "".join(map(chr, range(33, 127))) + "\x1b\n"
"""Characters that stand for a class; the first that it takes does."""


def steps(pattern: str, text: str) -> int:
    """Return how many comparisons a search for a pattern in a text takes."""
    search = _Search(text)
    items = _read(pattern)
    for start in range(len(text) + 1):
        search.count += 1
        if search.run(items, 0, start, lambda _: True):
            break
    return search.count


def attacks(pattern: str) -> Iterator[Callable[[int], str]]:
    """Yield makers of texts of about a given length that nearly match, again and again."""
    for path in islice(_paths(_read(pattern)), MAX_PATHS):
        before = ""
        for text, repeated in path:
            if repeated:
                yield partial(_stretched, before, text)
                yield partial(_repeated, before + text)
                yield partial(_repeated, before + 3 * text + " ")
            before += text
        yield partial(_repeated, before[:-1] or "x")


@cache
def _read(pattern: str) -> Items:
    return _frozen(parser.parse(pattern))


def _frozen(part: Any) -> Any:  # noqa: ANN401 - the parser's own
    """Return a part of a pattern as tuples: what it takes need be found out only once."""
    whole = isinstance(part, list | tuple | parser.SubPattern)
    return tuple(_frozen(each) for each in part) if whole else part


def _stretched(before: str, text: str, size: int) -> str:
    return before + text * (size // len(text))


def _repeated(text: str, size: int) -> str:
    return text * (size // len(text))


class _Search:
    def __init__(self, text: str) -> None:
        self.text = text
        self.count = 0
        self._ends: dict[tuple[Any, Any], list[int]] = {}

    def run(self, items: Items, index: int, at: int, go: Go) -> bool:
        """Match the items from ``index`` on, then go on."""
        while index < len(items):
            kind, value = items[index]
            if kind in _SINGLE:
                self.count += 1
                if at >= len(self.text) or not _takes(kind, value, self.text[at]):
                    return False
                at += 1
                index += 1
                continue
            after = partial(self.run, items, index + 1, go=go)
            return bool(getattr(self, _named(kind))(value, at, after))
        return go(at)

    def _at(self, where: Any, at: int, go: Go) -> bool:  # noqa: ANN401 - the parser's own
        self.count += 1
        ends = {op.AT_BEGINNING: at == 0, op.AT_END: at == len(self.text)}
        if where in ends:
            return ends[where] and go(at)
        sides = [self.text[i : i + 1] if i >= 0 else "" for i in (at - 1, at)]
        border = len({bool(side) and (side.isalnum() or side == "_") for side in sides}) > 1
        return border == (where is op.AT_BOUNDARY) and go(at)

    def _branch(self, value: Any, at: int, go: Go) -> bool:  # noqa: ANN401
        return any(self.run(choice, 0, at, go) for choice in value[1])

    def _subpattern(self, value: Any, at: int, go: Go) -> bool:  # noqa: ANN401
        return self.run(value[3], 0, at, go)

    def _assert(self, value: Any, at: int, go: Go) -> bool:  # noqa: ANN401
        return self.run(value[1], 0, at, lambda _: True) and go(at)

    def _assert_not(self, value: Any, at: int, go: Go) -> bool:  # noqa: ANN401
        return not self.run(value[1], 0, at, lambda _: True) and go(at)

    def _max_repeat(self, value: Any, at: int, go: Go) -> bool:  # noqa: ANN401
        least, most, items = value
        if len(items) == 1 and items[0][0] in _SINGLE:
            return self._stretch(items[0], (least, most), at, go)
        return self._again(items, (least, most), 0, at, go)

    def _stretch(self, item: tuple[Any, Any], times: tuple[int, int], at: int, go: Go) -> bool:
        end = min(self._end(item)[at], at + times[1])
        self.count += end - at
        for last in range(end, at + times[0] - 1, -1):
            self.count += 1
            if go(last):
                return True
        return False

    def _end(self, item: tuple[Any, Any]) -> list[int]:
        """Return, for each place, up to where the item takes one character after the other."""
        if item not in self._ends:
            ends = [len(self.text)]
            for at in range(len(self.text) - 1, -1, -1):
                ends.append(ends[-1] if _takes(*item, self.text[at]) else at)
            self._ends[item] = ends[::-1]
        return self._ends[item]

    def _again(self, items: Items, times: tuple[int, int], done: int, at: int, go: Go) -> bool:  # noqa: PLR0917 - the state of a repeat
        def more(end: int) -> bool:
            return end != at and self._again(items, times, done + 1, end, go)

        if done < times[1] and self.run(items, 0, at, more):
            return True
        return done >= times[0] and go(at)


_SINGLE = frozenset({op.LITERAL, op.NOT_LITERAL, op.ANY, op.IN})


@cache
def _named(kind: Any) -> str:  # noqa: ANN401
    return f"_{str(kind).lower()}"


@cache
def _takes(kind: Any, value: Any, character: str) -> bool:  # noqa: ANN401
    if kind is op.ANY:
        return character != "\n"
    if kind is op.IN:
        negated = value[0][0] is op.NEGATE
        return negated != any(_in(*part, ord(character)) for part in value[negated:])
    return (ord(character) == value) == (kind is op.LITERAL)


def _in(kind: Any, value: Any, code: int) -> bool:  # noqa: ANN401
    if kind is op.LITERAL:
        return bool(code == value)
    if kind is op.RANGE:
        return bool(value[0] <= code <= value[1])
    character = chr(code)
    known = {
        op.CATEGORY_DIGIT: character.isdigit(),
        op.CATEGORY_SPACE: character.isspace(),
        op.CATEGORY_WORD: character.isalnum() or character == "_",
        op.CATEGORY_NOT_DIGIT: not character.isdigit(),
        op.CATEGORY_NOT_SPACE: not character.isspace(),
    }
    return known[value]


def _paths(items: Items) -> Iterator[list[tuple[str, bool]]]:
    """Yield ways through a pattern: pieces of text that match, and whether they are repeated."""
    if not items:
        yield []
        return
    for head in _ways(*items[0]):
        for rest in _paths(items[1:]):
            yield head + rest


def _ways(kind: Any, value: Any) -> Iterator[list[tuple[str, bool]]]:  # noqa: ANN401
    if kind is op.BRANCH:
        for choice in value[1]:
            yield from _paths(choice)
    elif kind is op.SUBPATTERN:
        yield from _paths(value[3])
    elif kind is op.MAX_REPEAT:
        for inner in _paths(value[2]):
            text = "".join(part for part, _ in inner)
            yield [(text * max(1, value[0]), value[1] > 1)]
    elif kind in _SINGLE:
        yield [(_sample(kind, value), False)]
    else:
        yield []


def _sample(kind: Any, value: Any) -> str:  # noqa: ANN401
    if kind is op.LITERAL:
        return chr(value)
    return next(character for character in _ALPHABET if _takes(kind, value, character))

"""Which of many literals are in a text, found in one pass over it (Aho-Corasick).

Most lines differ from earlier ones in their digits only. So what is searched is the text with all
digits alike, for literals with all digits alike, and what was found is remembered. A literal that
has digits is only a candidate then: it is looked for in the line at hand, as it is.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from ahocorasick_rs import AhoCorasick

from pipeline.detect.masking import CACHED, LOOKED_AT, alike

KEPT = 64
"""Automata kept for further detectors: those of all instances of an application are the same, and
their nodes take a dozen different selections of signatures (about 100 kB each)."""

_ALIKE = bytes.maketrans(b"123456789", b"000000000")
_Owned = tuple[str, tuple[int, ...]]
"""A literal, and the numbers of its groups."""


class _Found(NamedTuple):
    """What holds for all texts that differ in their digits only."""

    groups: tuple[int, ...] = ()
    """Those with a literal that has no digits, ascending."""
    candidates: tuple[_Owned, ...] = ()
    """Literals with digits that may be in it: each once, so no more than the pack has of them."""


class _Literals:
    """The literals of groups, by what they are with all digits alike."""

    def __init__(self, groups: Sequence[Sequence[str]]) -> None:
        self._owners: dict[str, tuple[int, ...]] = {}
        for number, literals in enumerate(groups):
            for literal in dict.fromkeys(literals):
                self._owners[literal] = (*self._owners.get(literal, ()), number)
        by_form: dict[str, list[_Owned]] = {}
        for literal, of in self._owners.items():
            by_form.setdefault(_form(literal), []).append((literal, of))
        self._forms = tuple(by_form.values())
        self._automaton = AhoCorasick(list(by_form))

    def find(self, form: str) -> _Found:
        """Find the literals in a text whose digits are alike.

        Raises:
            UnicodeEncodeError: half a surrogate pair: not UTF-8, which the automaton reads.
        """
        found = {
            index for index, _, _ in self._automaton.find_matches_as_indexes(form, overlapping=True)
        }
        owned = [each for index in sorted(found) for each in self._forms[index]]
        sure = {number for literal, of in owned if not _has_digits(literal) for number in of}
        return _Found(tuple(sorted(sure)), tuple(each for each in owned if _has_digits(each[0])))

    def groups_one_by_one(self, text: str) -> list[int]:
        """Return the groups with a literal in a text that the automaton cannot read."""
        return sorted({n for literal, of in self._owners.items() if literal in text for n in of})


class Prefilter:
    """Finds in a text the literals of groups: the literals of a signature, for one."""

    def __init__(self, groups: Sequence[Sequence[str]]) -> None:
        """Take groups of literals; a literal may be in several."""
        self._literals = _literals(tuple(tuple(literals) for literals in groups))

    def groups_in(self, text: str, form: bytes | None = None) -> Sequence[int]:
        """Return the numbers of the groups with a literal in the text, in ascending order.

        ``form`` is what ``masking.alike`` says of the text, if the caller has it already.
        """
        try:
            if len(text) <= LOOKED_AT:
                found = _found(self._literals, alike(text) if form is None else form)
            else:  # the rest counts, too
                found = self._literals.find(_form(text))
        except UnicodeEncodeError:
            return self._literals.groups_one_by_one(text)
        if not found.candidates:
            return found.groups
        groups = set(found.groups)
        for literal, of in found.candidates:
            if literal in text:
                groups.update(of)
        return sorted(groups)


@lru_cache(maxsize=KEPT)
def _literals(groups: tuple[tuple[str, ...], ...]) -> _Literals:
    return _Literals(groups)


@lru_cache(maxsize=CACHED)
def _found(literals: _Literals, form: bytes) -> _Found:
    """Remember what was found, for a line of at most ``LOOKED_AT`` characters.

    Beside the text (half a kB as a rule), 8 bytes for each literal with digits that may be in it:
    with the few dozen that a pack has, no more than 16 MB in a process.
    """
    return literals.find(form.decode("utf-8", "surrogatepass"))


def _form(text: str) -> str:
    return text.encode("utf-8").translate(_ALIKE).decode("utf-8")


def _has_digits(literal: str) -> bool:
    return any(digit in literal for digit in "0123456789")

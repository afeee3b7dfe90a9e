"""Which of many literals are in a text, found in one pass over it (Aho-Corasick).

Most lines differ from earlier ones in their digits only. So what is searched is the text with all
digits alike, for literals with all digits alike, and what was found is remembered; where a found
literal has digits, those of the line at hand decide.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from ahocorasick_rs import AhoCorasick

from pipeline.detect.masking import CACHED, LOOKED_AT, alike

KEPT = 64
"""Automata kept for further detectors: those of all instances of an application are the same, and
their nodes take a dozen different selections of signatures (about 100 kB each)."""

Owners = Mapping[str, tuple[int, ...]]
"""By literal, the numbers of its groups."""


class _Found(NamedTuple):
    """What holds for all texts that differ in their digits only."""

    groups: tuple[int, ...] = ()
    """Those with a literal that has no digits, ascending."""
    doubtful: tuple[tuple[int, int, Owners], ...] = ()
    """Where literals with digits may be, from and to, and which."""


class _Literals:
    """The literals of groups, by what they are with all digits alike."""

    def __init__(self, groups: Sequence[Sequence[str]]) -> None:
        self._owners: dict[str, tuple[int, ...]] = {}
        for number, literals in enumerate(groups):
            for literal in dict.fromkeys(literals):
                self._owners[literal] = (*self._owners.get(literal, ()), number)
        by_form: dict[str, dict[str, tuple[int, ...]]] = {}
        for literal, of in self._owners.items():
            by_form.setdefault(_form(literal), {})[literal] = of
        self._forms = tuple(by_form.items())
        self._automaton = AhoCorasick(list(by_form))

    def find(self, form: str) -> _Found:
        """Find the literals in a text whose digits are alike.

        Raises:
            UnicodeEncodeError: half a surrogate pair: not UTF-8, which the automaton reads.
        """
        sure: set[int] = set()
        doubtful: list[tuple[int, int, Owners]] = []
        for index, start, end in self._automaton.find_matches_as_indexes(form, overlapping=True):
            literal, owners = self._forms[index]
            if "0" in literal:
                doubtful.append((start, end, owners))
            else:
                sure.update(owners[literal])
        return _Found(tuple(sorted(sure)), tuple(doubtful))

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
        if not found.doubtful:
            return found.groups
        groups = set(found.groups)
        for start, end, owners in found.doubtful:
            groups.update(owners.get(text[start:end], ()))
        return sorted(groups)


@lru_cache(maxsize=KEPT)
def _literals(groups: tuple[tuple[str, ...], ...]) -> _Literals:
    return _Literals(groups)


@lru_cache(maxsize=CACHED)
def _found(literals: _Literals, form: bytes) -> _Found:
    """Remember what was found: some 200 bytes each beside the text, which ``masking`` shares."""
    return literals.find(form.decode("utf-8", "surrogatepass"))


def _form(text: str) -> str:
    return text.translate(_ALIKE)


_ALIKE = dict.fromkeys(map(ord, "123456789"), "0")

"""Which of many literals are in a text, found in one pass over it (Aho-Corasick)."""

from collections.abc import Sequence
from functools import lru_cache

from ahocorasick_rs import AhoCorasick

KEPT = 64
"""Automata kept for further detectors: those of all instances of an application are the same, and
their nodes take a dozen different selections of signatures (about 100 kB each)."""


class Prefilter:
    """Finds in a text the literals of groups: the literals of a signature, for one."""

    def __init__(self, groups: Sequence[Sequence[str]]) -> None:
        """Take groups of literals; a literal may be in several."""
        owners: dict[str, list[int]] = {}
        for number, literals in enumerate(groups):
            for literal in dict.fromkeys(literals):
                owners.setdefault(literal, []).append(number)
        self._owners = tuple(owners.items())
        self._automaton = _automaton(tuple(owners))

    def groups_in(self, text: str) -> Sequence[int]:
        """Return the numbers of the groups with a literal in the text, in ascending order."""
        try:
            found = self._automaton.find_matches_as_indexes(text, overlapping=True)
        except UnicodeEncodeError:  # half a surrogate pair: not UTF-8, which the automaton reads
            return sorted({n for literal, of in self._owners if literal in text for n in of})
        if not found:
            return ()
        return sorted({number for index, _, _ in found for number in self._owners[index][1]})


@lru_cache(maxsize=KEPT)
def _automaton(literals: tuple[str, ...]) -> AhoCorasick:
    return AhoCorasick(literals)

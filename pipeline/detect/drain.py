"""Drain: masked lines → clusters of those that are alike, each with a template.

After P. He, J. Zhu, Z. Zheng, M. R. Lyu: "Drain: An Online Log Parsing Approach with Fixed Depth
Tree", ICWS 2017. The tree has a fixed depth: number of words, then the first words; among the
clusters of a leaf the most similar one takes the line, if at least half of the words agree.

Own code. The kept library of this name (drain3 0.9.11 of 2022) numbers clusters in the order of
their coming, forgets by order of calls rather than by event time, and keeps its state as pickled
Python objects; here ids come from content, and the state is a row of plain values. Fed with sorted
lines of closed minutes, the same facts give the same clusters.
"""

from collections.abc import Iterable, Mapping
from hashlib import blake2b

WILD = "<*>"
SIMILARITY = 0.5
"""Share of the words that must agree."""

Leaf = tuple[int, str, str]


class Tree:
    """Finds the cluster that a line belongs to."""

    def __init__(self, templates: Mapping[str, str]) -> None:
        """Take the templates there are, by the id of their cluster; ids in order of content."""
        self._leaves: dict[Leaf, dict[str, list[str]]] = {}
        for cluster, template in sorted(templates.items()):
            self.put(cluster, template)

    def put(self, cluster: str, template: str) -> None:
        """Add a cluster, or give it another template."""
        words = template.split(" ")
        self._leaves.setdefault(_leaf(words), {})[cluster] = words

    def find(self, line: str) -> tuple[str, str] | None:
        """Return the most similar cluster and its template, made wide enough for the line."""
        words = line.split(" ")
        candidates = self._leaves.get(_leaf(words), {})
        best = max(
            ((*_similarity(template, words), cluster) for cluster, template in candidates.items()),
            default=(0, 0, ""),
        )
        agreeing, _, cluster = best
        if not cluster or agreeing < SIMILARITY * max(1, len(words) - 1):
            return None
        known = candidates[cluster]
        joined = [a if a == b else WILD for a, b in zip(known, words, strict=True)]
        if joined != known:
            candidates[cluster] = joined
        return cluster, " ".join(joined)


def cluster_id(line: str) -> str:
    """Return the id of the cluster that begins with a line: 16 hex digits."""
    return blake2b(line.encode(), digest_size=8).hexdigest()


def _leaf(words: list[str]) -> Leaf:
    first = words[1] if len(words) > 1 else ""
    return len(words), words[0], WILD if "<" in first else first


def _similarity(template: Iterable[str], words: Iterable[str]) -> tuple[int, int]:
    """Return how many words agree beside the level's letter, and how many are wild."""
    agreeing, wild = -1, 0
    for known, word in zip(template, words, strict=True):
        if known == WILD:
            wild += 1
        elif known == word:
            agreeing += 1
    return agreeing, wild

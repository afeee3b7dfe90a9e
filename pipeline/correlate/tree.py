"""How trouble spread inside a group: every symptom under the one that most likely set it off."""

from collections.abc import Iterable

from pipeline.correlate.evidence import Evidence
from pipeline.correlate.explain import Group
from pipeline.correlate.overtime import Model
from pipeline.records import Symptom


class Tree:
    """The likeliest parents of a group's symptoms, without loops.

    A hidden fault may hang between two symptoms, or be the root. At one node the later symptom
    hangs under the earlier; between nodes the cause may be seen late. Symptoms at the likeliest
    cause are hung last, so that loops are cut there and it becomes the root.
    """

    def __init__(self, group: Group, model: Model) -> None:
        self._group = group
        self._model = model
        self._pieces = {piece.id: piece for piece in group.evidence}
        self._parents: dict[str, tuple[Evidence, float]] = {}
        self._known_ways: dict[str, tuple[str, ...]] = {}
        self._known_above: dict[str, frozenset[str]] = {}
        """By piece, both, once everything hangs where it does."""
        cause = next(iter(group.shares))
        cause_last = sorted(
            group.evidence,
            key=lambda p: (p.node == cause, group.posteriors[p.id].alone, -p.onset_s, p.id),
        )
        for piece in cause_last:
            self._hang(piece)

    def parent_of(self, symptom: Symptom) -> tuple[Symptom, tuple[str, ...], float] | None:
        """Return the symptom that most likely set off this one, the way, and the probability.

        ``None`` where it came by itself or where its likeliest parent is a node without a symptom.
        """
        found = self._parents.get(symptom.id)
        way: tuple[str, ...] = ()
        probability = 1.0
        child = self._pieces[symptom.id]
        while found is not None:
            parent, likelihood = found
            probability *= likelihood
            way = self._way(parent, child) + way[1:]
            if parent.symptom is not None:
                return parent.symptom, way, probability
            child, found = parent, self._parents.get(parent.id)
        return None

    def explained_by(self, node: str) -> int:
        """Return how many symptoms at other nodes have the node above them."""
        return sum(
            1
            for symptom in self._group.symptoms
            if symptom.node != node and node in self._above(symptom.id)
        )

    def path_from(self, node: str) -> tuple[str, ...]:
        """Return the nodes from a cause along the tree to the farthest effect below it."""
        known: dict[str, dict[str, None]] = {}
        longest: dict[str, None] = {}
        for symptom in self._group.symptoms:
            if node in self._above(symptom.id):
                longest = max(longest, self._path(symptom.id, node, known), key=len)
        return tuple(longest) or (node,)

    def _path(
        self, evidence_id: str, node: str, known: dict[str, dict[str, None]]
    ) -> dict[str, None]:
        """Return the way from ``node`` down to a piece, empty if it is not below.

        It is that to its parent and one hop more, in order and each node once; ``known`` are the
        ways to others. In a chain of a thousand pieces the way is long, and seldom grows.
        """
        steps = []
        way: dict[str, None] = {}
        for child, parent in self._climb(evidence_id):
            if child.id in known:
                way = known[child.id]
                break
            steps.append((child, parent))
            if parent.node == node:
                break
        for child, parent in reversed(steps):
            if parent.node == node:
                way = {node: None}
            if way:
                hop = self._way(parent, child)
                way = way if way.keys() >= {*hop} else way | dict.fromkeys(hop)
            known[child.id] = way
        return way

    def _above(self, evidence_id: str) -> frozenset[str]:
        """Return the nodes on the way up from a piece: its own hop and what its parent has above.

        Everything below one piece shares what is above that, so it is remembered.
        """
        if evidence_id in self._known_above:
            return self._known_above[evidence_id]
        steps = []
        above: frozenset[str] = frozenset()
        for child, parent in self._climb(evidence_id):
            if child.id in self._known_above:
                above = self._known_above[child.id]
                break
            steps.append((child, parent))
        for child, parent in reversed(steps):
            above = above.union(self._way(parent, child))
            self._known_above[child.id] = above
        return above

    def _climb(self, evidence_id: str) -> Iterable[tuple[Evidence, Evidence]]:
        child = self._pieces[evidence_id]
        while (found := self._parents.get(child.id)) is not None:
            yield child, found[0]
            child = found[0]

    def _way(self, parent: Evidence, child: Evidence) -> tuple[str, ...]:
        known = self._known_ways.get(child.id)
        if known is None:
            hop = self._model.at(child.onset_s).hop(parent, child)
            known = hop.nodes if hop is not None else (parent.node, child.node)
            self._known_ways[child.id] = known
        return known

    def _hang(self, piece: Evidence) -> None:
        """Hang a piece under its likeliest parent of the group that does not hang under it."""
        for parent_id, probability in self._group.posteriors[piece.id].parents():
            parent = self._pieces.get(parent_id)
            if parent is not None and self._may_hang(piece, parent):
                self._parents[piece.id] = (parent, probability)
                return

    def _may_hang(self, piece: Evidence, parent: Evidence) -> bool:
        later = parent.node == piece.node and parent.order > piece.order
        return not later and piece.id not in self._ancestors(parent)

    def _ancestors(self, piece: Evidence) -> set[str]:
        return {piece.id} | {parent.id for _, parent in self._climb(piece.id)}

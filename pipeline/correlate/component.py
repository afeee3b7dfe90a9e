"""A component as it has been explained: what its incidents are told from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from pipeline.correlate.evidence import Evidence
from pipeline.correlate.explain import Group, explain
from pipeline.correlate.parents import Weights
from pipeline.records import Symptom


@dataclass(frozen=True, kw_only=True)
class Component:
    """Symptoms that may have to do with each other, and the groups that they fall into."""

    pieces: tuple[Evidence, ...]
    weights: Weights
    changes: tuple[Symptom, ...]
    """What was changed before them, or during."""
    ids: Mapping[str, str]
    """All ids that its symptoms have or had, with the present ones."""
    groups: tuple[Group, ...]

    @cached_property
    def facts(self) -> int:
        """How many facts went in: the sum of the revisions of its symptoms and changes."""
        symptoms = sum(symptom.revision for symptom in self.symptoms)
        return symptoms + sum(change.revision for change in self.changes)

    @cached_property
    def symptoms(self) -> tuple[Symptom, ...]:
        """Its symptoms, weak ones too."""
        return tuple(piece.symptom for piece in self.pieces if piece.symptom is not None)

    @cached_property
    def nodes(self) -> frozenset[str]:
        """Where its symptoms are, weak ones too."""
        return frozenset(piece.node for piece in self.pieces)

    @cached_property
    def machines(self) -> Mapping[str, tuple[str, ...]]:
        """The machines that are known of its nodes, in order; none of others."""
        found: dict[str, set[str]] = {}
        for piece in self.pieces:
            if piece.cluster_nodes:
                found.setdefault(piece.node, set()).update(piece.cluster_nodes)
        return {node: tuple(sorted(machines)) for node, machines in found.items()}

    def alone(self) -> list[tuple[Evidence, float]]:
        """Return each of its symptoms with the probability that it came by itself."""
        if not self.groups:
            return [(piece, 1.0) for piece in self.pieces]  # whispers: nothing sets them off
        whole = self.groups[0].whole
        found = zip(whole.pieces, whole.forest.came_alone.tolist(), strict=True)
        return [(piece, chance) for piece, chance in found if piece.symptom is not None]

    def without(self, symptom_id: str) -> "Component":
        """Return it as if one symptom had never been seen."""
        left = tuple(piece for piece in self.pieces if piece.id != symptom_id)
        return replace(self, pieces=left, groups=grouped(left, self.weights))


def grouped(pieces: Sequence[Evidence], weights: Weights) -> tuple[Group, ...]:
    """Return the groups that symptoms fall into: none where all are weak."""
    if all(piece.is_whisper for piece in pieces):
        return ()
    return tuple(explain(pieces, weights))

"""What was changed: rollouts, cordons … Facts beside the symptoms, and no evidence.

A change sets off nothing by itself and opens nothing. But most faults follow one, so a cause lists
those at or above it that came shortly before. A change belongs to a component when a symptom in
its reach came within the time that is looked back over: as a component grows, so does the set of
its changes, and with them the number of the facts that it is explained by.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from pipeline.correlate.evidence import Evidence
from pipeline.correlate.explain import Group
from pipeline.correlate.likelihood import Likelihood
from pipeline.correlate.overtime import Model
from pipeline.correlate.rollouts import Judgement, Speaks, judgement
from pipeline.records import Change, Symptom, micros

LOOKED_BACK_S = 1_800.0
"""What was changed longer before an incident has seldom brought it: half an hour."""
SLOW_TO_SHOW_S = 900.0
"""A limit that must be broken for a while shows trouble this much after its onset."""
MAX_HOPS = 2
"""Edges between a change and the cause below it."""
HOP_S = 300.0
"""A change one edge further up counts as if it had come this much earlier."""
MAX_CHANGES = 200
"""Changes of one application that are kept, and as many rosters of pods: 1 kB each. More are
counted and not used."""
MAX_TOLD = 5
"""Changes that a cause lists."""
MAX_TEXT = 200
"""Characters of what the source said about a change."""

_SECOND = 1_000_000


def is_change(symptom: Symptom) -> bool:
    """Tell whether a symptom is no trouble but a change."""
    return symptom.symptom_class == "change"


def is_roster(change: Symptom) -> bool:
    """Tell whether a change only says which pods are new, for others to be judged by."""
    return change.roster is not None


def kept_s(model: Model) -> float:
    """Return for how many seconds after its last sign a change may still be asked for."""
    back = max(model.reach_s, LOOKED_BACK_S + SLOW_TO_SHOW_S)
    return back + model.settings.resolve_after_s


@dataclass(slots=True)
class Changes:
    """The changes of one application that incidents may still ask for, by id."""

    model: Model
    known: dict[str, Symptom] = field(default_factory=dict)

    def has_room(self, change: Symptom) -> bool:
        """Tell whether one more of its kind is kept."""
        alike = sum(is_roster(known) == is_roster(change) for known in self.known.values())
        return alike < MAX_CHANGES

    def of(self, pieces: Sequence[Evidence]) -> tuple[Symptom, ...]:
        """Return the changes of a component, earliest first."""
        if not self.known or not pieces:
            return ()
        found = (change for change in self.known.values() if self._near_any(change, pieces))
        return tuple(sorted(found, key=lambda change: (change.onset, change.id)))

    def near(self, change: Symptom, piece: Evidence) -> bool:
        """Tell whether a symptom may ask for a change."""
        at = micros(change.onset) / _SECOND
        since = piece.onset_s - LOOKED_BACK_S - piece.unsure_s
        if not since <= at <= piece.last_seen_s + piece.unsure_s:
            return False
        return self.model.family(change.node) in self.model.reach(piece.node)

    def over_from(self, change: Symptom) -> int:
        """Return the watermark from which no new symptom can ask for a change, in microseconds."""
        return micros(change.last_seen) + int(kept_s(self.model) * _SECOND)

    def over(self, complete_to: int | None, live: Sequence[Evidence]) -> list[str]:
        """Return the ids of changes that nothing can ask for any more; ``live`` still may."""
        if complete_to is None:
            return []
        old = [
            change
            for _, change in sorted(self.known.items())
            if change.state == "closed" and self.over_from(change) <= complete_to
        ]
        return [change.id for change in old if not self._near_any(change, live)]

    def _near_any(self, change: Symptom, pieces: Iterable[Evidence]) -> bool:
        return any(self.near(change, piece) for piece in pieces)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A change at or above a cause, shortly before the incident."""

    change: Change
    title: str
    before_s: float
    """From the change to the start of the incident; below 0 where the clocks do not tell."""
    hops: int
    """Edges from it to the cause."""
    judged: Judgement | None
    """What the pods and the past of its node say, where the incident has symptoms there."""

    @property
    def distance_s(self) -> float:
        """How far it is from the cause, in time and along the graph."""
        return abs(self.before_s) + HOP_S * self.hops

    @property
    def speaks(self) -> Speaks:
        """What speaks for it, or against, beside the time."""
        return Speaks.NEITHER if self.judged is None else self.judged.speaks


def candidates(
    group: Group, cause: str, changes: Iterable[Symptom], model: Likelihood
) -> tuple[Candidate, ...]:
    """Return the changes that may have brought a cause, the likeliest first, then the nearest."""
    start = next(piece for piece in group.evidence if piece.id == group.anchor.id)
    machines = {machine for symptom in group.at(cause) for machine in symptom.cluster_nodes}
    rosters: list[Symptom] = []
    others: list[Symptom] = []
    for change in changes:
        (rosters if is_roster(change) else others).append(change)
    found = []
    for change in others:
        before_s = start.onset_s - micros(change.onset) / _SECOND
        hops = _hops(change.node, cause, machines, model)
        if -start.unsure_s <= before_s <= LOOKED_BACK_S and hops is not None:
            told = Change(node=change.node, time=change.onset, text=_text(change))
            judged = judgement(change, group.symptoms, rosters)
            found.append(Candidate(told, change.title, before_s, hops, judged))
    found.sort(key=lambda each: (each.speaks, each.distance_s, each.change.node, each.change.text))
    return tuple(found[:MAX_TOLD])


def _hops(node: str, cause: str, machines: set[str], model: Likelihood) -> int | None:
    if node == cause:
        return 0
    path = model.graph.path(node, cause, cluster_nodes=machines)
    return None if path is None or len(path.nodes) > MAX_HOPS + 1 else len(path.nodes) - 1


def _text(change: Symptom) -> str:
    said = f": {change.exemplars[0][:MAX_TEXT]}" if change.exemplars else ""
    return change.title + said

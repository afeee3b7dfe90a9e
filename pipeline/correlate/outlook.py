"""What a cause should bring: effects that are absent, cannot be seen, or may come next.

In: a group, its likeliest cause, and up to when everything is known. What is absent is a function
of the facts alone once an incident is resolved: the time that counts then ends with its quiet time.
What did not show has no onset, so it is the graph of the incident's beginning that expects it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from pipeline.correlate.calibration import sharpened
from pipeline.correlate.component import Component
from pipeline.correlate.evidence import Evidence
from pipeline.correlate.explain import Group
from pipeline.correlate.likelihood import Hop, Likelihood
from pipeline.correlate.overtime import Model
from pipeline.records import MayBeNext, instant

EXPECTED_FROM = 0.5
"""Strength of an edge from which its effect is expected: more likely than not."""
AT_MOST_DOUBTED = 0.5
"""Absent effects leave a cause at least this share of its probability: strengths are declared, and
one wrong declaration must not turn a verdict round."""
WORTH_A_LOOK = 0.05
"""Of causes less likely than this nobody asks what they should have brought."""
MAX_NEXT = 20
"""Nodes listed that may be next."""
MAX_ABSENT = 20
"""Absent effects listed, and as many that cannot be seen."""
MAX_LOOKED_AT = 2_000
"""Nodes that are looked at for each cause, 2 µs each once their path is known."""

_SECOND = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """Direct effects of a cause that should have shown by now."""

    absent: tuple[str, ...]
    unseen: tuple[str, ...]
    """Of these nobody can tell."""
    shown: int
    """How many did."""
    factor: float
    """What the absent ones leave of the cause's probability."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """What can be expected of the causes of a group, up to when everything is known."""

    component: Component
    model: Model
    until_s: float
    """All that happened before is known, in seconds since 1970."""
    _expected: dict[tuple[str, float], Expected] = field(default_factory=dict, init=False)
    """By the first trouble at a cause, and since when: asked before a group is judged, and after.
    Some for each group of the component."""

    def judged(self, group: Group) -> Group:
        """Return a group whose likely causes count for less where their effects are absent.

        Its shares are as sure as they have proved to be.
        """
        shares = {
            node: share * (self.expected(group, node).factor if share >= WORTH_A_LOOK else 1.0)
            for node, share in group.shares.items()
        }
        settings = self.model.settings
        sharpness = 1.0 if settings.sharpness is None else settings.sharpness
        doubt = 1.0 if settings.doubt is None else settings.doubt
        sure = sharpened(shares, sharpness, doubt)
        ranked = sorted(sure.items(), key=lambda item: (-round(item[1], 4), item[0]))
        return replace(group, shares=dict(ranked))

    def expected(self, group: Group, cause: str) -> Expected:
        """Return the direct effects of a cause that should have shown by now."""
        source = _source(group, cause)
        asked = ("" if source is None else source.id, group.onset_s)
        if asked not in self._expected:
            self._expected[asked] = self._expect(source, self.model.at(group.onset_s))
        return self._expected[asked]

    def _expect(self, source: Evidence | None, model: Likelihood) -> Expected:
        absent, unseen, shown, left = [], [], 0, 1.0
        for node, hop in self._due(source, model):
            if node in self.component.nodes:
                shown += 1
            elif not model.is_observed(node):
                unseen.append(node)
            else:
                absent.append(node)
                left *= 1.0 - hop.strength
        return Expected(
            absent=tuple(absent[:MAX_ABSENT]),
            unseen=tuple(unseen[:MAX_ABSENT]),
            shown=shown,
            factor=max(AT_MOST_DOUBTED, left),
        )

    def may_be_next(self, group: Group, cause: str) -> tuple[MayBeNext, ...]:
        """Return the known nodes below a cause that it may still reach, soonest first."""
        source = _source(group, cause)
        if source is None:
            return ()
        known = {piece.node for piece in self.component.weights.evidence.values()}
        hit = {symptom.node for symptom in group.symptoms if not symptom.whisper}
        found = sorted(
            (self._by_s(source, hop), node)
            for node, hop in self._below(source, known, self.model.at(group.onset_s))
            if node not in hit and self._by_s(source, hop) > self.until_s
        )
        return tuple(
            MayBeNext(node=node, by=instant(round(by_s * _SECOND))) for by_s, node in found
        )[:MAX_NEXT]

    def _due(self, source: Evidence | None, model: Likelihood) -> Iterator[tuple[str, Hop]]:
        """Yield the direct effects that are likely and that should have come by now."""
        if source is None:
            return
        for node, hop in self._below(source, self.component.nodes, model):
            likely = len(hop.nodes) == 2 and hop.strength >= EXPECTED_FROM  # noqa: PLR2004 - an edge
            if likely and self._by_s(source, hop) <= self.until_s:
                yield node, hop

    def _below(
        self, source: Evidence, known: Iterable[str], model: Likelihood
    ) -> Iterator[tuple[str, Hop]]:
        """Yield the nodes downstream of a cause that are known to exist, with the way there.

        Where that leads to one of a family, its end may be the family.
        """
        reach = model.reach(source.node)
        single = {template for template in reach if "{" not in template}
        candidates = single | {node for node in known if model.family(node) in reach}
        machines = self.component.machines
        for node in sorted(candidates - {source.node})[:MAX_LOOKED_AT]:
            way = model.along(source.node, node, machines.get(node, ()))
            if way is not None:
                yield node, way

    def _by_s(self, source: Evidence, hop: Hop) -> float:
        """Return until when an effect should have come, and have been seen."""
        sight = max(self.model.settings.sight_delay_s.values(), default=0.0)
        return source.onset_s + source.unsure_s + hop.longest_s + sight


def _source(group: Group, cause: str) -> Evidence | None:
    """Return the first trouble at a cause; None where there are but weak signs of any."""
    own = (piece for piece in group.evidence if piece.node == cause and not piece.is_whisper)
    return min(own, key=lambda piece: piece.order, default=None)

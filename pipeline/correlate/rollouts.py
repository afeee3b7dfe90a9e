"""A change judged: do its new pods have the trouble and the older ones not, and is it news here?

In: a change, the symptoms of the incident at its node, and the rosters of that node (which pods are
new, which ran on beside them). Out: numbers, and what they speak for. New pods in trouble while
older ones, under the same load, have none speak for the change; older ones that have it too, or the
same trouble in the hours before, speak against it. Pure.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from math import comb

from pipeline.records import MAX_NAMES, Symptom, micros

_SLACK_US = 60_000_000
"""What is created so shortly before a change was told of is of it: who tells it is not in step."""


class Speaks(IntEnum):
    """What a judgement speaks for, in the order in which changes are listed."""

    FOR = 0
    """The change brought the trouble."""
    NEITHER = 1
    AGAINST = 2
    """The trouble has nothing to do with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What is known of a change and the trouble at its node."""

    new: int
    """Pods that came with it."""
    new_in_trouble: int
    older: int
    """Pods that ran on beside them, as far as they were heard of."""
    older_in_trouble: int
    all_named: bool
    """All pods in trouble are named; else there are some that nobody counts here."""
    earlier: int
    """Episodes of the same trouble at its node in the hours before."""

    @property
    def says_something(self) -> bool:
        """Tell whether it is worth telling."""
        return bool(self.new_in_trouble or self.older_in_trouble or self.earlier)

    @property
    def compares(self) -> bool:
        """Tell whether there are pods in trouble, and both kinds of pods."""
        return bool(self.new and self.older and self.new_in_trouble + self.older_in_trouble)

    @property
    def by_chance(self) -> float:
        """How likely chance alone hits so many of the new pods, if it does not tell them apart.

        The one-sided p-value of Fisher's exact test: the upper tail of a hypergeometric
        distribution. 1 where nothing can be compared.
        """
        if not self.compares:
            return 1.0
        pods, hit = self.new + self.older, self.new_in_trouble + self.older_in_trouble
        ways = sum(
            comb(self.new, of_new) * comb(self.older, hit - of_new)
            for of_new in range(self.new_in_trouble, min(self.new, hit) + 1)
        )
        return ways / comb(pods, hit)

    @property
    def speaks(self) -> Speaks:
        """Return what it speaks for."""
        spared = self.older_in_trouble * self.new < self.new_in_trouble * self.older
        if self.earlier or (self.compares and not spared):
            return Speaks.AGAINST
        all_new = self.compares and self.all_named and not self.older_in_trouble
        return Speaks.FOR if all_new else Speaks.NEITHER


def judgement(
    change: Symptom, symptoms: Iterable[Symptom], rosters: Iterable[Symptom]
) -> Judgement | None:
    """Judge a change by the symptoms of an incident; ``None`` where its node has none."""
    own = [each for each in symptoms if each.node == change.node and not each.whisper]
    if not own:
        return None
    new, older = _pods(change, rosters)
    in_trouble = {pod for symptom in own for pod in symptom.pods}
    return Judgement(
        new=len(new),
        new_in_trouble=len(new & in_trouble),
        older=len(older),
        older_in_trouble=len(older & in_trouble),
        all_named=all(len(symptom.pods) < MAX_NAMES for symptom in own),
        earlier=_earlier(own, change),
    )


def _pods(change: Symptom, rosters: Iterable[Symptom]) -> tuple[set[str], set[str]]:
    """Return the pods that came with a change, and the older ones that ran on."""
    since = micros(change.onset) - _SLACK_US
    new: set[str] = set()
    beside: set[str] = set()
    for each in rosters:
        if each.roster is not None and each.node == change.node and micros(each.onset) >= since:
            new.update(each.roster.new)
            beside.update(each.roster.beside)
    return new, beside - new


def _earlier(own: Sequence[Symptom], change: Symptom) -> int:
    """Return how often the most usual trouble came, if it came before the change already.

    Of each kind its first episode in the incident tells: those since then are no past.
    """
    first: dict[tuple[str, str, str], Symptom] = {}
    for symptom in sorted(own, key=lambda each: (each.onset, each.id)):
        first.setdefault((symptom.detector, symptom.signature, symptom.fingerprint), symptom)
    past = (symptom.earlier for symptom in first.values())
    return max((each.count for each in past if each and each.since < change.onset), default=0)

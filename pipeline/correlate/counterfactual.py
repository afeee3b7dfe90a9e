"""The one symptom on which the verdict hangs: without it the first cause would be another.

Every weighty symptom is left out in turn and the rest explained anew, which costs as much as the
explanation itself each time. So it is asked once an incident is resolved, and before that only
where the verdict is not sure and the component is small.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pipeline.correlate.component import Component
from pipeline.correlate.explain import Group
from pipeline.correlate.outlook import Outlook
from pipeline.correlate.titles import short
from pipeline.correlate.verdict import RANK, opens, verdict_of
from pipeline.records import Symptom

MAX_LEFT_OUT = 12
"""Symptoms that are left out in turn, the weightiest first."""
MAX_PIECES = 200
"""Symptoms of a component up to which it is asked: with so many each time takes some 10 ms."""
MAX_PIECES_OPEN = 20
"""The same while the incident is open, where it is asked again with every fact: 1 ms each."""


@dataclass(frozen=True, slots=True)
class Decisive:
    """A symptom that decides."""

    symptom: Symptom
    without: str
    """What would be without it."""
    probability: float
    """Of the first cause then; 0 where there would be no incident."""


def decisive(group: Group, outlook: Outlook, *, resolved: bool) -> Decisive | None:
    """Return the symptom without which the first cause would be another, or else the verdict.

    ``group`` is as it was judged. None too where it is not asked.
    """
    size = len(outlook.component.pieces)
    if size > (MAX_PIECES if resolved else MAX_PIECES_OPEN) or len(group.told) == 1:
        return None
    lesser: Decisive | None = None
    for symptom in _weightiest(group, outlook):
        rest = _rest(group, outlook, symptom)
        if rest is None or not opens(rest.symptoms, outlook.model):
            lesser = lesser or Decisive(symptom, "there would be no incident", 0.0)
            continue
        cause, probability = next(iter(rest.shares.items()))
        if cause != next(iter(group.shares)):
            told = f"{cause} would be the likeliest cause ({probability:.0%})"
            return Decisive(symptom, told, probability)
        verdict = _verdict(rest)
        if verdict != _verdict(group):
            told = f"the cause would be {verdict} ({probability:.0%})"
            lesser = lesser or Decisive(symptom, told, probability)
    return lesser


def told(decides: Decisive) -> str:
    """Return in one line what hangs on a symptom."""
    symptom = decides.symptom
    seen = f"“{symptom.title}” at {short(symptom.node)} ({symptom.onset:%H:%M:%S})"
    return f"without {seen} {decides.without}"


def _weightiest(group: Group, outlook: Outlook) -> Sequence[Symptom]:
    model = outlook.model.at(group.onset_s)

    def key(symptom: Symptom) -> tuple[bool, int, bool, object, str]:
        rank = -RANK[symptom.severity]
        return (symptom.whisper, rank, not model.is_entry(symptom.node), symptom.onset, symptom.id)

    return sorted(group.symptoms, key=key)[:MAX_LEFT_OUT]


def _rest(group: Group, outlook: Outlook, left_out: Symptom) -> Group | None:
    """Return the group that most of the other symptoms are in, when one is left out."""
    component: Component = outlook.component.without(left_out.id)
    ours = {symptom.id for symptom in group.symptoms}
    shared = [sum(symptom.id in ours for symptom in each.symptoms) for each in component.groups]
    if not any(shared):
        return None
    best = component.groups[shared.index(max(shared))]
    return replace(outlook, component=component).judged(best)


def _verdict(group: Group) -> str:
    return verdict_of([round(share, 4) for share in group.shares.values()])

"""Why a node is a cause, or may not be: codes and numbers for programs, text for people."""

from collections.abc import Iterator, Sequence

from pipeline.correlate.background import Background
from pipeline.correlate.changes import Candidate
from pipeline.correlate.evidence import Evidence
from pipeline.correlate.explain import Group
from pipeline.correlate.outlook import Expected
from pipeline.correlate.overtime import Model
from pipeline.correlate.rollouts import Judgement, Speaks
from pipeline.correlate.settings import CorrelateSettings
from pipeline.correlate.storm import most_per_minute, wait_s
from pipeline.correlate.titles import some
from pipeline.correlate.tree import Tree
from pipeline.records import Reason, Symptom, instant

_SECOND = 1_000_000
_USUAL = 2.0
"""How many times as often as declared trouble comes by itself, to be worth telling."""
_SIDES = {
    Speaks.FOR: "points to",
    Speaks.NEITHER: "neither for nor against",
    Speaks.AGAINST: "against",
}
_RATHER_ALONE = 0.5
"""Probability to have come by itself from which it is more likely than not."""


def reasons_for(group: Group, node: str, tree: Tree) -> Iterator[Reason]:
    """Yield the reasons why a node may be the cause."""
    own = group.at(node)
    if own:
        yield _own(own)
    named_by = group.naming(node)
    if named_by:
        yield _implicated(named_by)
    if own and own[0].id == group.anchor.id and len(group.symptoms) > 1:
        yield _earliest(group, node)
    explained, of = tree.explained_by(node), len(group.symptoms)
    if explained:
        text = f"the likeliest parents of {explained} of {of} symptoms lead here"
        numbers = {"explained": float(explained), "symptoms": float(of)}
        yield Reason(code="explains-effects", text=text, numbers=numbers)
    alone = max((group.posteriors[p.id].alone for p in group.evidence if p.node == node), default=0)
    if alone > _RATHER_ALONE:
        text = f"came by itself with probability {alone:.2f}"
        yield Reason(code="no-upstream-cause", text=text, numbers={"probability": round(alone, 4)})


def _own(own: Sequence[Symptom]) -> Reason:
    titles = ", ".join(dict.fromkeys(symptom.title for symptom in own))
    count = sum(symptom.count for symptom in own)
    return Reason(
        code="own-symptoms",
        text=f"{titles}; first at {own[0].onset:%H:%M:%S}",
        numbers={"symptoms": float(len(own)), "occurrences": float(count)},
    )


def _implicated(named_by: Sequence[Symptom]) -> Reason:
    nodes = sorted({symptom.node for symptom in named_by})
    titles = ", ".join(dict.fromkeys(symptom.title for symptom in named_by))
    times = sum(symptom.count for symptom in named_by)
    return Reason(
        code="implicated",
        text=f"named by “{titles}” at {some(nodes)}, {times} times",
        numbers={"occurrences": float(times), "nodes": float(len(nodes))},
    )


def _earliest(group: Group, node: str) -> Reason:
    others = [symptom for symptom in group.told if symptom.node != node]
    if not others:
        return Reason(code="earliest-symptom", text="the earliest symptom is here")
    ahead_s = (others[0].onset - group.anchor.onset).total_seconds()
    text = f"the earliest symptom is here, {ahead_s:.0f} s before any other node's"
    return Reason(code="earliest-symptom", text=text, numbers={"ahead_s": round(ahead_s, 3)})


def prior_of_kind(own: Sequence[Evidence], background: Background) -> Iterator[Reason]:
    """Yield that such trouble, or this very one, comes by itself here often, if it does."""
    said: list[str] = []
    numbers: dict[str, float] = {}
    factor = max(map(background.factor, own), default=1.0)
    if factor >= _USUAL:
        said.append(f"such trouble came by itself {factor:.1f} times as often as declared, lately")
        numbers["factor"] = round(factor, 4)
    habits = [
        (piece.recurs_per_s, piece.id, piece.symptom.title, piece.earlier)
        for piece in own
        if piece.symptom is not None and piece.earlier is not None and piece.recurs_per_s > 0.0
    ]
    if habits:
        _, _, title, earlier = max(habits, key=lambda habit: habit[:2])
        said.append(f"“{title}” came {earlier.count} times before, since {earlier.since:%H:%M}")
        numbers["earlier"] = float(earlier.count)
    if said:
        yield Reason(code="prior-of-kind", text="; ".join(said), numbers=numbers)


def clock_skew(own: Sequence[Evidence]) -> Iterator[Reason]:
    """Yield that the clock that dated its symptoms is ahead, if it is."""
    ahead_s = max((piece.ahead_s for piece in own), default=0.0)
    if ahead_s > 0.0:
        text = f"the clock of its machine is ahead by {ahead_s:.1f} s at least, which is allowed"
        yield Reason(code="clock-skew", text=text, numbers={"ahead_s": round(ahead_s, 3)})


def changed(changes: Sequence[Candidate]) -> Reason:
    """Return that something was changed at or above it shortly before."""
    nearest = changes[0]
    when = f"{abs(nearest.before_s):.0f} s {'before' if nearest.before_s >= 0 else 'after'}"
    more = f", and {len(changes) - 1} more" if len(changes) > 1 else ""
    return Reason(
        code="recent-change",
        text=f"“{nearest.title}” at {nearest.change.node} {when} the first symptom{more}",
        numbers={
            "before_s": round(nearest.before_s, 3),
            "hops": float(nearest.hops),
            "changes": float(len(changes)),
        },
    )


def judgements(changes: Sequence[Candidate]) -> Iterator[Reason]:
    """Yield what the pods and the past of its node say of each change, where they say anything."""
    for candidate in changes:
        found = candidate.judged
        if found is None or not found.says_something:
            continue
        numbers = {
            "new": float(found.new),
            "new_in_trouble": float(found.new_in_trouble),
            "older": float(found.older),
            "older_in_trouble": float(found.older_in_trouble),
            "by_chance": round(found.by_chance, 4),
            "earlier": float(found.earlier),
        }
        side = _SIDES[candidate.speaks]
        text = f"{side} “{candidate.title}” at {candidate.change.node}: {_found(found)}"
        yield Reason(code="change-judged", text=text, numbers=numbers)


def _found(judgement: Judgement) -> str:
    texts = []
    if judgement.new_in_trouble or judgement.older_in_trouble:
        texts.append(f"{judgement.new_in_trouble} of {judgement.new} new pods are in trouble")
    if judgement.compares:
        of_older = f"{judgement.older_in_trouble} of {judgement.older} older ones beside them"
        texts.append(f"{of_older} (by chance: {judgement.by_chance:.2f})")
    if judgement.earlier:
        times = "once" if judgement.earlier == 1 else f"{judgement.earlier} times"
        texts.append(f"the same came {times} in the hours before")
    return "; ".join(texts)


def absent(expected: Expected) -> Reason:
    """Return what counts against it: effects that did not show."""
    missing = len(expected.absent)
    of = missing + expected.shown
    text = f"against it: {some(expected.absent)} should have shown something by now ({missing} of"
    return Reason(
        code="absent-effects",
        text=f"{text} {of} direct effects)",
        numbers={
            "absent": float(missing),
            "expected": float(of),
            "factor": round(expected.factor, 4),
        },
    )


def stormy(symptoms: Sequence[Symptom], settings: CorrelateSettings) -> Reason:
    """Return that a component has so many symptoms that revisions of its incidents wait."""
    of, busiest = len(symptoms), most_per_minute(symptom.onset for symptom in symptoms)
    wait = wait_s(of, settings)
    many = f"a storm: {of} symptoms that may have to do with each other, up to {busiest} a minute"
    numbers = {
        "symptoms": float(of),
        "most_per_minute": float(busiest),
        "wait_s": round(wait, 3),
    }
    text = f"{many}: revised at most each {wait:.0f} s"
    return Reason(code="storm", text=text, numbers=numbers)


def graph_changed(group: Group, model: Model) -> Iterator[Reason]:
    """Yield that the symptoms of a group began under several graphs, if they did."""
    if not model.changes_s:
        return
    onsets = [piece.onset_s for piece in group.evidence if piece.symptom is not None]
    versions = {_version(model, onset) for onset in onsets}
    if len(versions) == 1:
        return
    first = min(onsets)
    since = next(
        changed_s
        for changed_s in model.changes_s
        if changed_s > first and _version(model, changed_s) != _version(model, first)
    )
    text = f"the graph changed at {instant(round(since * _SECOND)):%H:%M:%S}, while this went on"
    yield Reason(
        code="graph-changed",
        text=f"{text}: its symptoms began under {len(versions)} versions",
        numbers={"changed_at_s": since, "versions": float(len(versions))},
    )


def _version(model: Model, time_s: float) -> str:
    return model.at(time_s).graph.application.version

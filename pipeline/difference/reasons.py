"""Why incidents differ: a code for programs, a text with the numbers for people; pure."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from pipeline.difference.fields import FieldChange, ranking
from pipeline.difference.matching import Match
from pipeline.difference.symptoms import Link, Moved, SymptomChanges
from pipeline.records import Cause, Incident, IncidentSymptom

ReasonCode = Literal[
    "graph-changed",
    "other-ids",
    "symptoms-new",
    "symptoms-gone",
    "symptoms-moved-in",
    "symptoms-moved-out",
    "symptoms-differ",
    "link-new",
    "link-gone",
    "links-differ",
    "ranking-differs",
    "judgement-differs",
    "list-cut",
]
SHOWN_SYMPTOMS = 3
"""Named in a text; all of them are in the JSON."""
SHOWN_CAUSES = 3


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason."""

    code: ReasonCode
    text: str


def reasons(
    match: Match, changes: Sequence[FieldChange], symptoms: SymptomChanges
) -> Iterator[Reason]:
    """Yield why a group's incidents differ, what was given to correlation first.

    Where graph, symptoms and links are the same, it is how they are judged that differs: weights,
    settings, code.
    """
    given = [*_graph(match), *_ids(match), *_symptoms(symptoms), *_links(match, symptoms)]
    yield from given
    judged = [change for change in changes if change.field not in _FOLLOWING]
    if judged and not given:
        fields = ", ".join(change.field for change in judged)
        yield Reason(
            "judgement-differs",
            f"same graph, symptoms and links: weights, settings or code judge otherwise ({fields})",
        )
    yield from _ranking(match)
    yield from _cut((*match.old, *match.new))


_FOLLOWING = frozenset({"revision", "updated_at"})
"""Fields that differ whenever something else does."""


def _graph(match: Match) -> Iterator[Reason]:
    before = sorted({incident.graph_version for incident in match.old})
    after = sorted({incident.graph_version for incident in match.new})
    if before and after and before != after:
        yield Reason(
            "graph-changed", f"the graph is another: {', '.join(before)} → {', '.join(after)}"
        )


def _ids(match: Match) -> Iterator[Reason]:
    if not match.by_symptoms:
        yield Reason(
            "other-ids",
            "no symptom is the same: taken for one because they overlap in time and nodes",
        )


def _symptoms(symptoms: SymptomChanges) -> Iterator[Reason]:
    if symptoms.new:
        yield Reason("symptoms-new", f"in no incident before: {_some(symptoms.new)}")
    if symptoms.gone:
        yield Reason("symptoms-gone", f"in no incident any more: {_some(symptoms.gone)}")
    for source, moved in _by(symptoms.moved_in, incoming=True):
        yield Reason("symptoms-moved-in", f"from incident {source}: {_some(moved)}")
    for target, moved in _by(symptoms.moved_out, incoming=False):
        yield Reason("symptoms-moved-out", f"to incident {target}: {_some(moved)}")
    if symptoms.differing:
        count = len(symptoms.differing)
        yield Reason(
            "symptoms-differ", f"{count} of the same symptoms differ in severity, count or times"
        )


def _links(match: Match, symptoms: SymptomChanges) -> Iterator[Reason]:
    if len(match.old) > 1 and symptoms.joined is not None:
        yield Reason("link-new", f"joined by {_link(symptoms.joined)}")
    if len(match.new) > 1 and symptoms.parted is not None:
        yield Reason("link-gone", f"no longer joined by {_link(symptoms.parted)}")
    if symptoms.relinked:
        count = len(symptoms.relinked)
        yield Reason("links-differ", f"{count} of the same symptoms have another parent, or none")


def _ranking(match: Match) -> Iterator[Reason]:
    if not (match.old and match.new):
        return
    before, after = match.old[0].causes, match.new[0].causes
    if ranking(before) != ranking(after):
        yield Reason("ranking-differs", f"causes: {_ranked(before)} → {_ranked(after)}")


def _cut(incidents: Iterable[Incident]) -> Iterator[Reason]:
    cut = [each for each in incidents if len(each.symptoms) < each.symptom_count]
    if cut:
        listed = ", ".join(f"{len(each.symptoms)} of {each.symptom_count}" for each in cut)
        yield Reason(
            "list-cut",
            f"records list the earliest symptoms only ({listed}): later ones are not compared",
        )


def _by(
    moved: Sequence[Moved], *, incoming: bool
) -> Iterator[tuple[str, Sequence[IncidentSymptom]]]:
    by_incident: dict[str, list[IncidentSymptom]] = {}
    for each in moved:
        key = each.source if incoming else each.target
        by_incident.setdefault(key, []).append(each.symptom)
    yield from sorted(by_incident.items())


def _some(symptoms: Sequence[IncidentSymptom]) -> str:
    named = [f"{symptom.signature} at {symptom.node}" for symptom in symptoms[:SHOWN_SYMPTOMS]]
    more = len(symptoms) - len(named)
    count = f"{len(symptoms)} symptom{'s' if len(symptoms) > 1 else ''}"
    return f"{count} ({', '.join(named)}{f' and {more} more' if more else ''})"


def _link(link: Link) -> str:
    return f"{link.edge} ({link.symptom.signature} at {link.symptom.node}, {link.probability:.0%})"


def _ranked(causes: Sequence[Cause]) -> str:
    told = [f"{cause.node} {cause.probability:.1%}" for cause in causes[:SHOWN_CAUSES]]
    more = ["…"] if len(causes) > SHOWN_CAUSES else []
    return ", ".join([*told, *more]) or "none"

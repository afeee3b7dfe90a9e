"""Old and new incidents → groups, each with what became of it and why; pure."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from pipeline.difference.fields import FieldChange, field_changes
from pipeline.difference.matching import Match, matches
from pipeline.difference.reasons import Reason, reasons
from pipeline.difference.symptoms import SymptomChanges, places, symptom_changes
from pipeline.records import Incident

Kind = Literal[
    "born", "died", "merged", "split", "regrouped", "cause changed", "changed", "unchanged"
]
KINDS: tuple[Kind, ...] = (
    "born",
    "died",
    "merged",
    "split",
    "regrouped",
    "cause changed",
    "changed",
    "unchanged",
)
"""In the order in which they are told; ``regrouped`` is merged and split at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Old and new incidents that belong together; the first of each are ancestor and heir."""

    kind: Kind
    old: tuple[Incident, ...]
    new: tuple[Incident, ...]
    changes: tuple[FieldChange, ...]
    """Between ancestor and heir."""
    symptoms: SymptomChanges
    reasons: tuple[Reason, ...]

    def as_json(self) -> dict[str, object]:
        """Return what ``--json`` prints of it."""
        told = self.symptoms
        return {
            "kind": self.kind,
            "old": [incident.id for incident in self.old],
            "new": [incident.id for incident in self.new],
            "changes": [
                {"field": each.field, "before": each.before, "after": each.after}
                for each in self.changes
            ],
            "symptoms": {
                "new": [symptom.id for symptom in told.new],
                "gone": [symptom.id for symptom in told.gone],
                "moved": [
                    {"id": each.symptom.id, "from": each.source, "to": each.target}
                    for each in (*told.moved_in, *told.moved_out)
                ],
                "differing": list(told.differing),
                "relinked": list(told.relinked),
            },
            "reasons": [{"code": each.code, "text": each.text} for each in self.reasons],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """All groups: by kind as in :data:`KINDS`, then by start and id."""

    old: int
    new: int
    """Number of incidents."""
    groups: tuple[Group, ...]

    @property
    def counts(self) -> dict[Kind, int]:
        """Number of groups by kind, all kinds named."""
        counted = Counter(group.kind for group in self.groups)
        return {kind: counted[kind] for kind in KINDS}

    @property
    def same(self) -> bool:
        """Whether nothing differs."""
        return all(group.kind == "unchanged" for group in self.groups)

    def as_json(self) -> dict[str, object]:
        """Return what ``--json`` prints."""
        return {
            "old": self.old,
            "new": self.new,
            "counts": dict(self.counts),
            "groups": [group.as_json() for group in self.groups],
        }


def compare(old: Iterable[Incident], new: Iterable[Incident]) -> Difference:
    """Return what became of the incidents; merged ones do not count."""
    before, after = _final(old), _final(new)
    groups = sorted(_groups(before, after), key=_order)
    return Difference(old=len(before), new=len(after), groups=tuple(groups))


def _final(incidents: Iterable[Incident]) -> list[Incident]:
    kept = (incident for incident in incidents if incident.status != "merged")
    return sorted(kept, key=lambda each: (each.started_at, each.application, each.id))


def _groups(old: Sequence[Incident], new: Sequence[Incident]) -> Iterator[Group]:
    before, after = places(old), places(new)
    for match in matches(old, new):
        if match.old == match.new:
            yield _unchanged(match)
            continue
        paired = bool(match.old and match.new)
        changes = tuple(field_changes(match.old[0], match.new[0])) if paired else ()
        symptoms = symptom_changes(match.old, match.new, before, after)
        yield Group(
            kind=_kind(match, changes),
            old=match.old,
            new=match.new,
            changes=changes,
            symptoms=symptoms,
            reasons=tuple(reasons(match, changes, symptoms)),
        )


def _unchanged(match: Match) -> Group:
    return Group(
        kind="unchanged",
        old=match.old,
        new=match.new,
        changes=(),
        symptoms=SymptomChanges(),
        reasons=(),
    )


def _kind(match: Match, changes: Iterable[FieldChange]) -> Kind:
    olds, news = len(match.old), len(match.new)
    if not (olds and news):
        return "died" if olds else "born"
    if olds > 1 or news > 1:
        return "regrouped" if olds > 1 and news > 1 else "merged" if olds > 1 else "split"
    cause = any(change.field == "cause" for change in changes)
    return "cause changed" if cause else "changed"


def _order(group: Group) -> tuple[int, datetime, str]:
    first = (group.new or group.old)[0]
    return KINDS.index(group.kind), first.started_at, first.id

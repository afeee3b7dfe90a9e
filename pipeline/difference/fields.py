"""What else an incident and its heir say differently, field by field; pure."""

from collections.abc import Iterator
from dataclasses import dataclass

from pipeline.records import Cause, Incident

_FIRST = (
    "verdict",
    "severity",
    "title",
    "status",
    "graph_version",
    "nodes",
    "symptom_count",
    "started_at",
    "detected_at",
    "resolved_at",
)
"""Fields that matter most, in the order in which they are told; the others follow."""
_ORDERED = frozenset({*_FIRST, "schema_version", "application", "causes", "symptoms"})
"""Fields that have their place, or are told in another way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldChange:
    """A field that differs; values as the record's JSON has them."""

    field: str
    """Name in the record; ``cause``: the first cause's node, ``probability``: its probability,
    ``causes``: the others, or what is said about them."""
    before: object
    after: object


def field_changes(old: Incident, new: Incident) -> Iterator[FieldChange]:
    """Yield what differs, what matters most first."""
    yield from _cause_changes(old.causes, new.causes)
    rest = sorted(name for name in Incident.model_fields if name not in _ORDERED)
    for name in (*_FIRST, *rest):
        if getattr(old, name) != getattr(new, name):
            yield FieldChange(field=name, before=_shown(old, name), after=_shown(new, name))


def _shown(incident: Incident, field: str) -> object:
    return incident.model_dump(mode="json", include={field})[field]


def _cause_changes(old: tuple[Cause, ...], new: tuple[Cause, ...]) -> Iterator[FieldChange]:
    if old == new:
        return
    was, now = ranking(old), ranking(new)
    if _first(was) != _first(now):
        yield FieldChange(field="cause", before=_first(was), after=_first(now))
    elif was and was[0] != now[0]:
        yield FieldChange(field="probability", before=was[0][1], after=now[0][1])
    if was[1:] != now[1:] or was == now:
        yield FieldChange(field="causes", before=_dumped(old), after=_dumped(new))


def ranking(causes: tuple[Cause, ...]) -> list[tuple[str, float]]:
    """Return nodes and probabilities, best first."""
    return [(cause.node, cause.probability) for cause in causes]


def _first(ranked: list[tuple[str, float]]) -> str | None:
    return ranked[0][0] if ranked else None


def _dumped(causes: tuple[Cause, ...]) -> list[object]:
    return [cause.model_dump(mode="json") for cause in causes]

"""What became of the symptoms of a group of incidents: new, gone, moved, linked anew; pure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from pipeline.records import Incident, IncidentSymptom

Place = Mapping[tuple[str, str], str]
"""Incident id by application and symptom id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """A symptom that is told by another incident than before."""

    symptom: IncidentSymptom
    source: str
    """Old incident's id."""
    target: str
    """New incident's id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A symptom that an incident says was set off by another."""

    symptom: IncidentSymptom
    edge: str
    probability: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SymptomChanges:
    """What became of a group's symptoms, by onset and id."""

    new: tuple[IncidentSymptom, ...] = ()
    """In no old incident."""
    gone: tuple[IncidentSymptom, ...] = ()
    """In no new incident."""
    moved_in: tuple[Moved, ...] = ()
    """From an incident that does not belong to the group."""
    moved_out: tuple[Moved, ...] = ()
    differing: tuple[str, ...] = ()
    """Ids of those in both that say something else: severity, class, count …"""
    relinked: tuple[str, ...] = ()
    """Ids of those in both that another symptom has set off, or none."""
    joined: Link | None = None
    """Likeliest new link between symptoms that were of different old incidents."""
    parted: Link | None = None
    """Likeliest old link between symptoms that are of different new incidents."""


def places(incidents: Iterable[Incident]) -> dict[tuple[str, str], str]:
    """Return where each symptom is told."""
    return {
        (incident.application, symptom.id): incident.id
        for incident in incidents
        for symptom in incident.symptoms
    }


def symptom_changes(
    old: Iterable[Incident], new: Iterable[Incident], before: Place, after: Place
) -> SymptomChanges:
    """Return what became of a group's symptoms.

    ``before`` and ``after`` say where each symptom of all old and all new incidents is told.
    """
    was = dict(_keyed(old))
    now = dict(_keyed(new))
    arrived = [(key, now[key]) for key in now if key not in was]
    left = [(key, was[key]) for key in was if key not in now]
    stayed = [(was[key], now[key]) for key in was if key in now]
    return SymptomChanges(
        new=_ordered(symptom for key, symptom in arrived if key not in before),
        gone=_ordered(symptom for key, symptom in left if key not in after),
        moved_in=_moved(((key, s) for key, s in arrived if key in before), before, after),
        moved_out=_moved(((key, s) for key, s in left if key in after), before, after),
        differing=tuple(sorted(one.id for one, other in stayed if _differ(one, other))),
        relinked=tuple(sorted(one.id for one, other in stayed if _parent(one) != _parent(other))),
        joined=_likeliest(now, before),
        parted=_likeliest(was, after),
    )


def _keyed(incidents: Iterable[Incident]) -> Iterator[tuple[tuple[str, str], IncidentSymptom]]:
    for incident in incidents:
        for symptom in incident.symptoms:
            yield (incident.application, symptom.id), symptom


def _ordered(symptoms: Iterable[IncidentSymptom]) -> tuple[IncidentSymptom, ...]:
    return tuple(sorted(symptoms, key=lambda symptom: (symptom.onset, symptom.id)))


def _moved(
    symptoms: Iterable[tuple[tuple[str, str], IncidentSymptom]], before: Place, after: Place
) -> tuple[Moved, ...]:
    moved = (
        Moved(symptom=symptom, source=before[key], target=after[key]) for key, symptom in symptoms
    )
    return tuple(sorted(moved, key=lambda each: (each.symptom.onset, each.symptom.id)))


def _differ(one: IncidentSymptom, other: IncidentSymptom) -> bool:
    """Tell whether two symptoms say something else, whatever set them off."""
    return one != other and one.model_copy(update={"parent": other.parent}) != other


def _parent(symptom: IncidentSymptom) -> str | None:
    return symptom.parent.symptom if symptom.parent is not None else None


def _likeliest(symptoms: Mapping[tuple[str, str], IncidentSymptom], apart: Place) -> Link | None:
    """Return the likeliest link between two symptoms that ``apart`` tells in two incidents."""
    links = [
        Link(symptom=symptom, edge=symptom.parent.edge, probability=symptom.parent.probability)
        for (application, name), symptom in symptoms.items()
        if symptom.parent is not None
        and (application, name) in apart
        and apart.get((application, symptom.parent.symptom), apart[application, name])
        != apart[application, name]
    ]
    return min(links, key=lambda link: (-link.probability, link.symptom.id), default=None)

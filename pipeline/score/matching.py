"""Which incident is scored for which case; pure.

An incident lasts from its first onset to where its last symptom was last seen. For a faulty case
the scored one is, among those that overlap ``[start, end + grace]``, that with most nodes in common
with the case; of equals the earlier, then the smaller id. An incident without any common node is
thus scored only if there is no other: it was told, though of the wrong place. No incident is a
miss. In a benign case every incident that starts in ``[start, end)`` is a false one.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from pipeline.records import Incident
from pipeline.score.labels import Case
from pipeline.spans import Spans

GRACE_S = 600.0
"""How long after its end a case may still bring an incident (contracts §6)."""

_TIE_DIGITS = 9
"""Probabilities that agree to so many digits are equal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a case."""

    case: Case
    incident: Incident | None = None
    """The scored one of a faulty case; None: a miss."""
    rank: int | None = None
    """Place (from 1) of the best true cause, behind all that are as probable; None: not listed."""
    false: tuple[Incident, ...] = ()
    """Those that start in a benign case."""

    @property
    def detected_after_s(self) -> float | None:
        """Seconds from the case's start to the detection of the scored incident.

        Negative where an incident that was there before is the one that is scored.
        """
        if self.incident is None:
            return None
        return (self.incident.detected_at - self.case.start).total_seconds()

    @property
    def stated(self) -> Iterator[tuple[float, bool]]:
        """The first cause's probability and whether it is true, of each incident that names any.

        Of a faulty case that is the scored incident, of a benign one all false ones: they blame a
        node where nothing was at fault.
        """
        if self.incident is not None and self.incident.causes:
            yield _first_probability(self.incident), self.rank == 1
        for incident in self.false:
            if incident.causes:
                yield _first_probability(incident), False


def outcomes(
    cases: Iterable[Case], incidents: Iterable[Incident], grace_s: float
) -> Iterator[Outcome]:
    """Yield what became of each case. Merged incidents are no incidents any more."""
    spans = Spans(
        (incident.started_at, _end(incident), incident)
        for incident in sorted(incidents, key=lambda each: (each.started_at, each.id))
        if incident.status != "merged"
    )
    grace = timedelta(seconds=grace_s)
    for case in cases:
        yield _benign(case, spans) if case.benign else _faulty(case, spans, grace)


def concerns(case: Case, incident: Incident) -> bool:
    """Tell whether an incident is of the application that the case is about."""
    return case.application in (None, incident.application)


def rank_of(incident: Incident, true: Iterable[str]) -> int | None:
    """Return the place of the best true cause, from 1; None where no true cause is listed.

    Causes of equal probability count in the worst order: the true ones behind all others.
    """
    wanted = frozenset(true)
    listed = [(round(cause.probability, _TIE_DIGITS), cause.node) for cause in incident.causes]
    right = [probability for probability, node in listed if node in wanted]
    if not right:
        return None
    best = max(right)
    above = sum(probability > best for probability, _ in listed)
    beside = sum(probability == best and node not in wanted for probability, node in listed)
    return above + beside + 1


def _faulty(case: Case, spans: Spans[Incident], grace: timedelta) -> Outcome:
    there = [each for each in spans.meeting(case.start, case.end + grace) if concerns(case, each)]
    if not there:
        return Outcome(case=case)

    def merit(incident: Incident) -> int:
        return len(case.nodes.intersection(incident.nodes))

    best = max(there, key=merit)  # the first of equals, and they come by start and id
    return Outcome(case=case, incident=best, rank=rank_of(best, case.root_cause))


def _benign(case: Case, spans: Spans[Incident]) -> Outcome:
    starting = spans.starting(case.start, case.end)
    return Outcome(case=case, false=tuple(each for each in starting if concerns(case, each)))


def _end(incident: Incident) -> datetime:
    # both are the time at which the last symptom was last seen; never before the start
    return max(incident.started_at, incident.resolved_at or incident.updated_at)


def _first_probability(incident: Incident) -> float:
    return max(cause.probability for cause in incident.causes)

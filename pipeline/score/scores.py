"""All figures, in all and per kind (contracts §6); pure."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass

from pipeline.records import Incident
from pipeline.score.labels import Case
from pipeline.score.matching import GRACE_S, Outcome, outcomes
from pipeline.score.pairs import Pairs
from pipeline.score.statistics import (
    Interval,
    calibration_error,
    percentile,
    poisson,
    share,
    wilson,
)

DAY_S = 86_400.0
MAX_RANK = 5
"""Avg@5 is the mean of AC@1 … AC@5."""
_DIGITS = 6
"""Of figures in JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """The figures of some cases. What there is nothing to measure on is None."""

    cases: int
    """Faulty and benign ones."""
    faulty: int
    """What AC@k, Avg@5 and recall are shares of: the faulty cases; a miss counts as wrong."""
    ac_at_1: float | None
    """Share of cases with a true cause in the first place; ties count in the worst order."""
    ac_at_1_ci: Interval | None
    """95 %, Wilson."""
    ac_at_3: float | None
    ac_at_5: float | None
    avg_at_5: float | None
    recall: float | None
    """Share of faulty cases with an incident."""
    recall_ci: Interval | None
    """95 %, Wilson."""
    ttd_p50_s: float | None
    """From a case's start to its incident's ``detected_at``, in seconds, of those detected."""
    ttd_p95_s: float | None
    benign_days: float
    """How long all benign cases last, in days."""
    false_incidents: int
    """Incidents that start in benign cases."""
    false_per_day: float | None
    false_per_day_ci: Interval | None
    """95 %, for a Poisson count (Byar)."""
    pairwise_precision: float | None
    """Of pairs of symptoms in one incident, how many belong to one case: 1 − over-merge."""
    pairwise_recall: float | None
    """Of pairs of symptoms of one case, how many are in one incident: 1 − over-split."""
    abstained: float | None
    """Share of the false incidents whose verdict is ``unknown``: there was no cause, and the
    incident claims none. None where no incident was false."""
    ece: float | None
    """Expected calibration error of the first cause's probability, ten bins: over the scored
    incidents of faulty cases, and over the false ones (where no cause is the true one)."""
    incidents: int
    """In all: those that came out. Of a kind: those scored for its cases, and its false ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What came out."""

    total: Scores
    by_kind: dict[str, Scores]
    """By kind in order of the names; cases without one are ``fault`` or ``benign``."""
    outcomes: tuple[Outcome, ...]
    """Case by case, by start and id."""

    def as_json(self, *, each: bool = False) -> dict[str, object]:
        """Return what ``--json`` prints; with ``each``, also what became of each case."""
        told: dict[str, object] = _rounded(self.total)
        told["by_kind"] = {kind: _rounded(scores) for kind, scores in self.by_kind.items()}
        if each:
            told["each"] = [_case_json(outcome) for outcome in self.outcomes]
        return told


def score(
    cases: Iterable[Case], incidents: Iterable[Incident], *, grace_s: float = GRACE_S
) -> Report:
    """Return how good final incidents are against the cases; merged ones do not count.

    ``grace_s`` is how many seconds after its end a case may still bring an incident.
    """
    ordered = sorted(cases, key=lambda case: (case.start, case.id))
    final = [incident for incident in incidents if incident.status != "merged"]
    found = tuple(outcomes(ordered, final, grace_s))
    pairs = Pairs(ordered, final, grace_s)
    groups: dict[str, list[Outcome]] = {}
    for outcome in found:
        groups.setdefault(outcome.case.group, []).append(outcome)
    return Report(
        total=_scores(found, pairs, len(final)),
        by_kind={
            kind: _scores(members, pairs, len(_touched(members)))
            for kind, members in sorted(groups.items())
        },
        outcomes=found,
    )


def _scores(found: Sequence[Outcome], pairs: Pairs, incidents: int) -> Scores:
    faulty = [outcome for outcome in found if not outcome.case.benign]
    right = [_within(faulty, rank) for rank in range(1, MAX_RANK + 1)]
    detected = [after for each in faulty if (after := each.detected_after_s) is not None]
    false = [incident for outcome in found for incident in outcome.false]
    days = _benign_days(found)
    unknown = sum(incident.verdict == "unknown" for incident in false)
    together = pairs.counts({outcome.case.id for outcome in faulty})
    return Scores(
        cases=len(found),
        faulty=len(faulty),
        ac_at_1=share(right[0], len(faulty)),
        ac_at_1_ci=wilson(right[0], len(faulty)),
        ac_at_3=share(right[2], len(faulty)),
        ac_at_5=share(right[4], len(faulty)),
        avg_at_5=share(sum(right) / MAX_RANK, len(faulty)),
        recall=share(len(detected), len(faulty)),
        recall_ci=wilson(len(detected), len(faulty)),
        ttd_p50_s=percentile(detected, 0.5),
        ttd_p95_s=percentile(detected, 0.95),
        benign_days=days,
        false_incidents=len(false),
        false_per_day=len(false) / days if days else None,
        false_per_day_ci=_a_day(poisson(len(false)), days),
        pairwise_precision=share(together.in_both, together.in_incident),
        pairwise_recall=share(together.in_both, together.in_case),
        abstained=share(unknown, len(false)),
        ece=calibration_error([each for outcome in found for each in outcome.stated]),
        incidents=incidents,
    )


def _within(faulty: Iterable[Outcome], rank: int) -> int:
    return sum(outcome.rank is not None and outcome.rank <= rank for outcome in faulty)


def _benign_days(found: Iterable[Outcome]) -> float:
    spans = (each.case.end - each.case.start for each in found if each.case.benign)
    return sum(span.total_seconds() for span in spans) / DAY_S


def _a_day(count: Interval, days: float) -> Interval | None:
    return (count[0] / days, count[1] / days) if days else None


def _touched(found: Iterable[Outcome]) -> Collection[str]:
    scored = {outcome.incident.id for outcome in found if outcome.incident is not None}
    return scored.union(incident.id for outcome in found for incident in outcome.false)


def _rounded(scores: Scores) -> dict[str, object]:
    return {name: _shown(value) for name, value in asdict(scores).items()}


def _shown(value: float | Interval | None) -> object:
    if isinstance(value, tuple):
        return [round(end, _DIGITS) for end in value]
    return round(value, _DIGITS) if isinstance(value, float) else value


def _case_json(outcome: Outcome) -> dict[str, object]:
    incident = outcome.incident
    causes = incident.causes if incident is not None else ()
    return {
        "case": outcome.case.id,
        "kind": outcome.case.group,
        "root_cause": list(outcome.case.root_cause),
        "incident": incident.id if incident is not None else None,
        "rank": outcome.rank,
        "causes": [{"node": cause.node, "probability": cause.probability} for cause in causes],
        "verdict": incident.verdict if incident is not None else None,
        "detected_after_s": outcome.detected_after_s,
        "false": [each.id for each in outcome.false],
    }

"""Over-merge and over-split, by pairs of symptoms; pure.

Counted are the symptoms that belong to a faulty case: their onset lies in ``[start, end + grace]``.
Where such spans overlap, a symptom belongs to the one case that names its node among its root
causes and affected ones, and to none if several do or none does. Precision: of the pairs in one
incident, the share that belongs to one case (over-merge lowers it). Recall: of the pairs of one
case, the share that is in one incident (over-split lowers it). Records list an incident's 200
earliest symptoms; the others cannot be counted.
"""

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import timedelta
from math import comb

from pipeline.records import Incident, IncidentSymptom
from pipeline.score.labels import Case
from pipeline.score.matching import concerns
from pipeline.spans import Spans


@dataclass(frozen=True, slots=True)
class PairCounts:
    """How many pairs of symptoms are together, by incident, by case, and by both."""

    in_incident: int
    in_case: int
    in_both: int


class Pairs:
    """Symptoms of faulty cases by incident and case."""

    def __init__(
        self, cases: Iterable[Case], incidents: Iterable[Incident], grace_s: float
    ) -> None:
        grace = timedelta(seconds=grace_s)
        spans = Spans((case.start, case.end + grace, case) for case in cases if not case.benign)
        self._together: Counter[tuple[str, str]] = Counter()
        for incident in incidents:
            if incident.status == "merged":
                continue
            for symptom in incident.symptoms:
                case = _case_of(symptom, incident, spans)
                if case is not None:
                    self._together[incident.id, case.id] += 1

    def counts(self, case_ids: Collection[str]) -> PairCounts:
        """Return the pairs of which at least one symptom belongs to one of the given cases."""
        by_incident: Counter[str] = Counter()
        of_others: Counter[str] = Counter()
        by_case: Counter[str] = Counter()
        both = 0
        for (incident, case), symptoms in self._together.items():
            by_incident[incident] += symptoms
            if case in case_ids:
                by_case[case] += symptoms
                both += comb(symptoms, 2)
            else:
                of_others[incident] += symptoms
        touched = _pairs(by_incident) - _pairs(of_others)
        return PairCounts(touched, _pairs(by_case), both)


def _case_of(symptom: IncidentSymptom, incident: Incident, spans: Spans[Case]) -> Case | None:
    there = spans.meeting(symptom.onset, symptom.onset)
    there = [case for case in there if concerns(case, incident)]
    if len(there) > 1:
        there = [case for case in there if symptom.node in case.nodes]
    return there[0] if len(there) == 1 else None


def _pairs(groups: Counter[str]) -> int:
    return sum(comb(size, 2) for size in groups.values())

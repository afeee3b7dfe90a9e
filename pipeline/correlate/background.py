"""How often trouble comes by itself: learned slowly from what has been explained for good; pure.

In: the symptoms of each component that is final, with the probability of each to have come by
itself. Out: a factor on the declared background (``settings.background_per_s``), by node kind,
class and severity: the mean of a gamma distribution whose prior counts as a week of the same nodes
(``PRIOR_DAYS``)::

    factor = (PRIOR_DAYS · N · μ + n) / ((PRIOR_DAYS + days) · N · μ)

with n symptoms of this sort that came by themselves in so many days at N nodes, and μ the declared
rate of one node in a day. Without any it falls to a third in two weeks, and no further.

Nodes of a family (one for each user) nobody counts; those that had trouble are known. So N is the
nodes that are declared by name and, on the day with most, the members that had trouble.
"""

from collections.abc import Iterable
from zlib import crc32

from pipeline.correlate.evidence import Evidence
from pipeline.correlate.learned import Day, Memory
from pipeline.correlate.overtime import Model
from pipeline.correlate.settings import DAY_S

PRIOR_DAYS = 7
"""Days of the same nodes that the declared rate counts for."""
MAX_MEMBERS = 64
"""Members of families that are told apart in a day; if there are more, they count as so many."""
MOST = 16.0
"""Beyond this, trouble is chronic, and that is for detection to habituate to."""
_PARTS = 1_000
"""Chances are summed in thousandths: whole numbers, so that the order does not matter."""


class Background:
    """How much more or less often than declared trouble comes by itself, in one application."""

    def __init__(self, model: Model, memory: Memory) -> None:
        self._model = model
        self._memory = memory

    def learn(self, day: Day, found: Iterable[tuple[Evidence, float]]) -> None:
        """Count the symptoms of a component that became final on a day, each with P(∅ → j)."""
        for piece, alone in found:
            sort = self._sort(piece)
            day.alone[sort] = day.alone.get(sort, 0) + round(alone * _PARTS)
            self._count_member(day, piece)

    def factor(self, piece: Evidence) -> float:
        """Return how many times as often as declared such a symptom comes by itself."""
        days, count = self._memory.before(piece.onset_s)
        if not count:
            return 1.0
        model = self._model.at(piece.onset_s)
        kind = model.kind(piece.node)
        members = max((len(day.members.get(kind, ())) for day in days), default=0)
        nodes = max(1, model.graph.named[kind] + members)
        declared = nodes * DAY_S * model.declared(piece)
        sort = self._sort(piece)
        alone = sum(day.alone.get(sort, 0) for day in days) / _PARTS
        return min(MOST, (PRIOR_DAYS * declared + alone) / ((PRIOR_DAYS + count) * declared))

    def _sort(self, piece: Evidence) -> str:
        kind = self._model.at(piece.onset_s).kind(piece.node)
        severity = "whisper" if piece.is_whisper else piece.severity
        return f"{kind}|{piece.symptom_class}|{severity}"

    def _count_member(self, day: Day, piece: Evidence) -> None:
        model = self._model.at(piece.onset_s)
        if not model.is_of_family(piece.node):
            return
        known = day.members.setdefault(model.kind(piece.node), [])
        checksum = crc32(piece.node.encode())
        if checksum not in known and len(known) < MAX_MEMBERS:
            known.append(checksum)
            known.sort()

"""How often trouble comes by itself: learned slowly from what has been explained for good; pure.

In: each component that is final, with the probability of each of its symptoms to have come by
itself. Out: a factor on the declared background (``settings.background_per_s``), by node kind,
class and severity: the mean of a gamma distribution whose prior counts as a week of the same nodes
(``PRIOR_DAYS``)::

    factor = (PRIOR_DAYS · N · μ + n) / ((PRIOR_DAYS + days) · N · μ)

with n symptoms of this sort that came by themselves in so many days at N nodes, and μ the declared
rate of one node in a day. Without any it falls to a third in two weeks, and no further.

What holds on a day is what was final before the end of the day before the last (``BEHIND``). It is
complete long before it is used, so it does not matter in what order anything came, and an
explanation does not change because another component became final. A component counts on the day
from which nothing could join it.

Nodes of a family (one for each user) nobody counts; those that had trouble are known. So N is the
nodes that are declared by name and, on the day with most, the members that had trouble.
"""

import math
from collections.abc import Iterable
from zlib import crc32

import msgspec

from pipeline.correlate.evidence import Evidence
from pipeline.correlate.overtime import Model
from pipeline.correlate.settings import DAY_S

PRIOR_DAYS = 7
"""Days of the same nodes that the declared rate counts for."""
WINDOW = 14
"""Days that count. A day has at most 5 kinds × 9 classes × 4 severities (whispers are one) of some
35 B, and ``MAX_MEMBERS`` members of each kind of 12 B: 10 kB, so that all take 160 kB at most. The
jupyterhub simulation has some ten sorts a day: 5 kB."""
BEHIND = 2
"""Days from the end of what is learned to the day on which it holds."""
MAX_MEMBERS = 64
"""Members of families that are told apart in a day; if there are more, they count as so many."""
MOST = 16.0
"""Beyond this, trouble is chronic, and that is for detection to habituate to."""

_DAY_US = 86_400_000_000
_PARTS = 1_000
"""Chances are summed in thousandths: whole numbers, so that the order does not matter."""


class Day(msgspec.Struct):
    """What became final on one day."""

    alone: dict[str, int] = msgspec.field(default_factory=dict)
    """How many symptoms came by themselves, in thousandths, by kind, class and severity."""
    members: dict[str, list[int]] = msgspec.field(default_factory=dict)
    """Checksums of the names of those members of families that had trouble, by kind."""


class Learned(msgspec.Struct):
    """What is known of one application."""

    first: int
    """The first day on which anything became final (days since 1970)."""
    days: dict[int, Day] = msgspec.field(default_factory=dict)
    """The last ``WINDOW + BEHIND`` days."""


class Background:
    """How much more or less often than declared trouble comes by itself, in one application."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self.learned: Learned | None = None

    def learn(self, found: Iterable[tuple[Evidence, float]], final_from: int) -> float:
        """Count the symptoms of a final component, each with P(∅ → j).

        ``final_from`` is the time from which nothing could join it, in microseconds. Returned is
        the earliest onset whose factor may be another now, in seconds since 1970.
        """
        number = final_from // _DAY_US
        if self.learned is None:
            self.learned = Learned(number)
        self.learned.first = min(self.learned.first, number)
        days = self.learned.days
        begun = number not in days
        day = days.setdefault(number, Day())
        for piece, alone in found:
            sort = self._sort(piece)
            day.alone[sort] = day.alone.get(sort, 0) + round(alone * _PARTS)
            self._count_member(day, piece)
        for old in [each for each in days if each <= max(days) - WINDOW - BEHIND]:
            del days[old]
        return -math.inf if begun else (number + BEHIND) * DAY_S

    def factor(self, piece: Evidence) -> float:
        """Return how many times as often as declared such a symptom comes by itself."""
        learned = self.learned
        last = int(piece.onset_s // DAY_S) - BEHIND
        if learned is None or last < learned.first:
            return 1.0
        since = max(learned.first, last - WINDOW + 1)
        days = [day for number, day in learned.days.items() if since <= number <= last]
        kind = self._model.at(piece.onset_s).kind(piece.node)
        members = max((len(day.members.get(kind, ())) for day in days), default=0)
        nodes = max(1, self._named(piece, kind) + members)
        declared = nodes * DAY_S * self._model.at(piece.onset_s).declared(piece)
        sort = self._sort(piece)
        alone = sum(day.alone.get(sort, 0) for day in days) / _PARTS
        expected = (PRIOR_DAYS + last - since + 1) * declared
        return min(MOST, (PRIOR_DAYS * declared + alone) / expected)

    def _sort(self, piece: Evidence) -> str:
        kind = self._model.at(piece.onset_s).kind(piece.node)
        severity = "whisper" if piece.is_whisper else piece.severity
        return f"{kind}|{piece.symptom_class}|{severity}"

    def _count_member(self, day: Day, piece: Evidence) -> None:
        model = self._model.at(piece.onset_s)
        if "{" not in model.family(piece.node):
            return
        known = day.members.setdefault(model.kind(piece.node), [])
        checksum = crc32(piece.node.encode())
        if checksum not in known and len(known) < MAX_MEMBERS:
            known.append(checksum)
            known.sort()

    def _named(self, piece: Evidence, kind: str) -> int:
        nodes = self._model.at(piece.onset_s).graph.application.nodes
        return sum(node.kind == kind and "{" not in node.id for node in nodes)

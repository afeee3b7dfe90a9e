"""Clocks of machines that are ahead of others, learned from effects seen before their causes; pure.

Container runtimes and kubelets stamp log lines and events with the clock of their machine. Where a
symptom names another node (a hub that cannot reach its database), the direction is known: if even
the first sign at that node is dated after it, beyond all tolerance, the clock of the node's machine
is ahead, or there was no earlier sign (a database says nothing as it dies, and speaks when it is
back). One incident cannot tell these apart. But a clock that is off stays off, whatever the
trouble. So for each two machines the *least* that is told by several incidents, of two weeks, is
what the clock must be ahead by; one incident in which the order was right makes it 0.

Trouble seen at such a machine may have begun as much earlier as its clock is ahead.
"""

from collections.abc import Iterable, Iterator, Sequence

from pipeline.correlate.evidence import Evidence
from pipeline.correlate.learned import Ahead, Day, Memory
from pipeline.records import Symptom

SURE = 0.5
"""A symptom that names a node with this strength, at least, is an effect of what is there."""
BY_MACHINE = frozenset({"logs", "events"})
"""Detectors whose observations a machine dates; samples are dated by who scrapes."""
ENOUGH = 5
"""So many components must agree."""
MAX_PAIRS = 64
"""Pairs of machines that are learned of in a day; what is beyond is not."""
FARTHEST_S = 600.0
"""A clock that is farther off is somebody's to mend, and no tolerance would help."""
_MS = 1_000


class Clocks:
    """How far the clocks of machines are ahead, in one application."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def learn(self, day: Day, pieces: Sequence[Evidence]) -> None:
        """Take note of what a component that became final on a day says of clocks."""
        least: dict[str, float] = {}
        for pair, ahead_s in _told(pieces):
            least[pair] = min(ahead_s, least.get(pair, FARTHEST_S))
        for pair, ahead_s in sorted(least.items()):
            known = day.clocks.get(pair)
            if known is not None:
                known.components += 1
                known.least_ms = min(known.least_ms, round(ahead_s * _MS))
            elif len(day.clocks) < MAX_PAIRS:
                day.clocks[pair] = Ahead(1, round(ahead_s * _MS))

    def ahead_s(self, symptom: Symptom, onset_s: float) -> float:
        """Return how far the clock that dated a symptom is ahead, in seconds; 0 as a rule."""
        days, _ = self._memory.before(onset_s)
        machine = _machine(symptom)
        if machine is None or not any(day.clocks for day in days):
            return 0.0
        pairs = {pair for day in days for pair in day.clocks if pair.startswith(f"{machine}|")}
        return max((_ahead_s(pair, days) for pair in pairs), default=0.0)


def _ahead_s(pair: str, days: Iterable[Day]) -> float:
    found = [day.clocks[pair] for day in days if pair in day.clocks]
    if sum(each.components for each in found) < ENOUGH:
        return 0.0
    return min(each.least_ms for each in found) / _MS


def _told(pieces: Sequence[Evidence]) -> Iterator[tuple[str, float]]:
    """Yield pairs of machines, of a cause and of its effect, with how far the first is ahead."""
    first: dict[str, Evidence] = {}
    for piece in sorted(pieces, key=lambda each: each.order):
        if not piece.is_whisper:
            first.setdefault(piece.node, piece)
    for effect in pieces:
        for node, strength in effect.implicated.items():
            cause = first.get(node)
            if cause is None or strength < SURE or effect.is_whisper:
                continue
            machines = _machine(cause.symptom), _machine(effect.symptom)
            if None not in machines and machines[0] != machines[1]:
                before_s = cause.onset_s - (cause.unsure_s - cause.ahead_s) - effect.onset_s
                yield "|".join(map(str, machines)), max(0.0, min(before_s, FARTHEST_S))


def _machine(symptom: Symptom | None) -> str | None:
    """Return the one machine whose clock dated a symptom, if one did."""
    if symptom is None or symptom.detector not in BY_MACHINE or len(symptom.cluster_nodes) != 1:
        return None
    return symptom.cluster_nodes[0]

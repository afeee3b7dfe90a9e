"""A broker, two workers and their tables, in memory and at the mercy of a random generator.

It does to the core what Kafka may do: batches of any size, arrival out of order within the allowed
lateness, feeds that run ahead of each other, kills between publishing and remembering, delivery
again from an older committed offset, state restored from table rows.
"""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from pipeline.correlate.aging import Aged
from pipeline.detect.coverage import Coverage
from pipeline.detect.partition import DetectStep, NodeRow
from pipeline.detect.rows import unpacked
from pipeline.flow import Flow, final
from pipeline.records import (
    FEED_OF_SIGNAL,
    FEEDS,
    Batch,
    Gap,
    Incident,
    Mark,
    Observation,
    Symptom,
    canonical,
    instant,
    micros,
)

SECOND = 1_000_000
Message = tuple[str, int, Batch | Gap | Mark]
"""Feed, offset, value."""


def arrivals(
    observations: Iterable[Observation], chance: random.Random, disorder_s: float
) -> list[Observation]:
    """Return observations as they arrive: each up to ``disorder_s`` after its event time."""
    order = [(micros(o.time) + chance.uniform(0, disorder_s) * SECOND, o) for o in observations]
    return [observation for _, observation in sorted(order, key=lambda item: item[0])]


@dataclass
class _Logs:
    """Each feed's log, and the observations that wait for their batch."""

    logs: dict[str, list[Message]] = field(default_factory=lambda: {feed: [] for feed in FEEDS})
    waiting: dict[tuple[str, str], list[Observation]] = field(default_factory=dict)

    def publish(self, feed: str, value: Batch | Gap | Mark) -> None:
        self.logs[feed].append((feed, len(self.logs[feed]), value))

    def add(self, node: str, observation: Observation) -> None:
        feed = FEED_OF_SIGNAL[observation.signal]
        self.waiting.setdefault((feed, node), []).append(observation)

    def step(self, time: int, *, final: bool = False) -> None:
        """Publish what waits, then a mark everywhere."""
        for (feed, name), group in self.waiting.items():
            self.publish(feed, Batch(source="s", node=name, observations=tuple(group)))
        self.waiting.clear()
        for feed in FEEDS:
            self.publish(feed, Mark(source="s", time=instant(time), feeds=FEEDS, final=final))


def messages(
    arriving: Sequence[tuple[str, Observation]],
    gaps: Sequence[Gap],
    flow: Flow,
    chance: random.Random,
) -> dict[str, list[Message]]:
    """Return each feed's log: batches of random size, gaps, and marks that keep their promise.

    A gap is told after its end, and within the allowed lateness.

    A mark promises nothing older than itself *less the allowed lateness*, so the latest time that
    has arrived is as bold as a source may be.
    """
    out = _Logs()
    most = chance.choice([2, 20, 300])
    lateness = int(flow.windows.lateness_s) * SECOND
    due = sorted(
        ((micros(gap.until) + chance.randrange(lateness), i, gap) for i, gap in enumerate(gaps)),
        reverse=True,
    )
    latest = 0
    for node, observation in arriving:
        now = max(latest, micros(observation.time))
        while due and due[-1][0] <= now:
            _, _, gap = due.pop()
            out.publish(FEED_OF_SIGNAL[gap.signal], gap)
        latest = now
        out.add(node, observation)
        if chance.random() < 1 / most:
            out.step(latest)
    for _, _, gap in reversed(due):
        out.publish(FEED_OF_SIGNAL[gap.signal], gap)
    out.step(latest)
    out.step(latest + flow.closing_us, final=True)
    return out.logs


def interleaved(logs: dict[str, list[Message]], chance: random.Random) -> list[Message]:
    """Return one order in which a worker may see the feeds: each in its own order."""
    left = {feed: list(reversed(log)) for feed, log in logs.items() if log}
    order = []
    while left:
        feed = chance.choice(sorted(left))
        burst = min(chance.randint(1, 8), len(left[feed]))
        order.extend(left[feed].pop() for _ in range(burst))
        if not left[feed]:
            del left[feed]
    return order


def deliveries(order: Sequence[Message], chance: random.Random, kills: int) -> list[Message | None]:
    """Return the order with kills (None) after which the last few messages come again.

    Every other kill falls on the last message, which closes most: there is most to get wrong.
    """
    told: list[Message | None] = list(order)
    kills_at = [chance.choice([len(order), chance.randrange(1, len(order))]) for _ in range(kills)]
    for at in sorted(kills_at, reverse=True):
        told[at:at] = [None, *order[max(0, at - chance.randint(1, 6)) : at]]
    return told


@dataclass
class Cluster:
    """One detect worker and one correlate worker, each with a table that survives kills."""

    flow: Flow
    chance: random.Random
    later: Sequence[Mark] = ()
    """Marks of detection that come long after everything else."""
    detect_rows: dict[bytes, bytes] = field(default_factory=dict)
    correlate_rows: dict[bytes, bytes] = field(default_factory=dict)
    symptoms: list[tuple[str, Symptom] | Mark] = field(default_factory=list)
    incidents: dict[str, Incident] = field(default_factory=dict)
    revisions: dict[str, list[int]] = field(default_factory=dict)
    aged: list[Aged] = field(default_factory=list)

    def run(self, told: Sequence[Message | None], kills: int = 0) -> list[bytes]:
        """Deliver everything; return the final incidents as bytes."""
        self._detect(told)
        self.symptoms += self.later
        order = [("symptoms", offset, value) for offset, value in enumerate(self.symptoms)]
        self._correlate(deliveries(order, self.chance, kills))  # type: ignore[arg-type]
        return [canonical(incident) for incident in final(self.incidents.values())]

    def received(self) -> int:
        """Return how many observations the detectors' rows say they received."""
        rows = [value for key, value in self.detect_rows.items() if b"|node|" in key]
        return sum(unpacked(row, NodeRow).counts["received"] for row in rows)

    def coverage(self) -> dict[bytes, Coverage]:
        """Return what the detectors' rows say of coverage."""
        return {
            key: unpacked(value, NodeRow).coverage
            for key, value in self.detect_rows.items()
            if b"|node|" in key
        }

    def _detect(self, told: Sequence[Message | None]) -> None:
        partition = self.flow.detect_partition(0, 1)
        for position, message in enumerate(told):
            if message is None:
                partition = self.flow.detect_partition(0, 1)
                partition.restore(self.detect_rows.items())
                continue
            feed, offset, value = message
            if isinstance(value, Batch):
                step = partition.on_batch(feed, offset, value)
            elif isinstance(value, Gap):
                step = partition.on_gap(feed, offset, value)
            else:
                step = partition.on_mark(feed, value)
            self._publish(step)
            killed = position + 1 < len(told) and told[position + 1] is None
            if not (killed and self.chance.random() < 0.5):  # killed before it could remember
                _write(self.detect_rows, step.rows, self.chance if killed else None)

    def _publish(self, step: DetectStep) -> None:
        self.symptoms += step.symptoms
        if step.mark is not None:
            self.symptoms.append(step.mark)

    def _correlate(self, told: Sequence[object]) -> None:
        partition = self.flow.correlate_partition(0)
        for position, message in enumerate(told):
            if message is None:
                partition = self.flow.correlate_partition(0)
                partition.restore(self.correlate_rows.items())
                continue
            value = message[2]  # type: ignore[index]
            told_now = (
                partition.on_mark(value)
                if isinstance(value, Mark)
                else partition.on_symptom(*value)
            )
            for incident in told_now.incidents:
                self._index(incident)
            for aged in told_now.aged:
                self.aged.append(aged)
                self.incidents.pop(aged.id, None)
            killed = position + 1 < len(told) and told[position + 1] is None
            if not (killed and self.chance.random() < 0.5):
                _write(self.correlate_rows, told_now.rows, self.chance if killed else None)

    def _index(self, incident: Incident) -> None:
        """Keep the highest revision, as every consumer may."""
        self.revisions.setdefault(incident.id, []).append(incident.revision)
        former = self.incidents.get(incident.id)
        if former is None or incident.revision >= former.revision:
            self.incidents[incident.id] = incident


def _write(
    table: dict[bytes, bytes], rows: dict[bytes, bytes | None], chance: random.Random | None
) -> None:
    """Write rows in order; a kill (``chance`` given) may come after any of them."""
    keep = len(rows) if chance is None else chance.randint(0, len(rows))
    for key, value in list(rows.items())[:keep]:
        if value is None:
            table.pop(key, None)
        else:
            table[key] = value

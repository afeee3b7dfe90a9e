"""What is observed of each node, since when, and where we are blind.

In: the rows of detection, which say what came and what was lost; the applications, which say what
should come: each by the version of its graph that holds at the watermark. Out: a report, sorted
(``pipeline.coverage_forms`` tells it as JSON and as metrics).
Pure; times in microseconds of event time.

A *blind spot* is a signal that a node's template declares and of which nothing ever came. Nodes
whose id is declared without variables are always looked for (also those that only an edge names);
of a family, such as the users' servers, every instance of which anything came. Where both ends of
an edge are dark, a fault can spread along it without a sign.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from fnmatch import fnmatchcase
from itertools import chain
from typing import cast

import msgspec

from pipeline.detect.coverage import Losses, Stretch
from pipeline.detect.partition import NodeRow, PartitionRow
from pipeline.detect.rows import unpacked
from pipeline.records import SIGNAL_OF_FEED, SIGNALS, Signal, instant
from topology import ids
from topology.model import Application
from topology.versions import Timeline

_PARTITION = b"|partition"


@dataclass(frozen=True, slots=True, kw_only=True)
class Missed:
    """What was lost of a signal for one reason."""

    reason: str
    total: Stretch
    stretches: tuple[Stretch, ...]
    """The latest ones, in order; those that touch are one."""
    older: Stretch | None
    """All before them in one, from the earliest beginning to the latest end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What came of one signal of a node."""

    signal: Signal
    declared: bool
    """Whether the topology says that it should come."""
    first: int | None = None
    """Earliest event time; unknown (None) also where the rows are from before it was kept."""
    last: int | None = None
    observations: int = 0
    missed: tuple[Missed, ...] = ()
    """By reason, sorted."""

    @property
    def blind(self) -> bool:
        """Whether it should come, and never did."""
        return self.declared and not self.observations

    @property
    def lost(self) -> int:
        """Observations that are known to be lost."""
        return sum(missed.total.lost for missed in self.missed)

    @property
    def uncounted(self) -> int:
        """Gaps of which nobody knows how much was lost."""
        return sum(missed.total.uncounted for missed in self.missed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One node; without signals it is declared as one that cannot be seen."""

    id: str
    applications: tuple[str, ...]
    """Those that declare it, sorted; none: it is in no topology any more."""
    signals: tuple[Seen, ...]
    """What should come or did, in the order of ``SIGNALS``."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class DarkEdge:
    """An edge of which neither end was ever seen."""

    application: str
    cause: str
    effect: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The whole."""

    watermark: int | None
    """How far event time has come; None while detection does not know."""
    nodes: tuple[Node, ...]
    """By id."""
    dark_edges: tuple[DarkEdge, ...]

    @property
    def blind_spots(self) -> list[tuple[str, Signal]]:
        """Node and signal of each blind spot."""
        return [
            (node.id, seen.signal) for node in self.nodes for seen in node.signals if seen.blind
        ]

    def silent_us(self, seen: Seen) -> int | None:
        """Return for how long nothing has come of a signal: event time up to the watermark."""
        if seen.last is None or self.watermark is None:
            return None
        return max(0, self.watermark - seen.last)

    def of_nodes(self, pattern: str) -> "Report":
        """Return the part about nodes whose id fits a glob pattern (``*`` also takes slashes)."""
        return replace(
            self,
            nodes=tuple(node for node in self.nodes if fnmatchcase(node.id, pattern)),
            dark_edges=tuple(
                edge
                for edge in self.dark_edges
                if fnmatchcase(edge.cause, pattern) or fnmatchcase(edge.effect, pattern)
            ),
        )

    def of_blind(self) -> "Report":
        """Return the part about blind spots."""
        narrowed = (
            replace(node, signals=tuple(seen for seen in node.signals if seen.blind))
            for node in self.nodes
        )
        return replace(self, nodes=tuple(node for node in narrowed if node.signals))


@dataclass(slots=True)
class Rows:
    """Collects what detection's rows say; every row once, by its latest value."""

    watermark: int | None = None
    by_node: dict[str, dict[Signal, list[NodeRow]]] = field(default_factory=dict)
    """Several rows only where the number of partitions was changed."""

    def take(self, key: bytes, value: bytes) -> None:
        """Take a row of detection's table."""
        if key.endswith(_PARTITION):
            high = unpacked(value, PartitionRow).watermark.high
            if high is not None:
                self.watermark = high if self.watermark is None else max(high, self.watermark)
            return
        signal = cast("Signal", key.split(b"|")[2].decode())
        row = unpacked(value, NodeRow)
        self.by_node.setdefault(row.node, {}).setdefault(signal, []).append(row)

    def seen_nodes(self) -> list[str]:
        """Return the nodes of which anything came."""
        return [
            node
            for node, signals in self.by_node.items()
            if any(_received(row) for rows in signals.values() for row in rows)
        ]


def report_of(rows: Rows, timelines: Iterable[Timeline], now: datetime) -> Report:
    """Return what the rows and the applications come to.

    ``now`` stands for the watermark while there is none: a version that is given ahead of its time
    promises nothing as yet.
    """
    time = now if rows.watermark is None else instant(rows.watermark)
    applications = [timeline.at(time) for timeline in timelines]
    known = {*rows.by_node, *chain.from_iterable(map(_named, applications))}
    return Report(
        watermark=rows.watermark,
        nodes=tuple(_node(node, rows, applications) for node in sorted(known)),
        dark_edges=tuple(sorted(_dark_edges(rows.seen_nodes(), applications))),
    )


def _named(application: Application) -> Iterator[str]:
    """Yield the nodes that an application names without variables."""
    ends = (end for edge in application.edges for end in (edge.cause, edge.effect))
    for node in chain((template.id for template in application.nodes), ends):
        if not ids.variables(ids.parse(node)):
            yield node


def _node(node: str, rows: Rows, applications: Sequence[Application]) -> Node:
    templates = {a.name: template for a in applications if (template := a.template_of(node))}
    declared = {SIGNAL_OF_FEED[feed] for t in templates.values() for feed in t.observed}
    came = rows.by_node.get(node, {})
    return Node(
        id=node,
        applications=tuple(sorted(templates)),
        signals=tuple(
            _seen(signal, came.get(signal, ()), declared=signal in declared)
            for signal in SIGNALS
            if signal in declared or signal in came
        ),
    )


def _seen(signal: Signal, rows: Sequence[NodeRow], *, declared: bool) -> Seen:
    known = [row.coverage for row in rows]
    losses: dict[str, list[Losses]] = {}
    for coverage in known:
        for reason, loss in coverage.gaps.items():
            losses.setdefault(reason, []).append(loss)
    return Seen(
        signal=signal,
        declared=declared,
        first=min((c.first for c in known if c.first is not None), default=None),
        last=max((c.last for c in known if c.last is not None), default=None),
        observations=sum(map(_received, rows)),
        missed=tuple(_missed(reason, of) for reason, of in sorted(losses.items())),
    )


def _received(row: NodeRow) -> int:
    return row.counts.get("received", 0)


def _missed(reason: str, losses: Sequence[Losses]) -> Missed:
    recent = (stretch for each in losses for stretch in each.recent.values())
    older = [each.older for each in losses if each.older is not None]
    return Missed(
        reason=reason,
        total=_sum([each.total() for each in losses]),
        stretches=_joined(recent),
        older=_sum(older) if older else None,
    )


def _sum(stretches: Sequence[Stretch]) -> Stretch:
    whole = msgspec.structs.replace(stretches[0])
    for stretch in stretches[1:]:
        whole.add(stretch)
    return whole


def _joined(stretches: Iterable[Stretch]) -> tuple[Stretch, ...]:
    """Return stretches in order, those that touch as one."""
    joined: list[Stretch] = []
    for stretch in sorted(stretches, key=lambda each: (each.since, each.until)):
        if joined and stretch.since <= joined[-1].until:
            joined[-1].add(stretch)
        else:
            joined.append(msgspec.structs.replace(stretch))
    return tuple(joined)


def _dark_edges(seen: Sequence[str], applications: Sequence[Application]) -> Iterator[DarkEdge]:
    for application in applications:
        ends = {end for edge in application.edges for end in (edge.cause, edge.effect)}
        dark = {end for end in ends if not _any_fits(end, seen)}
        for cause, effect in {(edge.cause, edge.effect) for edge in application.edges}:
            if cause in dark and effect in dark:
                yield DarkEdge(application=application.name, cause=cause, effect=effect)


def _any_fits(end: str, nodes: Sequence[str]) -> bool:
    term = ids.parse(end)
    return any(ids.covers(term, node) for node in nodes)

"""One partition of detection: batches, gaps and marks in, symptoms, a mark and table rows out.

Pure, and the same for Kafka and for ``analyze``. The caller publishes ``symptoms``, then ``mark``,
waits for the acknowledgements, and only then writes ``rows``: a kill in between repeats outputs
(which carry id and revision) and never loses one. A row holds a node's facts together with the
highest offset applied to them, so a redelivered batch is recognised; since its outputs were
acknowledged before that row could be written, there is nothing to publish again.
"""

import heapq
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import msgspec

from pipeline.detect.coverage import Coverage
from pipeline.detect.detector import Detector, MissesObservations
from pipeline.detect.rows import packed, unpacked
from pipeline.records import SIGNAL_OF_FEED, Batch, Gap, Mark, Signal, Symptom, instant, micros
from pipeline.watermark import Watermark

MAX_SOURCE_COUNTS = 64
"""Sources whose last counts are remembered for accounting (about 300 bytes each)."""

DetectorOf = Callable[[Signal, str], Detector[Any]]
"""The detector of a signal at a node (each instance of an application has its own)."""

_BEFORE_ALL = -(2**62)
"""``closed_to`` while there is no watermark: nothing is late, nothing closes."""


class NodeRow(msgspec.Struct):
    """A table row: the facts of one node and one signal, and what has been applied to them."""

    node: str
    offset: int
    counts: dict[str, int]
    facts: msgspec.Raw
    coverage: Coverage = msgspec.field(default_factory=Coverage)
    source: str = ""
    """Who published the last batch that was applied."""


class PartitionRow(msgspec.Struct):
    """The table row of the partition itself: its watermark, and what its sources counted."""

    watermark: Watermark
    sources: dict[str, dict[str, int]] = msgspec.field(default_factory=dict)
    promised: dict[str, dict[str, int]] = msgspec.field(default_factory=dict)
    """By source and feed: what the source had published before the feed's last mark."""


@dataclass(slots=True)
class _Entry:
    """The facts of one node and one signal, in memory."""

    detector: Detector[Any]
    node: str
    facts: Any
    coverage: Coverage
    source: str = ""
    offset: int = -1
    wakes_at: int | None = None


@dataclass(frozen=True, slots=True)
class DetectStep:
    """What is to be done: publish the symptoms, then the mark, then write the rows in order."""

    symptoms: list[tuple[str, Symptom]] = field(default_factory=list)
    """(application, symptom): an application that declares the node gets the symptom."""
    mark: Mark | None = None
    """For every partition of the symptoms topic, after the symptoms."""
    rows: dict[bytes, bytes | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Suppressed:
    """How often something harmless, or more of what had been told enough, was seen at a node."""

    node: str
    signal: Signal
    signature: str
    count: int


class DetectPartition:
    """Detection over the nodes of one partition (see the module's docstring)."""

    def __init__(
        self,
        number: int,
        peers: int,
        detector_of: DetectorOf,
        *,
        applications_of: Callable[[str], Sequence[str]],
        lateness_us: int,
    ) -> None:
        self.number = number
        self._peers = tuple(f"detect/{peer}" for peer in range(peers))
        self._detector_of = detector_of
        self._applications_of = applications_of
        self._lateness = lateness_us
        self._row = PartitionRow(watermark=Watermark())
        self._entries: dict[bytes, _Entry] = {}
        self._alarms: list[tuple[int, bytes]] = []

    def restore(self, rows: Iterable[tuple[bytes, bytes]]) -> None:
        """Take up the state from table rows (those of other partitions are passed over)."""
        for key, value in rows:
            if key == self._partition_key:
                self._row = unpacked(value, PartitionRow)
            elif key.startswith(self._node_prefix):
                self._restore_node(key, unpacked(value, NodeRow))

    def on_batch(self, feed: str, offset: int, batch: Batch) -> DetectStep:
        """Apply a batch that came on a feed at an offset.

        Raises:
            ValueError: the observations are not of the feed's signal.
        """
        key, entry = self._entry_of(feed, batch)
        if offset <= entry.offset:
            return DetectStep()
        entry.detector.apply(entry.facts, batch.observations, self._closed_to)
        entry.coverage.see(batch.observations)
        entry.offset, entry.source = offset, batch.source
        symptoms = self._revisions(key, entry)
        return DetectStep(symptoms=symptoms, rows={key: _encode(entry)})

    def on_gap(self, feed: str, offset: int, gap: Gap) -> DetectStep:
        """Note a gap that came on a feed at an offset: it is no silence.

        Raises:
            ValueError: the gap is not one of the feed's signal.
        """
        key, entry = self._entry_of(feed, gap)
        if offset <= entry.offset:
            return DetectStep()
        entry.coverage.miss(gap)
        if micros(gap.until) >= self._closed_to:
            _unobserved(entry, micros(gap.until))
            self._set_alarm(key, entry)
        entry.offset = offset
        return DetectStep(rows={key: _encode(entry)})

    def on_mark(self, feed: str, mark: Mark) -> DetectStep:
        """Take a source's time mark on a feed: what it closes is closed."""
        if mark.counts:
            self._remember_counts(feed, mark)
        moved = self._row.watermark.observe(
            mark.source, feed, feeds=mark.feeds, time=micros(mark.time), final=mark.final
        )
        return self._close(moved=moved)

    def on_silence(self, source: str) -> DetectStep:
        """Leave out a source that the shell judged dead: what it looked at is unobserved."""
        reached = self._row.watermark.reached(source)
        rows: dict[bytes, bytes | None] = {}
        for key, entry in sorted(self._entries.items()):
            if entry.source == source:
                _unobserved(entry, reached)
                self._set_alarm(key, entry)
                rows[key] = _encode(entry)
        step = self._close(moved=self._row.watermark.drop(source))
        return DetectStep(symptoms=step.symptoms, mark=step.mark, rows=rows | step.rows)

    def live_sources(self) -> tuple[str, ...]:
        """Return the sources that the watermark waits for."""
        return tuple(self._row.watermark.sources)

    def suppressed(self) -> list[Suppressed]:
        """Return what was harmless or held back so far, by node, signal and signature."""
        return [
            Suppressed(entry.node, entry.detector.signal, signature, count)
            for _, entry in sorted(self._entries.items())
            for signature, count in sorted(getattr(entry.facts, "suppressed", {}).items())
        ]

    @property
    def _closed_to(self) -> int:
        high = self._row.watermark.high
        return _BEFORE_ALL if high is None else high - self._lateness

    @property
    def _partition_key(self) -> bytes:
        return f"{self.number}|partition".encode()

    @property
    def _node_prefix(self) -> bytes:
        return f"{self.number}|node|".encode()

    def _key(self, signal: Signal, node: str) -> bytes:
        return self._node_prefix + f"{signal}|{node}".encode()

    def _entry_of(self, feed: str, value: Batch | Gap) -> tuple[bytes, _Entry]:
        signal = SIGNAL_OF_FEED[feed]
        if value.signal != signal:
            what = "gap in" if isinstance(value, Gap) else "batch of"
            raise ValueError(f"a {what} {value.signal} observations on the feed of {feed}")
        key = self._key(signal, value.node)
        entry = self._entries.get(key)
        if entry is None:
            detector = self._detector_of(signal, value.node)
            entry = _Entry(detector, value.node, detector.new_facts(), Coverage())
            self._entries[key] = entry
        return key, entry

    def _restore_node(self, key: bytes, row: NodeRow) -> None:
        signal = key[len(self._node_prefix) :].decode().split("|", 1)[0]
        detector = self._detector_of(cast("Signal", signal), row.node)
        facts = detector.load(bytes(row.facts))
        entry = _Entry(
            detector, row.node, facts, row.coverage, source=row.source, offset=row.offset
        )
        self._entries[key] = entry
        self._set_alarm(key, entry)

    def _revisions(self, key: bytes, entry: _Entry) -> list[tuple[str, Symptom]]:
        symptoms = entry.detector.revisions(entry.facts, entry.node, self._closed_to)
        self._set_alarm(key, entry)
        applications = self._applications_of(entry.node)
        return [(application, symptom) for symptom in symptoms for application in applications]

    def _set_alarm(self, key: bytes, entry: _Entry) -> None:
        wakes_at = entry.detector.notify_at(entry.facts)
        if wakes_at != entry.wakes_at and wakes_at is not None:
            heapq.heappush(self._alarms, (wakes_at, key))
        entry.wakes_at = wakes_at

    def _close(self, *, moved: bool) -> DetectStep:
        symptoms: list[tuple[str, Symptom]] = []
        rows: dict[bytes, bytes | None] = {}
        for key, entry in self._due():
            if not self._row.watermark.sources:
                _unobserved(entry, self._row.watermark.observed)  # nobody looks any more
            published = self._revisions(key, entry)
            # without news the table's row implies the same; at the end it is brought up to date
            if published or not self._row.watermark.sources:
                symptoms += published
                rows[key] = _encode(entry)
        rows[self._partition_key] = packed(self._row)
        return DetectStep(symptoms=symptoms, mark=self._mark() if moved else None, rows=rows)

    def _due(self) -> Iterable[tuple[bytes, _Entry]]:
        due: dict[bytes, _Entry] = {}
        while self._alarms and self._alarms[0][0] <= self._closed_to:
            wakes_at, key = heapq.heappop(self._alarms)
            if self._entries[key].wakes_at == wakes_at:
                due[key] = self._entries[key]
        return sorted(due.items())

    def _mark(self) -> Mark:
        """Say how far symptoms are complete: late observations may still add to younger ones."""
        return Mark(
            source=self._peers[self.number], time=instant(self._closed_to), feeds=self._peers
        )

    def _remember_counts(self, feed: str, mark: Mark) -> None:
        self._row.sources.pop(mark.source, None)
        self._row.sources[mark.source] = mark.counts
        promised = self._row.promised.setdefault(mark.source, dict.fromkeys(mark.feeds, 0))
        promised[feed] = mark.counts.get("published", 0)
        while len(self._row.sources) > MAX_SOURCE_COUNTS:
            oldest = next(iter(self._row.sources))
            del self._row.sources[oldest]
            self._row.promised.pop(oldest, None)


def _unobserved(entry: _Entry, time: int | None) -> None:
    if time is not None and isinstance(entry.detector, MissesObservations):
        entry.detector.unobserved(entry.facts, time)


def _encode(entry: _Entry) -> bytes:
    detector = entry.detector
    return packed(
        NodeRow(
            node=entry.node,
            offset=entry.offset,
            counts=detector.counts(entry.facts),
            source=entry.source,
            facts=msgspec.Raw(detector.dump(entry.facts)),
            coverage=entry.coverage,
        )
    )

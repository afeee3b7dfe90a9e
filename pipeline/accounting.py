"""Law 4 in numbers: every observation and every symptom in exactly one bucket, and the sums agree.

In: the rows that the workers keep (latest by key), what lies in the symptoms and incidents topics,
and the batches that became dead letters. Out: totals by bucket, and checks. Pure.

A replay ends, and then its sums agree to the last line. A live source goes on, and counts anew when
it is started again: each of its marks agrees within itself, and no less was received than its marks
promise. What is known to be lost was never an observation: it has numbers of its own.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from pipeline.correlate.partition import PartitionRow as CorrelateRow
from pipeline.detect.partition import MAX_SOURCE_COUNTS, NodeRow
from pipeline.detect.partition import PartitionRow as DetectRow
from pipeline.detect.rows import unpacked

_PARTITION = b"|partition"
_RECEIVED = "received"
_BUCKETS_OF_LINES = ("observations", "rejected", "blank", "unplaced", "repeated")
"""What becomes of what a replay reads (:mod:`pipeline.ingest.buckets`)."""
_OF_LIVE_SOURCES = frozenset({"duplicate", "lost"})
"""Only live sources count these."""


@dataclass(frozen=True, slots=True)
class Check:
    """Two sums that must agree."""

    name: str
    left: int
    right: int
    slack: int | None = 0
    """What the left may exceed the right by (repeats, which are counted but carry no id); None: by
    any number."""

    @property
    def agrees(self) -> bool:
        """Whether they do."""
        more = self.left - self.right
        return more >= 0 and (self.slack is None or more <= self.slack)


class _Id(msgspec.Struct):
    id: str


class _Life(msgspec.Struct):
    status: str


class _Superseding(msgspec.Struct):
    supersedes: list[str] = msgspec.field(default_factory=list)


class _Kind(msgspec.Struct):
    kind: str


class _Batch(msgspec.Struct):
    observations: list[msgspec.Raw] = msgspec.field(default_factory=list)


def _is_live(counts: Mapping[str, int]) -> bool:
    return not _OF_LIVE_SOURCES.isdisjoint(counts)


@dataclass(slots=True)
class Ledger:
    """Sums up what it is given; every row once, by its latest value."""

    sources: dict[str, Counter[str]] = field(default_factory=dict)
    """What each source counted of what it read."""
    observations: dict[str, Counter[str]] = field(default_factory=dict)
    """By signal, then bucket."""
    losses: dict[str, Counter[str]] = field(default_factory=dict)
    """What live sources told of gaps, by reason: ``gaps``, observations ``lost``, and ``uncounted``
    gaps, of which nobody knows how much was lost."""
    dead: int = 0
    """Observations in batches that detection could not use."""
    tallies: Counter[str] = field(default_factory=Counter)
    """What became of symptoms whose component is final, by bucket; and the incidents of those."""
    live: int = 0
    """Symptoms that may still change their bucket, and the ids that they had before."""
    incidents: Counter[str] = field(default_factory=Counter)
    """Incidents by status."""
    _symptoms: set[tuple[bytes | None, str]] = field(default_factory=set)
    _forgetful: bool = False
    _promised: list[dict[str, int]] = field(default_factory=list)
    """What sources had published before marks that a partition has heard on all feeds."""

    def detect_row(self, key: bytes, value: bytes) -> None:
        """Take a row of detection's table."""
        if not key.endswith(_PARTITION):
            self._node_row(key.split(b"|")[2].decode(), unpacked(value, NodeRow))
            return
        row = unpacked(value, DetectRow)
        self._forgetful |= len(row.sources) >= MAX_SOURCE_COUNTS
        self._promised.append(
            {source: min(of_feed.values()) for source, of_feed in row.promised.items()}
        )
        for source, counts in row.sources.items():
            known = self.sources.setdefault(source, Counter())
            if not _is_live(counts):
                known.update({name: max(0, n - known[name]) for name, n in counts.items()})
            elif counts.get("observations", 0) >= known["observations"]:
                self.sources[source] = Counter(counts)  # one mark, whole: it agrees within itself

    def _node_row(self, signal: str, row: NodeRow) -> None:
        self.observations.setdefault(signal, Counter()).update(row.counts)
        for reason, of_reason in row.coverage.gaps.items():
            told = of_reason.total()
            self.losses.setdefault(reason, Counter()).update(
                gaps=told.gaps, lost=told.lost, uncounted=told.uncounted
            )

    def correlate_row(self, key: bytes, value: bytes) -> None:
        """Take a row of correlation's table."""
        kind = key.split(b"|")[1]
        if kind == b"partition":
            for tally in msgspec.json.decode(value, type=CorrelateRow).tallies.values():
                self.tallies.update(tally)
        elif kind == b"symptom":
            self.live += 1 + len(msgspec.json.decode(value, type=_Superseding).supersedes)

    def symptom(self, key: bytes | None, value: bytes) -> None:
        """Take a message of the symptoms topic; what cannot be read is among the dead letters."""
        try:
            if msgspec.json.decode(value, type=_Kind).kind == "symptom":
                self._symptoms.add((key, msgspec.json.decode(value, type=_Id).id))
        except (msgspec.DecodeError, UnicodeDecodeError):
            return

    def incident(self, value: bytes) -> None:
        """Take the latest revision of an incident; what cannot be read is a dead letter."""
        try:
            self.incidents[msgspec.json.decode(value, type=_Life).status] += 1
        except (msgspec.DecodeError, UnicodeDecodeError):
            return

    def dead_batch(self, value: bytes) -> None:
        """Take a dead letter of the observation topics; what is no batch held no observation."""
        try:
            self.dead += len(msgspec.json.decode(value, type=_Batch).observations)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return

    @property
    def read(self) -> Counter[str]:
        """What all sources together counted."""
        total: Counter[str] = Counter()
        for counts in self.sources.values():
            total.update(counts)
        return total

    @property
    def lost(self) -> int:
        """Observations that are known to be lost, in all."""
        return sum(counts["lost"] for counts in self.losses.values())

    @property
    def detected(self) -> Counter[str]:
        """Observations of all signals by bucket."""
        total: Counter[str] = Counter()
        for counts in self.observations.values():
            total.update(counts)
        return total

    @property
    def symptoms(self) -> dict[str, int]:
        """Symptoms by bucket."""
        decided = {name: n for name, n in self.tallies.items() if name != "incidents"}
        return {
            "published": len(self._symptoms),
            "open": self.live,
            **dict(sorted(decided.items())),
        }

    def checks(self) -> list[Check]:
        """Return the sums that must agree."""
        return [*self._observation_checks(), *self._symptom_checks()]

    def _observation_checks(self) -> list[Check]:
        read, detected = self.read, self.detected
        buckets = sum(n for name, n in detected.items() if name != _RECEIVED)
        found = [Check("observations received = by bucket", detected[_RECEIVED], buckets)]
        if self._forgetful:  # the oldest sources are no longer known
            return found
        replayed = self._replayed()
        lines = sum(replayed[bucket] for bucket in _BUCKETS_OF_LINES)
        return [
            Check("lines = by bucket", replayed["lines"], lines),
            Check(
                "observations = published + unmapped",
                read["observations"],
                read["published"] + read["unmapped"],
            ),
            self._arrival(replayed["published"], detected[_RECEIVED] + self.dead),
            *found,
        ]

    def _replayed(self) -> Counter[str]:
        """Return what the sources counted that come to an end."""
        total: Counter[str] = Counter()
        for counts in self.sources.values():
            if not _is_live(counts):
                total.update(counts)
        return total

    def _arrival(self, replayed: int, arrived: int) -> Check:
        live = [name for name, counts in self.sources.items() if _is_live(counts)]
        if not live:
            return Check("published = received + in dead letters", replayed, arrived)
        # what a mark counts was published before it: a partition that heard it on all feeds has
        # received its share, so what all of them have heard of must be there
        promised = sum(min(each.get(name, 0) for each in self._promised) for name in live)
        name = "received + in dead letters ≥ published"
        return Check(name, arrived, replayed + promised, slack=None)

    def _symptom_checks(self) -> list[Check]:
        tallies = self.tallies
        decided = tallies["in_incident"] + tallies["below_threshold"] + tallies["superseded"]
        doubtful = tallies["overflow"] + tallies["late_or_repeated"]
        return [
            Check(
                "symptoms published = by bucket",
                len(self._symptoms),
                decided + self.live,
                slack=doubtful,
            )
        ]

"""Law 4 in numbers: every observation and every symptom in exactly one bucket, and the sums agree.

In: the rows that the workers keep (latest by key), what lies in the symptoms and incidents topics,
and the batches that became dead letters. Out: totals by bucket, and checks. Pure.
"""

from collections import Counter
from dataclasses import dataclass, field

import msgspec

from pipeline.correlate.partition import PartitionRow as CorrelateRow
from pipeline.detect.partition import MAX_SOURCE_COUNTS, NodeRow
from pipeline.detect.partition import PartitionRow as DetectRow

_PARTITION = b"|partition"
_RECEIVED = "received"


@dataclass(frozen=True, slots=True)
class Check:
    """Two sums that must agree."""

    name: str
    left: int
    right: int
    slack: int = 0
    """What the left may exceed the right by (repeats, which are counted but carry no id)."""

    @property
    def agrees(self) -> bool:
        """Whether they do."""
        return 0 <= self.left - self.right <= self.slack


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


@dataclass(slots=True)
class Ledger:
    """Sums up what it is given; every row once, by its latest value."""

    sources: dict[str, Counter[str]] = field(default_factory=dict)
    """What each source counted of what it read."""
    observations: dict[str, Counter[str]] = field(default_factory=dict)
    """By signal, then bucket."""
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

    def detect_row(self, key: bytes, value: bytes) -> None:
        """Take a row of detection's table."""
        if not key.endswith(_PARTITION):
            signal = key.split(b"|")[2].decode()
            counts = msgspec.json.decode(value, type=NodeRow).counts
            self.observations.setdefault(signal, Counter()).update(counts)
            return
        row = msgspec.json.decode(value, type=DetectRow)
        self._forgetful |= len(row.sources) >= MAX_SOURCE_COUNTS
        for source, counts in row.sources.items():
            known = self.sources.setdefault(source, Counter())
            known.update({name: max(0, n - known[name]) for name, n in counts.items()})

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
        lines = read["blank"] + read["rejected"] + read["observations"]
        return [
            Check("lines = blank + rejected + observations", read["lines"], lines),
            Check(
                "observations = published + unmapped",
                read["observations"],
                read["published"] + read["unmapped"],
            ),
            Check(
                "published = received + in dead letters",
                read["published"],
                detected[_RECEIVED] + self.dead,
            ),
            *found,
        ]

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

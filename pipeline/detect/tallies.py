"""Occurrences and their sum over a short bucket of event time.

An occurrence is one sign of one fingerprint. A tally is what is kept of many: a commutative
summary, so that the order of arrival cannot matter. Pure values, microseconds throughout.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from pipeline.records import MAX_NAMES

T = TypeVar("T", str, tuple[int, str])

BUCKET = 10_000_000
"""Length of a bucket of occurrences, in microseconds. Shorter than any ``quiet``, so all that one
bucket holds belongs to one episode."""

KEPT_TEXTS = 3
KEPT_TIMES = 20
"""Earliest times kept of a bucket (17 bytes each): enough for the largest ``at_least``."""
KEPT_ABOUT = 9
"""Names kept of those whom an episode is about (300 bytes each at most, mostly 20): with more than
eight it is about nobody."""
KEPT_STEPS = 64
"""Steps of amounts kept of an episode (20 bytes each)."""
TEXT_LENGTH = 300
"""Characters kept of an exemplar."""


class Extras(msgspec.Struct, array_like=True):
    """Extra amounts by steps of event time. Whole numbers, so that sums are exact in any order.

    When there are more than ``KEPT_STEPS``, steps are joined in pairs: the width is the least power
    of two times the first at which they fit, whatever the order in which they came.
    """

    step: int
    """Width in seconds."""
    error: int
    """Greatest standard error of one step, in millionths."""
    amounts: dict[int, int]
    """By number of the step since 1970, in millionths."""

    def add(self, other: "Extras") -> None:
        """Add others of the same unit."""
        mine, theirs = self.amounts, other.amounts
        step = max(self.step, other.step)
        self.amounts = _widened(mine, step // self.step)
        for number, amount in _widened(theirs, step // other.step).items():
            self.amounts[number] = self.amounts.get(number, 0) + amount
        self.step, self.error = step, max(self.error, other.error)
        while len(self.amounts) > KEPT_STEPS:
            self.amounts = _widened(self.amounts, 2)
            self.step *= 2

    def copy(self) -> "Extras":
        """Return extras that may be changed without changing these."""
        return Extras(self.step, self.error, dict(self.amounts))


def _widened(amounts: Mapping[int, int], factor: int) -> dict[int, int]:
    joined: dict[int, int] = {}
    for number, amount in amounts.items():
        joined[number // factor] = joined.get(number // factor, 0) + amount
    return joined


@dataclass(frozen=True, slots=True, kw_only=True)
class Occurrence:
    """One sign of one fingerprint."""

    time: int
    text: str
    onset: int
    """When it began, where that is known to be earlier than ``time``."""
    count: int = 1
    """How often it happened (a Kubernetes event may stand for several)."""
    observations: int = 1
    """Observations that are accounted for by it (0 where another episode accounts for them)."""
    score: float = 0.0
    suffices: bool = False
    """It makes a symptom by itself where the rule asks for that."""
    resolution: int = 0
    """How far the onset may truly lie on either side."""
    extra: Extras | None = None
    """What adds up along the edges, where that is counted."""
    since: tuple[int, ...] = ()
    """Where nobody knows when before ``time`` it happened: after when, for each that happened."""
    pod: str | None = None
    cluster_node: str | None = None
    beside: tuple[str, ...] = ()
    """Older pods that ran on beside a new one."""
    about: str | None = None
    """Whom it is about, by the rule's variable; empty where it does not say; None: no such rule."""


class Tally(msgspec.Struct, array_like=True):
    """A commutative sum of occurrences."""

    first: int
    last: int
    onset: int
    count: int = 0
    facts: int = 0
    """Number of occurrences that went in: the revision."""
    observations: int = 0
    score: float = 0.0
    sufficed: int | None = None
    """Earliest time of an occurrence that suffices by itself."""
    resolution: int = 0
    """That of the earliest onset."""
    times: list[int] = msgspec.field(default_factory=list)
    """The earliest times, sorted, as often as they count."""
    texts: list[tuple[int, str]] = msgspec.field(default_factory=list)
    """The earliest exemplars, sorted, without repeats."""
    pods: list[str] = msgspec.field(default_factory=list)
    cluster_nodes: list[str] = msgspec.field(default_factory=list)
    extras: Extras | None = None
    since: list[int] = msgspec.field(default_factory=list)
    """The latest times after which something happened, sorted, as often as it did; bounded by
    ``KEPT_TIMES``."""
    beside: list[str] = msgspec.field(default_factory=list)
    """Pods that ran on beside those."""
    about: list[str] = msgspec.field(default_factory=list)
    """Whom it is about: the least ``KEPT_ABOUT`` names, sorted."""

    def copy(self) -> "Tally":
        """Return a tally that may be changed without changing this one."""
        copied = msgspec.structs.replace(self)
        copied.times = list(self.times)
        copied.since = list(self.since)
        copied.texts = list(self.texts)
        copied.pods = list(self.pods)
        copied.cluster_nodes = list(self.cluster_nodes)
        copied.beside = list(self.beside)
        copied.about = list(self.about)
        copied.extras = None if self.extras is None else self.extras.copy()
        return copied

    def add(self, other: "Tally") -> None:
        """Add another tally. Any order of additions gives the same sum."""
        self.times = _earliest(self.times, other.times)
        if other.since:
            self.since = sorted([*self.since, *other.since])[-KEPT_TIMES:]
        self.add_timeless(other)

    def add_timeless(self, other: "Tally") -> None:
        """Add another tally, but not its ``times`` and ``since``, which only a need looks at."""
        self._add_onset(other)
        self.first = min(self.first, other.first)
        self.last = max(self.last, other.last)
        self.count += other.count
        self.facts += other.facts
        self.observations += other.observations
        self.score = max(self.score, other.score)
        if other.sufficed is not None:
            mine = other.sufficed if self.sufficed is None else self.sufficed
            self.sufficed = min(mine, other.sufficed)
        self.texts = _least(self.texts, other.texts, KEPT_TEXTS)
        self.pods = _least(self.pods, other.pods, MAX_NAMES)
        self.cluster_nodes = _least(self.cluster_nodes, other.cluster_nodes, MAX_NAMES)
        self.beside = _least(self.beside, other.beside, MAX_NAMES)
        self.about = _least(self.about, other.about, KEPT_ABOUT)
        if self.extras is None:
            self.extras = None if other.extras is None else other.extras.copy()
        elif other.extras is not None:
            self.extras.add(other.extras)

    def _add_onset(self, other: "Tally") -> None:
        if other.onset == self.onset:
            self.resolution = max(self.resolution, other.resolution)
        elif other.onset < self.onset:
            self.onset, self.resolution = other.onset, other.resolution


def _earliest(mine: list[int], theirs: list[int]) -> list[int]:
    """Return the earliest ``KEPT_TIMES`` of both (each is sorted), repeats and all."""
    if len(mine) == KEPT_TIMES and (not theirs or theirs[0] >= mine[-1]):
        return mine
    return sorted([*mine, *theirs])[:KEPT_TIMES]


def _least(mine: list[T], theirs: list[T], keep: int) -> list[T]:
    """Return the ``keep`` least of both, sorted, without repeats."""
    if not theirs or theirs == mine or (len(mine) == keep and theirs[0] > mine[-1]):
        return mine
    both: list[T] = sorted(set(mine) | set(theirs))
    return both[:keep]


def tally_of(occurrence: Occurrence) -> Tally:
    """Return the tally of one occurrence."""
    return Tally(
        first=occurrence.time,
        last=occurrence.time,
        onset=min(occurrence.onset, occurrence.time),
        count=occurrence.count,
        facts=1,
        observations=occurrence.observations,
        score=occurrence.score,
        sufficed=occurrence.time if occurrence.suffices else None,
        resolution=occurrence.resolution,
        times=[occurrence.time] * min(occurrence.count, KEPT_TIMES),
        texts=[(occurrence.time, occurrence.text[:TEXT_LENGTH])],
        pods=[] if occurrence.pod is None else [occurrence.pod],
        cluster_nodes=[] if occurrence.cluster_node is None else [occurrence.cluster_node],
        extras=None if occurrence.extra is None else occurrence.extra.copy(),
        since=sorted(occurrence.since)[-KEPT_TIMES:],
        beside=sorted({*occurrence.beside})[:MAX_NAMES],
        about=[] if occurrence.about is None else [occurrence.about],
    )


def note(buckets: dict[int, Tally], occurrence: Occurrence) -> None:
    """Add an occurrence to its bucket."""
    tally = tally_of(occurrence)
    number = occurrence.time // BUCKET
    known = buckets.get(number)
    if known is None:
        buckets[number] = tally
    else:
        known.add(tally)

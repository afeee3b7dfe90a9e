"""Counters and histograms of requests → the well-known service metrics, by closed minutes; pure.

In: cumulative series of families of metrics (``…_count``, ``…_sum``, ``…_bucket``, ``…_total``),
whoever exposes them. Out, for each closed minute with samples: how many requests came, how many of
them failed, how long they took. An increase belongs to the minute of the sample that shows it; a
value that falls has begun anew at zero; a pause too long to know what happened in it adds nothing.
A series that first shows where its target had been scraped before, began at zero: the first failure
ever is one. Samples are kept one by one until their minute is closed, so order cannot matter.
"""

import math
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec

from pipeline.detect.samples import FORGET_AFTER, MINUTE, keep
from pipeline.detect.service import Quantity

MAX_COUNTERS = 1_024
"""Cumulative series per node: a hub's forty handlers with a few codes each, and as many buckets
again; some 150 bytes each with the samples of two minutes: 150 kB."""
MAX_TARGETS = 64
"""Scraped targets remembered per node, 60 bytes each."""
LOOK_BACK = 600_000_000
"""Increases over a longer pause (two scrapes of five minutes) belong to no minute."""
QUANTILES: dict[Quantity, float] = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}
_NEVER = -(2**62)
COUNT, SUM = "count", "sum"
"""Parts of a family; any other is a bucket, named by its upper bound."""


class Part(NamedTuple):
    """What a series is to a family of request metrics."""

    view: str
    """Family, and labels that tell its views apart."""
    target: str
    """Who was scraped."""
    part: str
    failed: bool
    """It counts requests that failed."""


class Cumulative(msgspec.Struct, array_like=True):
    """One cumulative series."""

    part: Part
    own: bool
    """No limit accounts for its samples."""
    times: list[int] = msgspec.field(default_factory=list)
    values: list[float] = msgspec.field(default_factory=list)
    """Of open minutes, sorted by both."""
    last: tuple[int, float] | None = None
    """The latest sample of a closed minute."""

    def put(self, time: int, value: float) -> bool:
        """Keep a sample; False when it is already there."""
        return keep(self.times, self.values, time, value) is not None

    @property
    def waiting(self) -> int:
        """Samples of open minutes that nothing else accounts for."""
        return len(self.times) if self.own else 0


class Requests(msgspec.Struct):
    """What is known of the request metrics of one node."""

    counters: dict[str, Cumulative] = msgspec.field(default_factory=dict)
    """By readable identity; bounded by ``MAX_COUNTERS``."""
    targets: dict[str, tuple[int, int]] = msgspec.field(default_factory=dict)
    """By view and target, the last closed scrape and that before; bounded by ``MAX_TARGETS``."""
    crowded: int = 0
    """Samples, targets and minutes beyond a bound."""


class Served(NamedTuple):
    """The requests of one closed minute, as gauges."""

    view: str
    time: int
    """Of its last sample."""
    gauges: Mapping[Quantity, float]


class _Sums:
    """Increases of a view within a minute."""

    def __init__(self) -> None:
        self.time = 0
        self.count = self.failed = self.seconds = 0.0
        self.parts: set[str] = set()
        self.buckets: dict[float, float] = {}

    def add(self, part: Part, time: int, more: float) -> None:
        self.time = max(self.time, time)
        self.parts.add(part.part)
        if part.part == COUNT:
            self.count += more
            self.failed += more if part.failed else 0.0
        elif part.part == SUM:
            self.seconds += more
        else:
            bound = float(part.part)
            self.buckets[bound] = self.buckets.get(bound, 0.0) + more

    def gauges(self, *, failures: bool) -> dict[Quantity, float]:
        """Return the well-known gauges."""
        count = self.count if COUNT in self.parts else self.buckets.get(math.inf, math.nan)
        if math.isnan(count):
            return {}
        found: dict[Quantity, float] = {"count": count}
        if count <= 0:
            return found
        if failures and COUNT in self.parts:
            found["errors"] = min(1.0, self.failed / count)
        if SUM in self.parts:
            return found | {"mean": self.seconds / count}
        quantiles = {name: quantile(q, self.buckets) for name, q in QUANTILES.items()}
        return found | {name: value for name, value in quantiles.items() if not math.isnan(value)}


def close(known: Requests, closed: int, telling: Sequence[str]) -> tuple[list[Served], int]:
    """Close the minutes before ``closed`` (a minute's start), in order of time.

    ``telling`` are the families that say which requests failed. Returns the minutes, and how many
    samples that nothing else accounts for were in them.
    """
    sums: dict[tuple[int, str], _Sums] = {}
    own = 0
    for time, name, value in sorted(_due(known, closed)):
        counter = known.counters[name]
        own += counter.own
        scraped = _note_scrape(known, counter.part, time)
        more = _increase(counter, time, value, scraped=scraped)
        counter.last = (time, value)
        if more is not None:
            total = sums.setdefault((time // MINUTE, counter.part.view), _Sums())
            total.add(counter.part, time, more)
    _forget(known, closed)
    minutes = [
        Served(view, total.time, gauges)
        for (_, view), total in sorted(sums.items())
        if (gauges := total.gauges(failures=_family(view) in telling))
    ]
    return minutes, own


def quantile(share: float, buckets: Mapping[float, float]) -> float:
    """Return a quantile of increases of cumulative buckets, by upper bound; NaN without requests.

    As Prometheus' ``histogram_quantile`` does it: within a bucket values are taken to lie evenly,
    the lowest begins at 0, and of the open one no more is known than where it begins.
    """
    bounds = sorted(buckets)
    if not bounds or bounds[-1] != math.inf or buckets[math.inf] <= 0 or len(bounds) == 1:
        return math.nan
    rank = share * buckets[math.inf]
    below, start = 0.0, 0.0
    for bound in bounds:
        within = max(below, buckets[bound])  # scrapes of several targets may not be in step
        if within >= rank:
            if bound == math.inf:
                return start
            return start + (bound - start) * (rank - below) / max(within - below, 1e-12)
        below, start = within, bound
    return start


def _due(known: Requests, closed: int) -> Iterator[tuple[int, str, float]]:
    """Yield the samples of minutes that close, and drop them."""
    for name, counter in known.counters.items():
        stop = bisect_left(counter.times, closed)
        for time, value in zip(counter.times[:stop], counter.values[:stop], strict=True):
            yield time, name, value
        del counter.times[:stop]
        del counter.values[:stop]


def _increase(counter: Cumulative, time: int, value: float, *, scraped: bool) -> float | None:
    """Return by how much a counter grew until a sample; ``None`` where nobody knows."""
    if counter.last is None or time - counter.last[0] >= FORGET_AFTER:
        return value if scraped else None
    since, before = counter.last
    if time - since > LOOK_BACK:
        return None
    return value - before if value >= before else value


def _note_scrape(known: Requests, part: Part, time: int) -> bool:
    """Note a scrape; tell whether its target was scraped shortly before."""
    name = f"{part.view}|{part.target}"
    before, last = known.targets.get(name, (_NEVER, _NEVER))
    if time > last:
        before, last = last, time
    if name in known.targets or len(known.targets) < MAX_TARGETS:
        known.targets[name] = (before, last)
    else:
        known.crowded += 1
    return time - before <= LOOK_BACK


def _family(view: str) -> str:
    return view.partition("{")[0]


def _forget(known: Requests, closed: int) -> None:
    """Forget the series and targets that have not come for hours."""
    before = closed - FORGET_AFTER
    for name, counter in list(known.counters.items()):
        if not counter.times and (counter.last is None or counter.last[0] <= before):
            del known.counters[name]
    for name, (_, last) in list(known.targets.items()):
        if last < before:
            del known.targets[name]

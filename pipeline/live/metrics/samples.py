"""Series of answers → observations: labels cleaned, replicas merged, each sample once; pure.

In: the answers to one query, window after window. Out: ``Metric`` observations with the times of
their scrapes, and what was left out, counted by why. Nothing is made up: what was not scraped does
not come.

Samples are gone through in order of time, so it does not matter how they were cut into answers that
overlap. Of replicas of one Prometheus one is believed at a time; another takes over when it has
been silent for more than two of its intervals.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from math import isfinite, nan
from typing import NamedTuple

from pipeline.ingest.labels import about_object
from pipeline.live.metrics.answer import RawSeries
from pipeline.live.metrics.queries import Query
from pipeline.live.metrics.windows import Window
from pipeline.records import EARLIEST, LATEST, Metric, instant, micros

SILENT_INTERVALS = 2
LONGEST_INTERVAL = 150_000_000
"""Between two samples of a series, in microseconds, at most: longer than the slowest usual scrape;
what is longer is an interruption."""
FRESH_AFTER = 2 * LONGEST_INTERVAL
"""A series that was silent for longer begins anew: any replica may take over by then. What is
remembered of series: at most ``limit`` an answer, for so long."""
MAX_OVER_TOLD = 1_000
"""Series beyond the limit that are named, 1 kB each; the rest is counted."""

_EARLIEST, _LATEST = micros(EARLIEST), micros(LATEST)
_COUNTER_ENDS = ("_total", "_count", "_sum", "_bucket")

Pairs = tuple[tuple[str, str], ...]


class Key(NamedTuple):
    """What a series is called in observations."""

    name: str
    labels: Pairs


class _Identity(NamedTuple):
    """A series as it was scraped, whoever scraped it."""

    key: Key
    hidden: Pairs
    """Labels that the query takes off: two series that differ in them alone are two."""


class _Sample(NamedTuple):
    """One sample; sorts by time."""

    time: int
    replica: Pairs
    value: float


@dataclass(slots=True)
class _Known:
    """What is remembered of a series."""

    last: int
    replica: Pairs
    interval: int


@dataclass(frozen=True, slots=True)
class Over:
    """A series that was left out, as it is one too many."""

    key: Key
    example: Metric
    samples: int


@dataclass(slots=True)
class Taken:
    """What an answer brought."""

    samples: list[Metric] = field(default_factory=list)
    """In order of time."""
    over: list[Over] = field(default_factory=list)
    """Series beyond the query's limit (at most :data:`MAX_OVER_TOLD` are named)."""
    counts: Counter[str] = field(default_factory=Counter)
    """What was left out: ``not_a_number``, ``histograms``, ``other_replica``, ``again``,
    ``samples_over_limit``, ``series_over_limit``, ``absurd_time``."""


@dataclass(slots=True)
class Memory:
    """What is remembered between the answers to one query."""

    query: Query
    replica_labels: frozenset[str]
    interval_s: float
    """Between two samples of a series as long as nothing is known of it."""
    _known: dict[_Identity, _Known] = field(default_factory=dict, init=False)

    def take(self, answer: Iterable[RawSeries], window: Window) -> Taken:
        """Return what is new in an answer for a window; windows' beginnings never go back."""
        taken = Taken()
        found = self._sorted_out(answer, taken)
        kept = _within_limit({identity.key for identity in found}, self.query.limit)
        left_out: Counter[Key] = Counter()
        for identity, samples in found.items():
            if identity.key not in kept:
                left_out[identity.key] += len(samples)
                continue
            fresh = self._fresh(identity, sorted(samples), taken.counts)
            taken.samples += self._metrics(identity.key, fresh)
        self._leave_out(left_out, window, taken)
        taken.samples.sort(key=lambda metric: (metric.time, metric.name))
        self._forget(micros(window.since))
        return taken

    def _sorted_out(
        self, answer: Iterable[RawSeries], taken: Taken
    ) -> dict[_Identity, list[_Sample]]:
        """Return the samples of each series, those of its replicas together."""
        found: dict[_Identity, list[_Sample]] = {}
        for series in answer:
            taken.counts["histograms"] += len(series.histograms)
            identity, replica = self._named(series.metric)
            samples = found.setdefault(identity, [])
            samples += [
                _Sample(round(at * 1_000) * 1_000, replica, _number(text))
                for at, text in series.values
            ]
        return found

    def _named(self, metric: dict[str, str]) -> tuple[_Identity, Pairs]:
        labels = about_object(metric)
        name = labels.pop("__name__", "")
        replica = _taken_off(labels, self.replica_labels)
        hidden = _taken_off(labels, self.query.without)
        labels |= self.query.labels
        key = Key(self.query.name or name, tuple(sorted(labels.items())))
        return _Identity(key, hidden), replica

    def _fresh(
        self, identity: _Identity, samples: Sequence[_Sample], counts: Counter[str]
    ) -> Iterator[_Sample]:
        """Yield the samples that were not taken before, of the replica that is believed."""
        for sample in samples:
            known = self._known.get(identity)
            gone_by = None if known is None else sample.time - known.last
            if known is None or gone_by is None or gone_by > FRESH_AFTER:
                first = round(self.interval_s * 1_000_000)
                known = _Known(sample.time, sample.replica, min(first, LONGEST_INTERVAL))
                self._known[identity] = known
            elif gone_by <= 0:
                counts["again"] += 1
                continue
            elif sample.replica == known.replica:
                known.last, known.interval = sample.time, min(gone_by, LONGEST_INTERVAL)
            elif gone_by > SILENT_INTERVALS * known.interval:
                known.last, known.replica = sample.time, sample.replica
            else:
                counts["other_replica"] += 1
                continue
            if _is_usable(sample, counts):
                yield sample

    def _metrics(self, key: Key, samples: Iterable[_Sample]) -> Iterator[Metric]:
        labels = dict(key.labels)
        counts = self.query.kind == "select" and key.name.endswith(_COUNTER_ENDS)
        kind = self.query.type or ("counter" if counts else "gauge")
        for sample in samples:
            yield Metric(
                time=instant(sample.time),
                name=key.name,
                value=sample.value,
                labels=labels,
                type=kind,
            )

    def _leave_out(self, left_out: Counter[Key], window: Window, taken: Taken) -> None:
        taken.counts["series_over_limit"] += len(left_out)
        taken.counts["samples_over_limit"] += left_out.total()
        at = micros(window.until)
        for key in sorted(left_out, key=_digest)[:MAX_OVER_TOLD]:
            [example] = self._metrics(key, [_Sample(at, (), 0.0)])
            taken.over.append(Over(key, example, left_out[key]))

    def _forget(self, since: int) -> None:
        """Forget series that begin anew in whatever window comes next."""
        old = [each for each, known in self._known.items() if known.last < since - FRESH_AFTER]
        for identity in old:
            del self._known[identity]


def _taken_off(labels: dict[str, str], names: Iterable[str]) -> Pairs:
    return tuple(sorted((name, labels.pop(name)) for name in names if name in labels))


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return nan


def _is_usable(sample: _Sample, counts: Counter[str]) -> bool:
    if not isfinite(sample.value):
        counts["not_a_number"] += 1
        return False
    if not _EARLIEST <= sample.time < _LATEST:
        counts["absurd_time"] += 1
        return False
    return True


def _within_limit(keys: set[Key], limit: int) -> set[Key]:
    """Return so many of the series, always the same of the same ones."""
    return keys if len(keys) <= limit else set(sorted(keys, key=_digest)[:limit])


def _digest(key: Key) -> bytes:
    return blake2b(repr(key).encode(), digest_size=16).digest()

"""What ingest sees of each node, and how it is itself: numbers for Prometheus.

A sink that counts, in front of the outbox; and the families of metrics that tell of both.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from pipeline.live.outbox.stats import OutboxStats
from pipeline.live.sink import Sink
from pipeline.openmetrics import Family, Sample
from pipeline.records import Gap, Observation, Rejected, Signal, micros

MAX_SPOTS = 30_000
"""Nodes × signals that are told one by one, some 250 bytes each: 10,000 users' servers. Those
beyond are published all the same, and missing in the metrics."""

_SECOND = 1_000_000


@dataclass(slots=True)
class Spot:
    """One signal of one node."""

    observations: int = 0
    last: int = 0
    """Event time of the latest, in microseconds."""
    lost: int = 0
    gaps: int = 0


@dataclass(slots=True)
class Counting:
    """A sink that counts what goes through it, by node and signal."""

    sink: Sink
    spots: dict[tuple[str, Signal], Spot] = field(default_factory=dict)

    def observe(self, node: str, observation: Observation) -> None:
        """Count an observation and hand it on."""
        spot = self._spot(node, observation.signal)
        spot.observations += 1
        spot.last = max(spot.last, micros(observation.time))
        self.sink.observe(node, observation)

    def gap(self, gap: Gap) -> None:
        """Count a gap and hand it on."""
        spot = self._spot(gap.node, gap.signal)
        spot.gaps += 1
        spot.lost += gap.lost or 0
        self.sink.gap(gap)

    def rejected(self, rejected: Rejected) -> None:
        """Hand on what could not be read."""
        self.sink.rejected(rejected)

    async def room(self, signal: Signal) -> None:
        """Return when there is room behind us."""
        await self.sink.room(signal)

    def _spot(self, node: str, signal: Signal) -> Spot:
        spot = self.spots.get((node, signal))
        if spot is None:
            spot = Spot()
            if len(self.spots) < MAX_SPOTS:
                self.spots[node, signal] = spot
        return spot


def metrics_of(
    spots: Mapping[tuple[str, Signal], Spot],
    stats: OutboxStats,
    counts: Counter[str],
    redacted: Mapping[str, int] | None = None,
) -> list[Family]:
    """Return what there is to tell, as families of metrics."""
    told = [
        ({"node": node, "signal": signal}, spots[node, signal]) for node, signal in sorted(spots)
    ]
    return [
        _gauge(
            "last_seen_timestamp_seconds",
            "Event time of the latest observation.",
            [(labels, spot.last / _SECOND) for labels, spot in told if spot.last],
        ),
        _counter("observations", "Observations read.", [(at, s.observations) for at, s in told]),
        _counter("gaps", "Gaps told.", [(labels, spot.gaps) for labels, spot in told]),
        _counter("lost", "Observations known to be lost.", [(at, s.lost) for at, s in told]),
        *_of_outbox(stats),
        _counter(
            "redacted",
            "Secrets replaced before anything was published, by rule.",
            [({"rule": name}, n) for name, n in sorted((redacted or {}).items())],
        ),
        _counter(
            "reading",
            "What happened while reading, by kind.",
            [({"what": name}, n) for name, n in sorted(counts.items())],
        ),
    ]


def _of_outbox(stats: OutboxStats) -> Iterator[Family]:
    published = [({"signal": signal}, n) for signal, n in stats.published.items()]
    yield _counter("published", "Observations that the broker has.", published)
    yield _counter("rejected", "Records that could not be read.", [({}, stats.rejected)])
    yield _gauge("waiting_bytes", "What waits for the broker.", [({}, stats.waiting_bytes)])
    yield _gauge("waiting_seconds", "For how long the oldest waits.", [({}, stats.oldest_s)])


def _gauge(name: str, what: str, samples: Sequence[Sample]) -> Family:
    return Family(name=f"aftershock_ingest_{name}", type="gauge", help=what, samples=samples)


def _counter(name: str, what: str, samples: Sequence[Sample]) -> Family:
    return Family(name=f"aftershock_ingest_{name}", type="counter", help=what, samples=samples)

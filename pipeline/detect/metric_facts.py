"""Facts about the metrics of one node, and what follows from them."""

from functools import cached_property

import msgspec

from pipeline.detect import undecided
from pipeline.detect.episodes import Facts
from pipeline.detect.limits import Pair
from pipeline.detect.requests import MAX_COUNTERS, Cumulative, Requests
from pipeline.detect.samples import Series
from pipeline.detect.series import Description
from pipeline.detect.service import Service
from pipeline.detect.tallies import Tally
from pipeline.detect.undecided import Undecided

MAX_PAIRS = 512
"""Ratios per node and open span of two minutes, some 300 bytes each: 150 kB."""
MAX_SERVICES = 64
"""Views of requests per node: 3.5 kB of history each in the changelog, 300 kB with base64."""
_BEFORE_ALL = -(2**62)


class MetricFacts(Facts, kw_only=True, dict=True):
    """Facts about the metrics of one node."""

    settled: int = _BEFORE_ALL
    """Minutes before this are closed."""
    series: dict[str, Series] = msgspec.field(default_factory=dict)
    """By readable identity; bounded by ``DetectSettings.max_series``."""
    pairs: dict[str, Pair] = msgspec.field(default_factory=dict)
    """Ratios of open spans; bounded by ``MAX_PAIRS``."""
    services: dict[str, Service] = msgspec.field(default_factory=dict)
    """By view; bounded by ``MAX_SERVICES``."""
    requests: Requests = msgspec.field(default_factory=Requests)
    """Counters and histograms of requests, which services are made of …"""
    derived: dict[str, Service] = msgspec.field(default_factory=dict)
    """… by view; bounded by ``MAX_SERVICES``."""

    @cached_property
    def undecided(self) -> Undecided:
        """What follows from the facts and is no part of their snapshot; that of a new node."""
        return Undecided()


def live(facts: MetricFacts) -> dict[str, dict[int, Tally]]:
    """Return the growth that samples may still come in between of."""
    return undecided.live(facts.undecided, facts.settled, facts.tracks)


def keep_for_requests(facts: MetricFacts, described: Description, value: float, time: int) -> None:
    """Keep a sample of a counter or a histogram of requests, if it is one."""
    part, own = described.request_part, not described.matters
    if part is None:
        return
    known = facts.requests.counters.get(described.key)
    if known is not None and (known.part, known.own) != (part, own):  # by an older pack
        facts.no_symptom += known.waiting
        known = None
        del facts.requests.counters[described.key]
        facts.undecided.recount(facts.requests.counters)
    if known is None:
        if len(facts.requests.counters) >= MAX_COUNTERS:
            facts.overflow += own
            facts.requests.crowded += 1
            return
        known = facts.requests.counters[described.key] = Cumulative(part, own)
    if known.put(time, value):
        facts.undecided.took(known, time)
    else:
        facts.duplicate += own

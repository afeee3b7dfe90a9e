"""Limits on metrics: which sample is over one, alone or in proportion to another series.

Monotone by construction: a sample that is over a limit stays so whatever else becomes known. So a
ratio is over when *any* sample of the divisor in the same two minutes makes it so.
"""

from collections.abc import Callable, Mapping

import msgspec

from pipeline.detect.pack import SignaturePack
from pipeline.detect.rules import Rule
from pipeline.detect.samples import MINUTE
from pipeline.detect.signatures import PAIR_US, MetricSignature
from pipeline.detect.tallies import Occurrence

RESOLUTION_S = MINUTE / 1_000_000
"""A sample tells of the interval before it, of a minute as a rule."""


class Candidate(msgspec.Struct, array_like=True):
    """A sample as a limit looks at it."""

    time: int
    value: float
    series: str
    fingerprint: str
    subject: dict[str, str]
    observations: int
    """1 where the limit accounts for the sample."""
    pod: str | None
    cluster_node: str | None


class Pair(msgspec.Struct, array_like=True):
    """What is known of a ratio in one span of time."""

    rule: str
    end: int
    low: float | None = None
    high: float = 0.0
    """Least and largest divisor seen; only positive ones count (0 means: no limit is set)."""
    waiting: list[Candidate] = msgspec.field(default_factory=list)
    """Samples not over the limit so far: two minutes of one series, and of its replicas."""


Test = Callable[[float], bool]


class Limits:
    """The limits of a pack."""

    def __init__(self, pack: SignaturePack) -> None:
        self._signatures: Mapping[str, MetricSignature] = {s.id: s for s in pack.metrics}
        self.tests: Mapping[str, Test] = {
            s.id: _test(s) for s in pack.metrics if not s.limit.increases
        }

    def has(self, rule: str) -> bool:
        """Tell whether the pack has a limit."""
        return rule in self._signatures

    def is_ratio(self, rule: str) -> bool:
        """Tell whether the limit is on a ratio."""
        return self._signatures[rule].divided_by is not None

    def is_increase(self, rule: str) -> bool:
        """Tell whether the limit is one, and on a counter's increase."""
        return self.has(rule) and self._signatures[rule].limit.increases

    def over(self, rule: str, value: float) -> bool:
        """Tell whether a value alone is over the limit."""
        return self.tests[rule](value)

    def over_ratio(self, pair: Pair, value: float) -> bool:
        """Tell whether a value is over the limit for any divisor known."""
        if pair.low is None:
            return False
        signature = self._signatures[pair.rule]
        divisor = pair.low if signature.limit.at_least is not None else pair.high
        return self.tests[pair.rule](value / divisor)


def limit_rules(pack: SignaturePack) -> dict[str, Rule]:
    """Return what the episodes of each limit follow."""
    return {s.id: s.rule(resolution_s=RESOLUTION_S, grain=_grain(s)) for s in pack.metrics}


def _grain(signature: MetricSignature) -> int:
    """Return the steps in which a limit decides: growth is known as its minute closes."""
    if signature.limit.increases:
        return MINUTE
    return 1 if signature.divided_by is None else PAIR_US


def pair_key(limit_pair: str, time: int) -> str:
    """Return the key of the span of time in which a pair meets."""
    return f"{time // PAIR_US}|{limit_pair}"


def pair_end(time: int) -> int:
    """Return the end of that span."""
    return (time // PAIR_US + 1) * PAIR_US


def divided(pair: Pair, divisor: float) -> None:
    """Take note of a divisor."""
    if divisor > 0:
        pair.low = divisor if pair.low is None else min(pair.low, divisor)
        pair.high = max(pair.high, divisor)


def occurrence_of(candidate: Candidate) -> Occurrence:
    """Return the occurrence that a sample over the limit is."""
    return Occurrence(
        time=candidate.time,
        text=f"{candidate.series} = {candidate.value:.6g}",
        onset=candidate.time,
        observations=candidate.observations,
        pod=candidate.pod,
        cluster_node=candidate.cluster_node,
    )


def _test(signature: MetricSignature) -> Test:
    limit = signature.limit
    if limit.equals is not None:
        wanted = limit.equals
        return lambda value: value == wanted
    if limit.at_least is not None:
        least = limit.at_least
        return lambda value: value >= least
    bound = 0.0 if limit.less_than is None else limit.less_than
    return lambda value: value < bound

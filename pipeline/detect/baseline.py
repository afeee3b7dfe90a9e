"""Is a value far from its own past? Median and quartiles, with a guard gap. Pure numbers."""

import math
import struct
from collections.abc import Sequence
from itertools import pairwise
from typing import Literal, NamedTuple, TypeVar

import numpy as np

T = TypeVar("T")

KEPT = 60
"""Earlier buckets that are remembered of a series: an hour of minutes, four bytes each."""
GUARD = 5
"""The latest of them are left out, so that a slow fault does not teach the baseline."""
ENOUGH = 15
"""Fewer buckets than this tell nothing about quartiles."""
RELATIVE_FLOOR = 0.05
"""A standard deviation is at least this share of the median: nothing is that constant for ever."""
IQR_PER_SIGMA = 1.349
"""Of a normal distribution."""
DOUBT = 2.0
"""The spread of a short past is not known well: its upper end is taken, so many standard errors
above the estimate. Real trouble is far beyond either; noise of twenty minutes is not."""
IQR_ERROR = 1.17
"""Standard error of that spread, times √n and as a share of it. A sample quantile has the variance
p(1-p)/(n·f²) and two have the covariance p(1-q)/(n·f·g) (David & Nagaraja, Order Statistics, 10.2);
at the quartiles of a normal distribution f = g = 0.3178/σ, so the IQR has the standard error
1.573·σ/√n, and 1.573/1.349 = 1.17. With 15 minutes 60 % are added, with 55 it is 32 %."""
BEYOND = 1.25
"""A deviant value lies so many times as far from the median as anything in its past. This is what
keeps long-tailed noise quiet, where quartiles say little …"""
BEYOND_AT_ONCE = 3.0
"""… and this, what suffices alone."""

_LARGEST = 3e38
"""What fits into four bytes; a metric beyond it is nonsense, and equally far off."""
_LARGEST_SCORE = 1e6

Direction = Literal["up", "down", "both"]


class Deviation(NamedTuple):
    """How a value compares with its past."""

    sigmas: float
    """Robust standard deviations from the median, with sign."""
    median: float
    change: float
    """Difference to the median as a share of it; infinite where the median is 0."""
    beyond: float
    """Distance from the median, as a multiple of the farthest in the past."""

    def points(self, direction: Direction) -> bool:
        """Tell whether the deviation is in a direction that is trouble."""
        return direction == "both" or (self.sigmas > 0) == (direction == "up")


def clamp(value: float) -> float:
    """Return the value within what four bytes hold."""
    return max(-_LARGEST, min(_LARGEST, value))


def remembered(history: bytes) -> tuple[float, ...]:
    """Return the means of earlier buckets, oldest first."""
    return struct.unpack(f"<{len(history) // 4}f", history)


def remember(history: bytes, value: float) -> bytes:
    """Return the history with one more bucket, without what is too old."""
    return (history + struct.pack("<f", clamp(value)))[-4 * KEPT :]


def extended(histories: Sequence[bytes], values: Sequence[float]) -> tuple[list[bool], list[bytes]]:
    """Return which of many values are as usual, and their histories with each one more value.

    The histories are all as long and not empty, and no bucket of them is deviant. As usual is what
    has too little to be compared with, or lies within what ``reference`` returns, or not far enough
    beyond it; what is more than that takes a closer look. Least and greatest suffice for most: what
    lies between them is at most as far from the median as something in its past (see ``BEYOND``).
    """
    past = np.frombuffer(b"".join(histories), dtype="<f4").reshape(len(histories), -1)
    now = np.asarray(values, dtype=np.float64)
    usual = np.ones(len(now), dtype=np.bool_)
    old = past[:, :-GUARD]
    if old.shape[1] >= ENOUGH:
        usual = (old.min(axis=1) <= now) & (now <= old.max(axis=1))
        for at in np.flatnonzero(~usual).tolist():
            usual[at] = _beyond(values[at], sorted(old[at].tolist())) < BEYOND
    more = np.clip(now, -_LARGEST, _LARGEST).astype("<f4")
    raw = np.concatenate((past, more[:, None]), axis=1)[:, -KEPT:].tobytes()
    size = len(raw) // len(histories)
    return usual.tolist(), [raw[start : start + size] for start in range(0, len(raw), size)]


def is_within(value: float, past: Sequence[float]) -> bool:
    """Tell whether a value lies within its past: then nothing is wrong (see ``BEYOND``)."""
    return min(past) <= value <= max(past)


def reference(past: Sequence[T], deviant: int) -> Sequence[T] | None:
    """Return what a new value is compared with; ``None`` while there is too little.

    ``deviant`` has a bit for each bucket of the past, the latest is bit 0. Neighbouring deviant
    buckets are left out, unless so little is left that the deviation must be called the new
    normal; a lone one is a spike such as this series has.
    """
    old = past[:-GUARD]
    if len(old) < ENOUGH:
        return None
    trouble = deviant & (deviant << 1 | deviant >> 1)
    if not trouble >> GUARD:
        return old
    latest = len(past) - 1
    calm = [value for at, value in enumerate(old) if not trouble >> (latest - at) & 1]
    return calm if len(calm) >= ENOUGH else old


def deviation(value: float, past: Sequence[float], floor: float) -> Deviation:
    """Compare a value with its past. ``floor``: the least standard deviation that is believed."""
    ordered = sorted(past)
    median = quantile(ordered, 0.5)
    spread = (quantile(ordered, 0.75) - quantile(ordered, 0.25)) / IQR_PER_SIGMA
    spread *= 1 + DOUBT * IQR_ERROR / math.sqrt(len(ordered))
    if median == 0:
        spread = max(spread, rare_spread(value, ordered))
    sigma = max(spread, RELATIVE_FLOOR * abs(median), floor)
    distance = value - median
    return Deviation(
        sigmas=max(-_LARGEST_SCORE, min(_LARGEST_SCORE, distance / sigma)),
        median=median,
        change=abs(distance / median) if median else math.inf,
        beyond=_beyond(value, ordered),
    )


def _beyond(value: float, ordered: Sequence[float]) -> float:
    median = quantile(ordered, 0.5)
    distance = value - median
    farthest = ordered[-1] - median if distance > 0 else median - ordered[0]
    return abs(distance) / farthest if farthest > 0 else math.inf


def rare_spread(value: float, ordered: Sequence[float]) -> float:
    """Return the standard deviation of counts that are mostly 0; 0.0 for what is no count.

    Their quartiles are 0 and say nothing. Of rare events (Poisson) the variance is the rate, and
    the upper end of the rate is (√(events + 1) + z/2)² by the minutes, z standard errors up (the
    square root has the variance 1/4 whatever the rate): for none and z = 2 it is 4, exactly 3.8.
    A state that goes from 0 to 1 looks the same: it takes a limit, not a baseline.
    """
    counts = (value, *ordered)
    if ordered[0] < 0 or not all(float(each).is_integer() for each in counts):
        return 0.0
    upper = math.sqrt(math.fsum(ordered) + 1) + DOUBT / 2
    return upper / math.sqrt(len(ordered))


def mean(values: Sequence[float]) -> float:
    """Return the mean; exactly the same for any order of the values."""
    if len(values) == 2:  # noqa: PLR2004 - two scrapes a minute: as exact, in a fifth of the time
        one, two = values
        if -_LARGEST <= one <= _LARGEST and -_LARGEST <= two <= _LARGEST:
            return (one + two + 0.0) / 2
    return math.fsum(map(clamp, values)) / len(values)


def rate(samples: Sequence[tuple[int, float]]) -> float | None:
    """Return a counter's increase per second over samples in time order; ``None`` for too few.

    A counter that falls was reset, and has counted from 0 since.
    """
    span = samples[-1][0] - samples[0][0]
    if span <= 0:
        return None
    values = [clamp(value) for _, value in samples]
    grown = math.fsum(new - old if new >= old else new for old, new in pairwise(values))
    return grown / (span / 1e6)


def quantile(ordered: Sequence[float], share: float) -> float:
    """Return the value at a share of a sorted sequence, between neighbours in proportion."""
    at = share * (len(ordered) - 1)
    below = int(at)
    if below + 1 == len(ordered):
        return ordered[below]
    return ordered[below] + (at - below) * (ordered[below + 1] - ordered[below])

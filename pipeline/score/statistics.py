"""Shares, counts and their uncertainty; pure.

Sources: Wilson, "Probable inference, the law of succession, and statistical inference" (1927);
Breslow and Day, "Statistical methods in cancer research" II (1987), for Byar's approximation;
Guo et al., "On calibration of modern neural networks" (2017).
"""

import math
from collections.abc import Iterable, Sequence

Interval = tuple[float, float]

Z_95 = 1.959963984540054
"""Two-sided 95 % of the normal distribution."""
CALIBRATION_BINS = 10


def share(hits: float, of: int) -> float | None:
    """Return hits per one; None where there is nothing to take a share of."""
    return hits / of if of else None


def wilson(hits: int, of: int) -> Interval | None:
    """Return the 95 % interval of a share by Wilson's score; None where there are no trials."""
    if not of:
        return None
    p, zz = hits / of, Z_95**2 / of
    centre = (p + zz / 2) / (1 + zz)
    half = Z_95 / (1 + zz) * math.sqrt(p * (1 - p) / of + zz / (4 * of))
    # at the ends the root cancels exactly but for rounding
    low = 0.0 if hits == 0 else max(0.0, centre - half)
    high = 1.0 if hits == of else min(1.0, centre + half)
    return low, high


def poisson(count: int) -> Interval:
    """Return the 95 % interval of a count by Byar's approximation (off by 1 % at worst)."""
    low = 0.0 if count == 0 else count * (1 - 1 / (9 * count) - Z_95 / (3 * count**0.5)) ** 3
    more = count + 1
    return max(0.0, low), more * (1 - 1 / (9 * more) + Z_95 / (3 * more**0.5)) ** 3


def percentile(values: Iterable[float], of_one: float) -> float | None:
    """Return a percentile, linear between the two nearest values; None where there is no value."""
    ordered = sorted(values)
    if not ordered:
        return None
    place = of_one * (len(ordered) - 1)
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def calibration_error(stated: Sequence[tuple[float, bool]]) -> float | None:
    """Return the expected calibration error of (probability, came true) in ten equal bins.

    It is the mean distance of what was stated and what came true, bin by bin, weighted by how much
    is in the bin; None where nothing was stated.
    """
    if not stated:
        return None
    bins: dict[int, list[tuple[float, bool]]] = {}
    for probability, right in stated:
        number = min(int(probability * CALIBRATION_BINS), CALIBRATION_BINS - 1)
        bins.setdefault(number, []).append((probability, right))
    gaps = (
        abs(sum(probability for probability, _ in held) - sum(right for _, right in held))
        for _, held in sorted(bins.items())
    )
    return sum(gaps) / len(stated)

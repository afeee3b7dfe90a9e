"""Minutes that are as usual, of many series at once: nearly always all are. Pure.

They are judged and remembered as ``Minutes.judge`` does it, in a tenth of the time; whatever may be
more than that is left to it.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence

from pipeline.detect import baseline
from pipeline.detect.minutes import compared
from pipeline.detect.samples import FORGET_AFTER, MINUTE, Series

Fine = Callable[[Series, range], int]
"""(series, positions) → samples in which no limit has found anything."""


def pass_over(all_series: Iterable[Series], end: int, fine: Fine) -> int:
    """Close the only minute before ``end`` of each series where it is as usual.

    ``end`` is a minute's; each series has samples before it, and none of closed minutes. Returns
    how many of the samples are fine. What then has samples before ``end`` may be unusual, or has
    more minutes: it must be judged.
    """
    found = 0
    by_size: dict[int, list[tuple[Series, int, float]]] = {}
    for series in all_series:
        samples = _only_minute(series, end)
        if not samples:
            continue
        if not series.baseline:
            found += fine(series, range(samples)) if series.owner else samples
            series.drop(samples)
        elif series.history and not series.deviant:
            value = _value(series, samples)
            if value is not None:
                by_size.setdefault(len(series.history), []).append((series, samples, value))
    return found + sum(_compare(minutes, fine) for minutes in by_size.values())


def _compare(minutes: Sequence[tuple[Series, int, float]], fine: Fine) -> int:
    """Close those that are as usual; the histories are all as long."""
    found = 0
    histories = [series.history for series, _, _ in minutes]
    usual, longer = baseline.extended(histories, [value for _, _, value in minutes])
    for (series, samples, _), is_usual, history in zip(minutes, usual, longer, strict=True):
        if is_usual:
            series.history = history
            found += fine(series, range(samples)) if series.owner else samples
            series.drop(samples)
    return found


def _only_minute(series: Series, end: int) -> int:
    """Return how many samples the only minute before ``end`` has; 0: there are more."""
    times, last = series.times, series.last
    first = times[0]
    if last is not None and first - last[0] >= FORGET_AFTER:
        return 0  # begins anew
    samples = bisect_left(times, end)
    if first < end - MINUTE and times[samples - 1] >= first - first % MINUTE + MINUTE:
        return 0
    return samples


def _value(series: Series, samples: int) -> float | None:
    if not series.counter:
        return baseline.mean(series.values[:samples])
    return compared(series, list(zip(series.times[:samples], series.values[:samples], strict=True)))

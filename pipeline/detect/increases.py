"""Counters of one node that limits watch → occurrences: each increase once, with its size.

Which sample shows growth, and of how much, depends on the samples before it. So it is looked at
anew for as long as samples may still come between them, and becomes a fact as their minute closes.
"""

import math
from collections.abc import Container, Iterator, Mapping

from pipeline.detect.samples import Asked, Series
from pipeline.detect.tallies import KEPT_TIMES, Occurrence, Tally, note


def increases(key: str, series: Series, start: int, end: int) -> Iterator[tuple[Asked, Occurrence]]:
    """Yield the growth of a series within ``[start, end)``, for each limit that asks."""
    for at in series.grown(start, end):
        for asked in series.asked:
            yield asked, _occurrence(key, series, at, asked)


def live(
    all_series: Mapping[str, Series], start: int, end: int, told: Container[str]
) -> dict[str, dict[int, Tally]]:
    """Return the growth of ``[start, end)`` by fingerprint and bucket, for those that are told."""
    found: dict[str, dict[int, Tally]] = {}
    for key, series in all_series.items():
        if not series.grows:
            continue  # as nearly always
        for asked, occurrence in increases(key, series, start, end):
            if asked.fingerprint in told:
                note(found.setdefault(asked.fingerprint, {}), occurrence)
    return found


def is_told(series: Series, at: int, told: Container[str]) -> bool:
    """Tell whether the limit that accounts for a sample tells of growth there."""
    owners = (asked.fingerprint for asked in series.asked if asked.observations)
    return series.growth(at) > 0 and any(owner in told for owner in owners)


def _occurrence(key: str, series: Series, at: int, asked: Asked) -> Occurrence:
    time, before = series.times[at], series.times[at - 1]
    return Occurrence(
        time=time,
        text=f"{key} = {series.values[at]:.6g}",
        onset=time,
        count=series.counted(at),
        observations=asked.observations,
        since=(before,) * min(math.ceil(series.growth(at)), KEPT_TIMES),
        pod=asked.pod,
        cluster_node=asked.cluster_node,
    )

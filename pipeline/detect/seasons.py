"""What is far from the hour before, but comes at this time of day or week: no trouble. Pure.

In: the deviant minutes of one series. Out: whether one more is as others were at that time. A night
job is known from the fourth day on; what comes once a week, from the third week on. One time alone
says nothing: a fault may have been there. Only hours with deviant minutes are remembered, so nearly
all series remember none.
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple

HOUR = 3_600_000_000
"""In microseconds."""
NEAR = 1
"""Hours that it may come sooner or later: jobs take longer, and clocks are changed."""
DAYS = 7
ENOUGH_DAYS = 3
"""It is as ever when it was so on as many of the last ``DAYS`` …"""
WEEKS = (7, 14)
"""… or on each of these days before."""
FARTHER = 1.25
"""So many times as far from the median as then is as far as then (see ``baseline.BEYOND``)."""
MAX_HOURS = 64
"""Hours remembered, 12 bytes each: 768 B of a series that deviates in some hours of each day."""

_ENTRY = struct.Struct("<iff")


class Hour(NamedTuple):
    """The deviant minutes of an hour."""

    number: int
    """Hours since 1970."""
    least: float
    greatest: float


def noted(hours: bytes, time: int, value: float) -> bytes:
    """Return the remembered hours with one more deviant minute; times only ever grow.

    ``value`` must fit into four bytes.
    """
    number = time // HOUR
    known = [hour for hour in _hours(hours) if hour.number >= number - 24 * max(WEEKS) - NEAR]
    last = Hour(number, value, value)
    if known and known[-1].number == number:
        former = known.pop()
        last = Hour(number, min(value, former.least), max(value, former.greatest))
    return b"".join(_ENTRY.pack(*hour) for hour in [*known, last][-MAX_HOURS:])


def is_usual(hours: bytes, time: int, value: float, median: float) -> bool:
    """Tell whether a deviant value is one that comes at this time; ``median``: what it left."""
    if not hours:
        return False
    number = time // HOUR
    days = {
        day
        for hour in _hours(hours)
        if _is_as_far(value, median, hour)
        for day in range(1, max(WEEKS) + 1)
        if abs(hour.number + 24 * day - number) <= NEAR
    }
    return sum(day <= DAYS for day in days) >= ENOUGH_DAYS or days.issuperset(WEEKS)


def _is_as_far(value: float, median: float, then: Hour) -> bool:
    if value >= median:
        return value - median <= FARTHER * (then.greatest - median)
    return median - value <= FARTHER * (median - then.least)


def _hours(hours: bytes) -> Iterator[Hour]:
    return map(Hour._make, _ENTRY.iter_unpack(hours))

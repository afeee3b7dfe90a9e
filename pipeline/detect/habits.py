"""What a fingerprint has done before: how long to wait for its end, and when it is nothing new.

In: the episodes of one fingerprint that are over and were told, oldest first, and the onset of the
next. Out: its quiet time (what flaps is one trouble, not many), and how much of it is as ever. What
comes again and again for hours is chronic: nobody opens an incident for it, so it is told as weak
evidence, with a count of what was held back, until it is worse than it has been. What is critical
is never a habit. Pure; microseconds throughout.
"""

from collections.abc import Sequence
from statistics import median

import msgspec

from pipeline.detect.rules import Rule

_MINUTE = 60_000_000
_HOUR = 60 * _MINUTE

REMEMBERED = 2 * _HOUR
"""An episode that ended longer ago has nothing to do with the next."""
MAX_PAST = 24
"""Episodes remembered of a fingerprint (some 40 bytes each: 1 kB)."""
FLAPPING = 3
"""From so many episodes on, each soon after the one before, the next is waited for …"""
PATIENCE = 3
"""… so many times longer …"""
LONGEST_PATIENCE = 15 * _MINUTE
"""… but no longer than this, unless the rule says so."""
CHRONIC_EPISODES = 6
"""So many episodes, each within two hours of the one before …"""
CHRONIC_FOR = 3 * _HOUR
"""… the first of them so long ago, are a habit."""
WORSE = 2
"""Twice the usual is not as ever …"""
MARGIN = 3
"""… with some room for chance where counts are small."""


class Past(msgspec.Struct, array_like=True):
    """An episode that is over."""

    onset: int
    last: int
    count: int
    score: float
    in_a_row: int
    """How many have followed each other soon, with this one."""


class Habit(msgspec.Struct, array_like=True, frozen=True):
    """What was usual when an episode began."""

    quiet: int
    """It is over when nothing has come for this long."""
    in_a_row: int = 1
    """How many have followed each other soon, with this one."""
    count: float = -1.0
    """Up to so many occurrences are as ever; below 0: nothing is."""
    score: float = 0.0
    """Up to this strength it is as ever."""
    earlier: int = 0
    """How many came before it, each within ``REMEMBERED`` of the next …"""
    since: int = 0
    """… and when the first of them began."""

    def has(self, count: int, score: float) -> bool:
        """Tell whether an episode of this size is as ever."""
        return count <= self.count and score <= self.score


def habit(past: Sequence[Past], rule: Rule, onset: int) -> Habit:
    """Return what is usual for an episode that begins at ``onset``."""
    known = _connected(past, onset)
    patient = patience(rule.quiet)
    soon = bool(known) and onset - known[-1].last < patient
    in_a_row = known[-1].in_a_row + 1 if soon else 1
    quiet = patient if in_a_row >= FLAPPING else rule.quiet
    since = known[0].onset if known else 0
    if not _is_chronic(known, rule, onset):
        return Habit(quiet, in_a_row, earlier=len(known), since=since)
    return Habit(
        quiet,
        in_a_row,
        count=WORSE * median(each.count for each in known) + MARGIN,
        score=WORSE * median(each.score for each in known),
        earlier=len(known),
        since=since,
    )


def patience(quiet: int) -> int:
    """Return the quiet time of what flaps, by what it is otherwise."""
    return max(quiet, min(PATIENCE * quiet, LONGEST_PATIENCE))


def _connected(past: Sequence[Past], onset: int) -> Sequence[Past]:
    """Return the last of them that are not parted by more than what is remembered."""
    begins = onset
    for position in range(len(past) - 1, -1, -1):
        if begins - past[position].last >= REMEMBERED:
            return past[position + 1 :]
        begins = past[position].onset
    return past


def _is_chronic(known: Sequence[Past], rule: Rule, onset: int) -> bool:
    """Tell whether it has come again and again for hours, and not more often of late."""
    if rule.severity == "critical" or len(known) < CHRONIC_EPISODES:
        return False
    since = onset - known[0].onset
    lately = sum(onset - each.onset < _HOUR for each in known)
    return since >= CHRONIC_FOR and lately <= WORSE * len(known) * _HOUR / since + MARGIN

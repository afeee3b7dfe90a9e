"""How far event time has come: the least mark of the live sources.

In: time marks of sources, each for one of the feeds (topics, or peer partitions) that the source
serves in step. Out: the time before which nothing more will come, or ``None`` while that is not
known. Pure; the shell judges by its own clock when a source is dead, and says so by ``drop``.
"""

from collections.abc import Sequence

import msgspec

MAX_SOURCES = 256
"""Bound on live sources (about 200 bytes each in a row): beyond it the one furthest behind goes."""


class _Source(msgspec.Struct):
    feeds: list[str]
    marks: dict[str, int]
    ended: list[str] = msgspec.field(default_factory=list)

    def reached(self) -> int | None:
        """Return the least mark over all feeds, or None while a feed has not been heard."""
        if any(feed not in self.marks for feed in self.feeds):
            return None
        return min(self.marks[feed] for feed in self.feeds)


class Watermark(msgspec.Struct):
    """Marks by source and feed, in microseconds; the value never goes back."""

    high: int | None = None
    """The highest value so far."""
    ended: int | None = None
    """The highest mark of a source that has ended: it counts once no source is live."""
    observed: int | None = None
    """The highest mark of a source that went on: how far anybody has looked. The last mark of a
    source may lie far beyond what it has seen, so that everything closes."""
    sources: dict[str, _Source] = msgspec.field(default_factory=dict)
    dropped: int = 0
    """Sources that were dropped as dead, or beyond the bound."""

    def observe(
        self, source: str, feed: str, *, feeds: Sequence[str], time: int, final: bool = False
    ) -> bool:
        """Take a mark; return whether the watermark moved. A repeated mark changes nothing."""
        entry = self.sources.setdefault(source, _Source(feeds=sorted(feeds), marks={}))
        entry.marks[feed] = max(time, entry.marks.get(feed, time))
        if not final:
            self.observed = time if self.observed is None else max(time, self.observed)
        elif feed not in entry.ended:
            entry.ended.append(feed)
        if set(entry.ended) >= set(entry.feeds):
            self.ended = max(entry.reached() or time, self.ended or 0)
            del self.sources[source]
        self._bound()
        return self._advance()

    def reached(self, source: str) -> int | None:
        """Return how far a live source has told; ``None`` where it has not on all its feeds."""
        entry = self.sources.get(source)
        return None if entry is None else entry.reached()

    def drop(self, source: str) -> bool:
        """Leave a dead source out of the minimum; return whether the watermark moved."""
        if self.sources.pop(source, None) is None:
            return False
        self.dropped += 1
        return self._advance()

    def _advance(self) -> bool:
        reached = [source.reached() for source in self.sources.values()]
        known = [mark for mark in reached if mark is not None]
        if len(known) < len(reached):
            return False
        value = min(known) if known else self.ended
        if value is None or (self.high is not None and value <= self.high):
            return False
        self.high = value
        return True

    def _bound(self) -> None:
        while len(self.sources) > MAX_SOURCES:
            slowest = min(self.sources, key=lambda name: (self.sources[name].reached() or 0, name))
            del self.sources[slowest]
            self.dropped += 1

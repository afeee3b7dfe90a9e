"""Tallies of one fingerprint → episodes: maximal runs of occurrences with gaps under ``quiet``.

Facts in, facts out. Buckets that no allowed observation can change any more are folded into the
episode's head, so what is kept does not grow with the length of an episode. Folding and scanning
are one function (:func:`absorb`), so folding early, late or never makes no difference.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from pipeline.detect.rules import Rule
from pipeline.detect.tallies import BUCKET, KEPT_TEXTS, Tally


class Run(msgspec.Struct, array_like=True):
    """An episode, or as much of it as has been looked at."""

    tally: Tally
    met: int | None
    """When the evidence first sufficed, in event order."""
    carry: list[int] = msgspec.field(default_factory=list)
    """What the rule's need remembers until then: at most ``at_least`` times."""

    @property
    def onset(self) -> int:
        """When it began."""
        return self.tally.onset


class Published(msgspec.Struct, array_like=True):
    """What has been told of an episode that is still open."""

    id: str
    onset: int
    revision: int
    count: int
    last: int
    former: list[str] = msgspec.field(default_factory=list)
    """Ids that it was told under before (bounded, see ``publishing``)."""
    whisper: bool = False
    """Told as weak evidence only."""


class Track(msgspec.Struct):
    """The facts of one fingerprint."""

    rule: str
    subject: dict[str, str]
    name: str
    """What the title ends with: the metric of a baseline; else empty."""
    head: Run | None = None
    buckets: dict[int, Tally] = msgspec.field(default_factory=dict)
    published: list[Published] = msgspec.field(default_factory=list)


class Facts(msgspec.Struct, kw_only=True):
    """What every detector knows of a node: counts of what is decided, tracks of what is not."""

    received: int = 0
    no_symptom: int = 0
    in_symptom: int = 0
    below_threshold: int = 0
    late: int = 0
    duplicate: int = 0
    overflow: int = 0
    suppressed: dict[str, int] = msgspec.field(default_factory=dict)
    """By rule."""
    tracks: dict[str, Track] = msgspec.field(default_factory=dict)
    """By fingerprint; bounded by ``DetectSettings.max_fingerprints``."""


@dataclass(slots=True)
class Episodes:
    """The episodes of one track."""

    ended: list[Run] = field(default_factory=list)
    open: list[Run] = field(default_factory=list)


Live = Mapping[int, Tally]
"""Buckets of what is not settled yet, beside those of the track."""


def track(facts: Facts, fingerprint: str, new: Track, limit: int) -> Track | None:
    """Return the track of a fingerprint; ``None`` when there are too many."""
    known = facts.tracks.get(fingerprint)
    if known is None and len(facts.tracks) < limit:
        known = facts.tracks[fingerprint] = new
    return known


def settle(track: Track, rule: Rule, closed_to: int, live: Live) -> Episodes:
    """Fold what is closed, and return what has ended and what is open, in event order."""
    closed_to -= closed_to % rule.grain
    episodes = Episodes()
    for number in sorted(track.buckets):
        if (number + 1) * BUCKET <= closed_to:
            _fold(track, rule, track.buckets.pop(number), episodes)
    episodes.open = _scan(track, rule, live)
    if track.head is not None and _is_over(track.head, episodes.open[0], rule, closed_to):
        episodes.ended.append(episodes.open.pop(0))
        track.head = None
    return episodes


def open_runs(track: Track, rule: Rule, live: Live) -> list[Run]:
    """Return the episodes that have not ended, in event order; nothing is changed."""
    return _scan(track, rule, live)


def absorb(runs: list[Run], rule: Rule, tally: Tally) -> None:
    """Add the next tally in event order: to the last run, or as a new one."""
    if runs and tally.first - runs[-1].tally.last < rule.quiet:
        run = runs[-1]
        run.tally.add(tally)
    else:
        run = Run(tally.copy(), None)
        runs.append(run)
    if run.met is None:
        run.met = rule.need.met(run.carry, tally)
        if run.met is not None:
            run.carry.clear()
    run.tally.times.clear()  # only the need looks at them, and it has


def _fold(track: Track, rule: Rule, tally: Tally, episodes: Episodes) -> None:
    runs = [] if track.head is None else [track.head]
    absorb(runs, rule, tally)
    episodes.ended += runs[:-1]
    track.head = runs[-1]


def _scan(track: Track, rule: Rule, live: Live) -> list[Run]:
    runs: list[Run] = []
    if track.head is not None:
        head = track.head
        runs.append(Run(head.tally.copy(), head.met, list(head.carry)))
    for number in sorted({*track.buckets, *live}):
        settled, fresh = track.buckets.get(number), live.get(number)
        tally = _sum(settled, fresh)
        absorb(runs, rule, tally)
        if settled is not None and fresh is None:
            _drop_needless_texts(settled, runs[-1])
    return runs


def _sum(settled: Tally | None, fresh: Tally | None) -> Tally:
    if settled is None or fresh is None:
        both = settled if fresh is None else fresh
        assert both is not None  # noqa: S101 - the number is a key of one of the two
        return both
    total = settled.copy()
    total.add(fresh)
    return total


def _drop_needless_texts(tally: Tally, run: Run) -> None:
    """Forget exemplars that cannot be among the earliest few: runs only ever grow."""
    if len(run.tally.texts) == KEPT_TEXTS and tally.texts and tally.texts[0] > run.tally.texts[-1]:
        tally.texts = []


def _is_over(head: Run, first: Run, rule: Rule, closed_to: int) -> bool:
    """Tell whether the head has ended: what is live does not belong to it, nor can what comes."""
    alone = first.tally.last == head.tally.last
    return alone and head.tally.last + rule.quiet <= closed_to


def owners(published: Sequence[Published], runs: Sequence[Run]) -> list[int]:
    """Return for each published episode the index of the run that it is part of now.

    Its onset lies in that run, unless it turned out to be earlier: then it is the last run that
    began before.
    """
    return [
        max((i for i, run in enumerate(runs) if run.onset <= past.onset), default=0)
        for past in published
    ]

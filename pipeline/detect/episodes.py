"""Tallies of one fingerprint → episodes: maximal runs of occurrences with gaps under ``quiet``.

Facts in, facts out. Buckets that no allowed observation can change any more are folded into the
episode's head, so what is kept does not grow with the length of an episode. Folding and scanning
are one function (:func:`absorb`), so folding early, late or never makes no difference.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import msgspec

from pipeline.detect.habits import MAX_PAST, REMEMBERED, Habit, Past, habit
from pipeline.detect.rules import Rule
from pipeline.detect.tallies import BUCKET, KEPT_TEXTS, Tally


class Run(msgspec.Struct, array_like=True):
    """An episode, or as much of it as has been looked at."""

    tally: Tally
    met: int | None
    """When the evidence first sufficed, in event order."""
    carry: list[int] = msgspec.field(default_factory=list)
    """What the rule's need remembers until then: at most ``at_least`` times."""
    habit: Habit | None = None
    """What was usual when it began (None only in facts that are older than habits)."""
    worse: int | None = None
    """When it was first more than usual, in event order; None while it is as ever."""

    @property
    def onset(self) -> int:
        """When it began."""
        return self.tally.onset

    @property
    def is_as_ever(self) -> bool:
        """Tell whether it is chronic, and no worse than it has been."""
        return self.habit is not None and self.worse is None

    def ends(self, rule: Rule) -> int:
        """Return the time from which nothing belongs to it any more, if nothing comes before."""
        return self.tally.last + (rule.quiet if self.habit is None else self.habit.quiet)

    def as_past(self) -> Past:
        """Return what is remembered of it once it is over."""
        in_a_row = 1 if self.habit is None else self.habit.in_a_row
        tally = self.tally
        return Past(tally.onset, tally.last, tally.count, tally.score, in_a_row)


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


@dataclass(slots=True)
class Scanned:
    """What the last look at a track found, for as long as nothing is added to it."""

    facts: int = -1
    """Facts in its buckets at that time: each that is added makes them more."""
    runs: list[Run] = field(default_factory=list)
    """Its open episodes (some 1 kB for most tracks: no more than the track itself)."""


class Track(msgspec.Struct, dict=True):
    """The facts of one fingerprint."""

    rule: str
    subject: dict[str, str]
    name: str
    """What the title ends with: the metric of a baseline; else empty."""
    head: Run | None = None
    buckets: dict[int, Tally] = msgspec.field(default_factory=dict)
    published: list[Published] = msgspec.field(default_factory=list)
    past: list[Past] = msgspec.field(default_factory=list)
    """Its episodes that are over and were symptoms, oldest first; bounded by ``MAX_PAST``."""

    @cached_property
    def scanned(self) -> Scanned:
        """What is remembered of the last look; no part of the facts, and never written."""
        return Scanned()

    def ended(self, run: Run) -> None:
        """Remember an episode that is over."""
        if run.met is not None:
            self.past = [*self.past, run.as_past()][-MAX_PAST:]


class Belated(msgspec.Struct):
    """What came too late of one fingerprint, of one bucket."""

    rule: str
    subject: dict[str, str]
    fingerprint: str
    tally: Tally
    told: int = 0
    """How many facts had been looked at when it was last told, or found to be too few."""
    records: set[int] = msgspec.field(default_factory=set)
    """Hashes of the records that went in; bounded by ``belated.MAX_RECORDS``."""


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
    dormant: dict[str, list[Past]] = msgspec.field(default_factory=dict)
    """What was lately at fingerprints that have no track now; bounded by ``MAX_DORMANT``."""
    belated: dict[str, Belated] = msgspec.field(default_factory=dict)
    """What came too late, by bucket and fingerprint; bounded by ``belated.MAX_BELATED``."""


@dataclass(slots=True)
class Episodes:
    """The episodes of one track."""

    ended: list[Run] = field(default_factory=list)
    open: list[Run] = field(default_factory=list)


MAX_DORMANT = 128
"""Fingerprints of which the past is kept (1 kB each at the very most, 60 bytes as a rule: 128 kB).
What is beyond has no past."""

Live = Mapping[int, Tally]
"""Buckets of what is not settled yet, beside those of the track."""


def track(facts: Facts, fingerprint: str, new: Track, limit: int) -> Track | None:
    """Return the track of a fingerprint; ``None`` when there are too many.

    Up to the limit, and only up to it, the order of arrival makes no difference: beyond it those
    that came first are kept. To choose by event time, all that comes would have to be kept until
    its bucket closes: 1.5 kB at worst × the limit × a dozen live buckets = 2.5 MB a node, more
    than a Kafka record takes; and what was told early of the others would have to be taken back.
    """
    known = facts.tracks.get(fingerprint)
    if known is None and len(facts.tracks) < limit:
        known = facts.tracks[fingerprint] = new
        known.past = facts.dormant.pop(fingerprint, [])
    return known


def put_away(facts: Facts, fingerprint: str, closed_to: int) -> None:
    """Remove a track that has nothing open; keep its past for as long as that matters."""
    past = facts.tracks.pop(fingerprint).past
    if not past or past[-1].last + REMEMBERED <= closed_to:
        return
    old = [name for name, of in facts.dormant.items() if of[-1].last + REMEMBERED <= closed_to]
    for name in old:
        del facts.dormant[name]
    if len(facts.dormant) < MAX_DORMANT:
        facts.dormant[fingerprint] = past


def settle(track: Track, rule: Rule, closed_to: int, live: Live) -> Episodes:
    """Fold what is closed, and return what has ended and what is open, in event order."""
    closed_to -= closed_to % rule.grain
    episodes = Episodes()
    for number in sorted(track.buckets):
        if (number + 1) * BUCKET <= closed_to:
            _fold(track, rule, track.buckets.pop(number), episodes)
            track.scanned.facts = -1
    episodes.open = _scan(track, rule, live)
    if track.head is not None and _is_over(track.head, episodes.open[0], rule, closed_to):
        over = episodes.open.pop(0)
        episodes.ended.append(over)
        track.ended(over)
        track.head = None
        track.scanned.facts = -1
    return episodes


def open_runs(track: Track, rule: Rule, live: Live) -> list[Run]:
    """Return the episodes that have not ended, in event order; nothing is changed."""
    return _scan(track, rule, live)


def absorb(runs: list[Run], rule: Rule, tally: Tally, past: Sequence[Past]) -> None:
    """Add the next tally in event order: to the last run, or as a new one.

    ``past`` is what was there before the first run.
    """
    if runs and tally.first < runs[-1].ends(rule):
        run = runs[-1]
        run.tally.add_timeless(tally)  # only the need looks at times, and at each tally's own
    else:
        before = [*past, *(run.as_past() for run in runs if run.met is not None)]
        run = Run(_timeless(tally), None, habit=habit(before[-MAX_PAST:], rule, tally.first))
        runs.append(run)
    if run.worse is None and not _has(run):
        run.worse = tally.first
    if run.met is None:
        run.met = rule.need.met(run.carry, tally)
        if run.met is not None:
            run.carry.clear()


def _timeless(tally: Tally) -> Tally:
    copied = tally.copy()
    copied.times.clear()
    copied.since.clear()
    return copied


def _has(run: Run) -> bool:
    return run.habit is not None and run.habit.has(run.tally.count, run.tally.score)


def _fold(track: Track, rule: Rule, tally: Tally, episodes: Episodes) -> None:
    runs = [] if track.head is None else [track.head]
    absorb(runs, rule, tally, track.past)
    for over in runs[:-1]:
        track.ended(over)
    episodes.ended += runs[:-1]
    track.head = runs[-1]


def _scan(track: Track, rule: Rule, live: Live) -> list[Run]:
    """Return the open episodes; what was found last time where nothing has come since."""
    if live:
        return _scan_all(track, rule, live)
    scanned, facts = track.scanned, sum(tally.facts for tally in track.buckets.values())
    if scanned.facts != facts:
        scanned.facts, scanned.runs = facts, _scan_all(track, rule, live)
    return list(scanned.runs)


def _scan_all(track: Track, rule: Rule, live: Live) -> list[Run]:
    runs: list[Run] = []
    if track.head is not None:
        head = track.head
        runs.append(Run(head.tally.copy(), head.met, list(head.carry), head.habit, head.worse))
    for number in sorted({*track.buckets, *live}):
        settled, fresh = track.buckets.get(number), live.get(number)
        tally = _sum(settled, fresh)
        absorb(runs, rule, tally, track.past)
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
    return alone and head.ends(rule) <= closed_to


def owners(published: Sequence[Published], runs: Sequence[Run]) -> list[int]:
    """Return for each published episode the index of the run that it is part of now.

    Its onset lies in that run, unless it turned out to be earlier: then it is the last run that
    began before.
    """
    return [
        max((i for i, run in enumerate(runs) if run.onset <= past.onset), default=0)
        for past in published
    ]

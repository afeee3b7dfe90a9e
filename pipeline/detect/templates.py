"""Templates of a node's log, and what is unusual about them: new, far more often, no longer coming.

In: closed minutes of counted masked lines, in order. Out: occurrences. Each template has the counts
of the last hour of minutes in which this node said anything (minutes without a line are a matter of
``silence``); each statistic compares with that template's own past. Most of what is unusual is no
trouble, so it is told as a whisper, unless the line itself claims to be an error or a stack trace
came with it. Pure.
"""

import math
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

import msgspec

from pipeline.detect import baseline
from pipeline.detect.drain import Tree, cluster_id
from pipeline.detect.fingerprints import fingerprint
from pipeline.detect.open_minutes import MINUTE, Minute, Seen
from pipeline.detect.rules import Need, Rule
from pipeline.detect.tallies import Occurrence

MAX_TEMPLATES = 128
"""Templates per node, 350 bytes each at most (a text of 160 characters, an hour of counts of one
byte each in base64, some numbers): 45 kB in a row, of which a hub takes a quarter."""
KEPT = 60
"""Minutes of counts kept of a template."""
LEARNING_MINUTES = 60
LEARNING_LINES = 500
"""A node's log is known after this span and this many lines; until then nothing is new."""
NEW_FOR = 5
"""Minutes with lines for which a template is new."""
AT_LEAST_MORE = 10
TIMES_MORE = 3.0
"""Far more often: so many lines more than usual, and so many times as many …"""
BEYOND = 1.25
"""… and so many times as many as ever before …"""
SIGMAS = 6.0
"""… and less likely than this many standard deviations (one in 10⁹)."""
LEAST_SPREAD = 0.2
"""Counts vary by this share of their mean at least: no load is that constant."""
FADES = 0.9997
"""By so much the highest count ever is lowered each minute: by a third in a day."""
REGULAR = 57
"""Of its last 60 minutes, a regular template came in so many (95 %)."""
LEAST_MISSING = 3
"""Minutes without a regular template, and twice its longest pause, before it is missed."""
MISSED_FOR = 30
"""Minutes for which it is missed; then it is forgotten."""
MAX_TOLD = 5
"""Episodes of templates at a node within ``TOLD_WITHIN`` minutes; twice as many with errors."""
TOLD_WITHIN = 30

_LAST_TWO = 0b11
_ALL_KEPT = (1 << KEPT) - 1
_HARMLESS = "-ID"
_SEVERE = "CE"
_MAY_BE_TRACED = "-W"
_REQUEST = "@<ip>)"
"""Requests have countless paths: a new one is no news, unless it fails badly."""
_PERSONAL = "(<user>@"
"""How many requests people make, and that they make no more, is theirs to say."""

_EXACT = 128
_STEPS = 16
_COUNTS = (
    *range(_EXACT),
    *(round(_EXACT * 2 ** (over / _STEPS)) for over in range(256 - _EXACT)),
)
"""What the byte of a count stands for: exact below 128, then in steps of 4 % up to 31,000."""


class Template(msgspec.Struct, array_like=True):
    """What is known of one template."""

    text: str
    since: int
    """Number of the minute with lines in which it first came."""
    fresh: bool
    """It first came when the log was known already."""
    tick: int = 0
    """Number of the minute with lines in which it last came."""
    last: int = 0
    """Time of its last line."""
    past: bytes = b""
    """Counts by minute with lines, the latest is that of ``tick``."""
    peak: float = 0.0
    """The highest count of all before those, fading."""
    deviant: int = 0
    """A bit for each of them that was far too high, the latest is bit 0."""


class Templates(msgspec.Struct):
    """What is known of the templates of one node."""

    began: int | None = None
    """The first minute with lines."""
    lines: int = 0
    tick: int = 0
    """Minutes with lines that were observed."""
    forgot: int = -KEPT
    """The tick at which a template was last forgotten for want of room."""
    known: dict[str, Template] = msgspec.field(default_factory=dict)
    """By id."""
    told: dict[str, int] = msgspec.field(default_factory=dict)
    """By fingerprint, the last minute of an episode."""


class Found(NamedTuple):
    """Something unusual in a closed minute."""

    rule: str
    template: str
    occurrence: Occurrence
    told: bool
    """False: there is enough of its kind, it is only counted."""

    @property
    def fingerprint(self) -> str:
        """What tells its episode apart."""
        return fingerprint(self.rule, {"template": self.template})


def _rule(name: str, title: str, *, quiet: int, resolution: int) -> Rule:
    return Rule(
        id=f"log-template-{name}",
        title=title,
        symptom_class="unusual",
        severity="minor",
        quiet=quiet * MINUTE,
        resolution=resolution,
        need=Need(single=False),
        whispers=True,
        grain=MINUTE,
    )


NEW = _rule("new", "log lines of a kind never seen here before", quiet=5, resolution=100_000)
MORE = _rule("more", "far more log lines of one kind than usual", quiet=3, resolution=2 * MINUTE)
STOPPED = _rule("stopped", "regular log lines no longer come", quiet=3, resolution=MINUTE)
RULES = (NEW, MORE, STOPPED)


def closes(known: Templates, number: int, minute: Minute, *, observed: bool) -> Iterator[Found]:
    """Take a closed minute with lines; yield what is unusual, the worst first."""
    if known.began is None:
        known.began = number
    learned = number - known.began >= LEARNING_MINUTES and known.lines >= LEARNING_LINES
    known.lines += minute.lines
    known.tick += observed
    novel_counts = known.tick - known.forgot >= KEPT
    found = [
        candidate
        for identity, seen in _clustered(known, minute, fresh=learned and novel_counts)
        for candidate in _judge(known, identity, seen, minute, counted=observed)
    ]
    if observed:
        found += _missed(known, (number + 1) * MINUTE - 1)
    _forget(known)
    yield from _limited(known, number, found)


def _clustered(known: Templates, minute: Minute, *, fresh: bool) -> Iterator[tuple[str, Seen]]:
    """Put the masked lines of a minute into clusters; yield the sum of each."""
    if not minute.seen:
        return
    tree = Tree({identity: template.text for identity, template in known.known.items()})
    sums: dict[str, Seen] = {}
    for line, seen in sorted(minute.seen.items()):
        identity = _cluster_of(known, tree, line, fresh=fresh)
        total = sums.get(identity)
        if total is None:
            sums[identity] = Seen(seen.count, seen.first, seen.last)
        else:
            total.count += seen.count
            total.first = min(total.first, seen.first)
            total.last = max(total.last, seen.last)
    yield from sums.items()


def _cluster_of(known: Templates, tree: Tree, line: str, *, fresh: bool) -> str:
    found = tree.find(line)
    if found is not None:
        identity, text = found
        known.known[identity].text = text
        return identity
    identity = cluster_id(line)
    if identity not in known.known:  # else it has become too wide for the line it began with
        known.known[identity] = Template(line, known.tick, fresh, tick=known.tick - 1)
        tree.put(identity, line)
    return identity


def _judge(
    known: Templates, identity: str, seen: Seen, minute: Minute, *, counted: bool
) -> Iterator[Found]:
    template = known.known[identity]
    severe = template.text[0] in _SEVERE
    request, personal = _REQUEST in template.text, _PERSONAL in template.text
    raised = severe or (minute.traces > 0 and template.text[0] in _MAY_BE_TRACED and not request)
    score = 0.0
    if template.fresh and known.tick - template.since < NEW_FOR:
        if severe or not request:
            yield _found(NEW, identity, seen, template.text, suffices=raised)
    elif counted and (severe or not personal):
        score = _excess(known, template, seen.count)
        if score and _deviant(known, template) & _LAST_TWO:
            text = f"{seen.count} lines in a minute: {template.text}"
            yield _found(MORE, identity, seen, text, suffices=raised, score=score)
    template.last = max(template.last, seen.last)
    if counted:
        _remember(known, template, seen.count, deviant=score > 0)


def _deviant(known: Templates, template: Template) -> int:
    """Return the bits of the deviant minutes, the latest being that before this one."""
    missing = min(KEPT, max(0, known.tick - template.tick - 1))
    return template.deviant << missing & _ALL_KEPT


def _found(
    rule: Rule, identity: str, seen: Seen, text: str, *, suffices: bool, score: float = 0.0
) -> Found:
    occurrence = Occurrence(
        time=seen.last,
        text=text,
        onset=seen.first,
        count=seen.count,
        observations=seen.count,
        score=score,
        suffices=suffices,
    )
    return Found(rule.id, identity, occurrence, told=True)


def _excess(known: Templates, template: Template, count: int) -> float:
    """Return by how many standard deviations a count is too high; 0 where it is not.

    Counts of lines are over-dispersed: with mean m and variance v > m of the past they are taken as
    negative binomial of size r = m² / (v - m).
    """
    past = _past(template, before=known.tick)
    reference = baseline.reference(past, _deviant(known, template))
    if reference is None:
        return 0.0
    mean = (sum(reference) + 0.5) / len(reference)
    most = max(*reference, template.peak)
    if count < max(mean + AT_LEAST_MORE, TIMES_MORE * mean) or count <= BEYOND * most:
        return 0.0
    variance = math.fsum((one - mean) ** 2 for one in reference) / len(reference)
    size = mean**2 / max(variance - mean, (LEAST_SPREAD * mean) ** 2)
    score = _sigmas(_log_tail(count, mean, size))
    return score if score >= SIGMAS else 0.0


def _log_tail(count: int, mean: float, size: float) -> float:
    """Return the logarithm of an upper bound on the chance of so many or more.

    Above the mean the terms of the negative binomial fall at least as fast as a geometric series.
    """
    share = mean / (mean + size)
    term = (
        math.lgamma(count + size)
        - math.lgamma(size)
        - math.lgamma(count + 1)
        + size * math.log1p(-share)
        + count * math.log(share)
    )
    ratio = share * (count + size) / (count + 1)
    return min(0.0, term - math.log1p(-min(ratio, 1 - 1e-9)))


def _sigmas(log_tail: float) -> float:
    """Return how far from the mean a normal distribution has such a tail (asymptotically)."""
    twice = -2.0 * log_tail
    if twice <= math.tau:
        return 0.0
    return round(math.sqrt(twice - math.log(twice) - math.log(math.tau)), 1)


def _past(template: Template, *, before: int) -> Sequence[int]:
    """Return the counts of the ticks before ``before`` since it first came, at most ``KEPT``."""
    span = min(KEPT, before - template.since)
    counts = [_COUNTS[one] for one in template.past]
    padded = [0] * KEPT + counts + [0] * min(KEPT, before - 1 - template.tick)
    return padded[-span:] if span > 0 else ()


def _remember(known: Templates, template: Template, count: int, *, deviant: bool) -> None:
    missing = min(KEPT, known.tick - template.tick - 1)
    past = template.past + bytes(missing) + bytes([_byte(count)])
    gone = max((_COUNTS[one] for one in past[:-KEPT]), default=0)
    faded = template.peak * FADES ** (known.tick - template.tick)
    template.peak = round(max(gone, faded), 2)
    template.past = past[-KEPT:].lstrip(b"\0")
    template.deviant = (template.deviant << (missing + 1) | deviant) & _ALL_KEPT
    template.tick = known.tick


def _byte(count: int) -> int:
    if count < _EXACT:
        return count
    return min(255, _EXACT + round(_STEPS * math.log2(count / _EXACT)))


def _missed(known: Templates, time: int) -> Iterator[Found]:
    """Yield the regular templates that have stopped; those that answer a person are none."""
    for identity, template in known.known.items():
        missing = known.tick - template.tick
        if missing < LEAST_MISSING or missing >= LEAST_MISSING + 2 * KEPT:
            continue
        if template.text[0] not in _HARMLESS or _PERSONAL in template.text:
            continue
        wanted = _regular_until(template)
        if wanted is not None and wanted <= missing < wanted + MISSED_FOR:
            occurrence = Occurrence(
                time=time,
                text=f"no longer comes: {template.text}",
                onset=template.last,
                observations=0,
            )
            yield Found(STOPPED.id, identity, occurrence, told=True)


def _regular_until(template: Template) -> int | None:
    """Return after how many minutes a template is missed; ``None`` where it is not regular."""
    came = len(template.past) - template.past.count(0)
    if came < REGULAR or template.tick - template.since < KEPT - 1:
        return None
    pauses = (len(list(run)) for zero, run in groupby(template.past, lambda one: one == 0) if zero)
    return LEAST_MISSING + 2 * max(pauses, default=0)


def _forget(known: Templates) -> None:
    """Forget the templates that have not come for longest, by event time."""
    for _ in range(len(known.known) - MAX_TEMPLATES):
        oldest = min(known.known, key=lambda identity: (known.known[identity].last, identity))
        del known.known[oldest]
        known.forgot = known.tick


def _limited(known: Templates, number: int, found: list[Found]) -> Iterator[Found]:
    """Yield what is found; beyond a handful of episodes at a time it is only counted."""
    for past in [name for name, last in known.told.items() if number - last >= TOLD_WITHIN]:
        del known.told[past]
    for one in sorted(found, key=lambda one: (not one.occurrence.suffices, one.fingerprint)):
        limit = 2 * MAX_TOLD if one.occurrence.suffices else MAX_TOLD
        if one.fingerprint in known.told or len(known.told) < limit:
            known.told[one.fingerprint] = number
            yield one
        else:
            yield one._replace(told=False)

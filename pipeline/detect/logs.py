"""Log lines of one node → symptoms, by the signatures of a pack.

A line belongs to the first signature that recognises it: one of its literals is in the line (a
cheap look), its regex matches, its level is high enough. Immediate: nothing waits for a window.
What no signature recognises is counted by closed minutes as templates (``log_course``), and all
lines together show whether the log goes on or has fallen silent, and who writes it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import NamedTuple

import msgspec

from pipeline.detect import log_course
from pipeline.detect.belated import note_late
from pipeline.detect.episodes import Belated, Facts, Track, track
from pipeline.detect.fingerprints import LOOKED_AT, MAX_SUBJECT, fingerprint
from pipeline.detect.log_course import Course, Sign
from pipeline.detect.masking import alike, look
from pipeline.detect.pack import SignaturePack
from pipeline.detect.prefilter import Prefilter
from pipeline.detect.publishing import Publisher, reconcile
from pipeline.detect.rows import packed, unpacked
from pipeline.detect.settings import DetectSettings
from pipeline.detect.signatures import KIND, LogSignature
from pipeline.detect.tallies import BUCKET, Occurrence, note, tally_of
from pipeline.formats import Level, parse
from pipeline.records import Log, Observation, Signal, Symptom, micros

_SECOND = 1_000_000
RESOLUTION_S = 0.1
"""A log line is written within this of what it tells of."""
MAX_HASHES = 512
"""Lines per bucket that are recognised when they come again (20 bytes each). With two minutes of
lateness a dozen buckets are live: 120 kB at the worst. Lines beyond still count as occurrences;
only that they came before would not be noticed."""


MAX_KIND = 80
"""Characters of a masked line that tell its kind: what comes later differs more often by chance."""


class LogFacts(Facts, kw_only=True):
    """Facts about the log of one node."""

    lines: dict[int, set[int]] = msgspec.field(default_factory=dict)
    """Hashes of the recognised lines of each live bucket."""
    unremembered: int = 0
    """Lines beyond the bound."""
    course: Course = msgspec.field(default_factory=Course)
    """The log as a whole, and its templates."""


@dataclass(frozen=True, slots=True)
class _Recogniser:
    """A signature, compiled."""

    id: str
    regex: re.Pattern[str] | None
    min_level: Level | None
    suppress: bool
    by_kind: bool
    about: str | None

    def match(self, line: str) -> "_Match | None":
        """Return what the line names; ``None`` when it is not recognised."""
        found = None if self.regex is None else self.regex.search(line[:LOOKED_AT])
        if self.regex is not None and found is None:
            return None
        if self.min_level is not None:
            level = parse(line).level
            if level is None or level < self.min_level:
                return None
        named = {} if found is None else found.groupdict()
        subject = {name: value[:MAX_SUBJECT] for name, value in named.items() if value is not None}
        about = None if self.about is None else subject.pop(self.about, "")
        if self.by_kind:
            subject[KIND] = look(line).key[:MAX_KIND]
        return _Match(self, subject, about)


class _Match(NamedTuple):
    """What a signature finds in a line."""

    by: _Recogniser
    subject: dict[str, str]
    about: str | None


class LogDetector:
    """Recognises symptoms in log lines."""

    signal: Signal = "log"

    def __init__(self, pack: SignaturePack, settings: DetectSettings) -> None:
        self._recognisers = tuple(_compiled(signature) for signature in pack.logs)
        self._prefilter = Prefilter([signature.any_of for signature in pack.logs])
        self._limit = settings.max_fingerprints
        self._publisher = Publisher(
            detector="logs",
            rules={s.id: s.rule(resolution_s=RESOLUTION_S) for s in pack.logs} | log_course.RULES,
            every_us=int(settings.publish_every_s * _SECOND),
        )

    def new_facts(self) -> LogFacts:
        """Return the facts of a node of which nothing has been seen."""
        return LogFacts()

    def apply(self, facts: LogFacts, observations: Sequence[Observation], closed_to: int) -> None:
        """Add log lines to the facts; each is counted in exactly one bucket."""
        signatures_of = self._prefilter.groups_in
        for line in observations:
            if not isinstance(line, Log):
                raise TypeError(f"not a log line: {line.signal}")
            facts.received += 1
            time = micros(line.time)
            if time < closed_to:
                facts.late += 1
                self._hear_late(facts, line, time, closed_to)
                continue
            form = alike(line.message)
            orders = signatures_of(line.message, form)
            known = bool(orders) and self._recognise(facts, line, orders)
            if not known:
                facts.no_symptom += 1
            log_course.see(facts.course, time, look(line.message, form), line, known=known)

    def unobserved(self, facts: LogFacts, time: int) -> None:
        """Take note that nobody knows what the log said at a time: then it is not silent."""
        log_course.is_unobserved(facts.course, time)

    def revisions(self, facts: LogFacts, node: str, closed_to: int) -> list[Symptom]:
        """Close what ``closed_to`` closes; return the symptom revisions due."""
        for number in [n for n in facts.lines if (n + 1) * BUCKET <= closed_to]:
            del facts.lines[number]
        for found in log_course.close(facts.course, closed_to):
            self._add(facts, found)
        return self._publisher.revisions(facts, node, closed_to)

    def notify_at(self, facts: LogFacts) -> int | None:
        """Return the ``closed_to`` from which an episode ends or a minute closes."""
        ends = (self._publisher.notify_at(facts), log_course.wakes_at(facts.course))
        return min((end for end in ends if end is not None), default=None)

    def counts(self, facts: LogFacts) -> dict[str, int]:
        """Return how many lines ended in which bucket."""
        return self._publisher.counts(facts)

    def dump(self, facts: LogFacts) -> bytes:
        """Return the facts as a row holds them."""
        return packed(facts)

    def load(self, snapshot: bytes) -> LogFacts:
        """Return the facts of a snapshot."""
        facts = unpacked(snapshot, LogFacts)
        if self._publisher.without_unknown(facts):
            reconcile(facts, self.counts(facts))
        return facts

    def _recognise(self, facts: LogFacts, line: Log, orders: Sequence[int]) -> bool:
        """Find the first signature that recognises a line; return whether there is one."""
        found = self._first_of(line, orders)
        if found is None:
            return False
        if found.by.suppress:
            facts.suppressed[found.by.id] = facts.suppressed.get(found.by.id, 0) + 1
        else:
            self._count(facts, line, found)
        return True

    def _first_of(self, line: Log, orders: Sequence[int]) -> _Match | None:
        matches = (self._recognisers[order].match(line.message) for order in orders)
        return next((match for match in matches if match is not None), None)

    def _hear_late(self, facts: LogFacts, line: Log, time: int, closed_to: int) -> None:
        """Listen to a line that comes too late to be counted as anything else."""
        found = self._first_of(line, self._prefilter.groups_in(line.message))
        if found is not None and not found.by.suppress:
            rule = self._publisher.rules[found.by.id]
            name = fingerprint(rule.id, found.subject)
            tally = tally_of(_occurrence(line, time, found.about))
            new = Belated(rule.id, found.subject, name, tally)
            note_late(facts, new, rule, record=_hash(line, time), closed_to=closed_to)

    def _add(self, facts: LogFacts, found: Sign) -> None:
        """Add what a closed minute is a sign of; its lines were counted as no symptom so far."""
        lines = found.occurrence.observations
        facts.no_symptom -= lines
        if not found.told:
            facts.suppressed[found.rule] = facts.suppressed.get(found.rule, 0) + lines
            return
        new = Track(rule=found.rule, subject=found.subject, name="")
        known = track(facts, found.fingerprint, new, self._limit)
        if known is None:
            facts.overflow += lines
        else:
            note(known.buckets, found.occurrence)

    def _count(self, facts: LogFacts, line: Log, found: _Match) -> None:
        time = micros(line.time)
        if _came_before(facts, line, time):
            facts.duplicate += 1
            return
        name = fingerprint(found.by.id, found.subject)
        new = Track(rule=found.by.id, subject=found.subject, name="")
        known = track(facts, name, new, self._limit)
        if known is None:
            facts.overflow += 1
            return
        note(known.buckets, _occurrence(line, time, found.about))


def _occurrence(line: Log, time: int, about: str | None) -> Occurrence:
    return Occurrence(
        time=time,
        text=line.message,
        onset=time,
        pod=line.pod,
        cluster_node=line.cluster_node,
        about=about,
    )


def _compiled(signature: LogSignature) -> _Recogniser:
    return _Recogniser(
        id=signature.id,
        regex=None if signature.regex is None else re.compile(signature.regex),
        min_level=None if signature.min_level is None else Level[signature.min_level.upper()],
        suppress=signature.suppress,
        by_kind=signature.by_kind,
        about=signature.about,
    )


def _hash(line: Log, time: int) -> int:
    """Return what tells a line of a container from others."""
    origin = (time, line.pod_uid or line.pod, line.container, line.message)
    digest = blake2b(repr(origin).encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big")


def _came_before(facts: LogFacts, line: Log, time: int) -> bool:
    """Remember a line; return whether the same line of the same container came before."""
    line_hash = _hash(line, time)
    known = facts.lines.setdefault(time // BUCKET, set())
    if line_hash in known:
        return True
    if len(known) < MAX_HASHES:
        known.add(line_hash)
    else:
        facts.unremembered += 1
    return False

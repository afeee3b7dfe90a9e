"""Episodes → revisions of symptoms, told promptly but not too often; and the counts of it all.

The closed revision is a function of the facts alone, except that it lists the ids under which it
was told before an earlier onset was known (``supersedes``): which of those ever existed depends on
the order of arrival, and whoever keeps symptoms must drop them.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import msgspec

from pipeline.detect.belated import to_tell
from pipeline.detect.episodes import (
    Belated,
    Facts,
    Live,
    Published,
    Run,
    Track,
    open_runs,
    owners,
    put_away,
    settle,
)
from pipeline.detect.habits import Habit
from pipeline.detect.rules import Rule
from pipeline.detect.tallies import BUCKET, Extras, Tally
from pipeline.records import Amount, AmountUnit, Earlier, Roster, Symptom, SymptomState, instant

_SECOND = 1_000_000
_MILLION = 1_000_000
CHRONIC = "as ever: "
"""Before the name of a rule: what came of it was no more than usual."""
LATE = "late|"
"""Before a fingerprint, where an id is made of what came too late."""
MAX_FORMER = 32
"""Former ids that a symptom lists (16 bytes each). An id changes only while observations come out
of order, at most once per live bucket."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Publisher:
    """Tells the episodes of one detector."""

    detector: str
    rules: Mapping[str, Rule]
    every_us: int
    """An open episode is told again when it went on for this long."""

    def revisions(
        self, facts: Facts, node: str, closed_to: int, live: Mapping[str, Live] | None = None
    ) -> list[Symptom]:
        """Close what ``closed_to`` closes; return what is due to be told, in order of onset."""
        live = live or {}
        due: list[Symptom] = []
        for fingerprint, track in list(facts.tracks.items()):
            telling = _Telling(self, node, fingerprint, track)
            due += telling.revisions(facts, closed_to, live.get(fingerprint, {}))
            if track.head is None and not track.buckets and fingerprint not in live:
                put_away(facts, fingerprint, closed_to)
        due += [self._belated(node, *each) for each in to_tell(facts, self.rules, closed_to)]
        return sorted(due, key=lambda symptom: (symptom.onset, symptom.id, symptom.revision))

    def _belated(self, node: str, each: Belated, run: Run) -> Symptom:
        """Return what came too late as a symptom of its own; it may get more, but is never open."""
        bucket = each.tally.first // BUCKET * BUCKET
        telling = _Telling(self, node, each.fingerprint, Track(each.rule, each.subject, name=""))
        own_id = symptom_id(node, self.detector, f"{LATE}{each.fingerprint}", bucket)
        return telling.symptom(run, "closed", []).model_copy(update={"id": own_id, "late": True})

    def notify_at(self, facts: Facts, live: Mapping[str, Live] | None = None) -> int | None:
        """Return the ``closed_to`` from which an episode ends."""
        ends = [
            _ceil(run.ends(self.rules[track.rule]), self.rules[track.rule].grain)
            for fingerprint, track in facts.tracks.items()
            for run in open_runs(track, self.rules[track.rule], (live or {}).get(fingerprint, {}))
        ]
        return min(ends, default=None)

    def counts(self, facts: Facts, live: Mapping[str, Live] | None = None) -> dict[str, int]:
        """Return the counted buckets; ``waiting`` is recognised, but no symptom so far."""
        in_symptom = waiting = as_ever = 0
        for fingerprint, track in facts.tracks.items():
            for run in open_runs(track, self.rules[track.rule], (live or {}).get(fingerprint, {})):
                if run.met is None:
                    waiting += run.tally.observations
                elif run.is_as_ever:
                    as_ever += run.tally.observations
                else:
                    in_symptom += run.tally.observations
        return {
            "received": facts.received,
            "no_symptom": facts.no_symptom,
            "in_symptom": facts.in_symptom + in_symptom,
            "below_threshold": facts.below_threshold,
            "suppressed": sum(facts.suppressed.values()) + as_ever,
            "late": facts.late,
            "duplicate": facts.duplicate,
            "overflow": facts.overflow,
            "waiting": waiting,
        }

    def without_unknown(self, facts: Facts) -> bool:
        """Forget the tracks of rules that a newer pack no longer has; return whether any."""
        unknown = [name for name, track in facts.tracks.items() if track.rule not in self.rules]
        for name in unknown:
            del facts.tracks[name]
        return bool(unknown)


def reconcile(facts: Facts, counts: Mapping[str, int]) -> None:
    """Count what was undecided under a rule that is gone: no symptom will come of it."""
    facts.no_symptom += 2 * counts["received"] - sum(counts.values())


def symptom_id(node: str, detector: str, fingerprint: str, onset: int) -> str:
    """Return the id of the symptom that began at ``onset`` (microseconds): 16 hex digits."""
    content = msgspec.json.encode([node, detector, fingerprint, onset])
    return hashlib.blake2b(content, digest_size=8).hexdigest()


@dataclass(frozen=True, slots=True)
class _Telling:
    """The telling of one track's episodes."""

    publisher: Publisher
    node: str
    fingerprint: str
    track: Track
    kept: list[Published] = field(default_factory=list)

    def revisions(self, facts: Facts, closed_to: int, live: Live) -> Iterable[Symptom]:
        rule = self.publisher.rules[self.track.rule]
        episodes = settle(self.track, rule, closed_to, live)
        runs = episodes.ended + episodes.open
        owner = owners(self.track.published, runs) if runs else []
        due: list[Symptom] = []
        for number, run in enumerate(runs):
            past = [
                p for p, owned in zip(self.track.published, owner, strict=True) if owned == number
            ]
            if number < len(episodes.ended):
                due += self._end(facts, run, past)
            elif self._is_told(run):
                due += self._go_on(run, past)
            else:
                self.kept.extend(past)
        self.track.published[:] = self.kept
        return due

    def _end(self, facts: Facts, run: Run, past: list[Published]) -> Iterable[Symptom]:
        if not self._is_told(run) and not past:
            facts.below_threshold += run.tally.observations
            return []
        if run.met is not None and run.is_as_ever:
            name = CHRONIC + self.track.rule
            facts.suppressed[name] = facts.suppressed.get(name, 0) + run.tally.observations
        else:
            facts.in_symptom += run.tally.observations
        return [self.symptom(run, "closed", self._former(run, past))]

    def _is_told(self, run: Run) -> bool:
        return run.met is not None or self.publisher.rules[self.track.rule].whispers

    def _go_on(self, run: Run, past: list[Published]) -> Iterable[Symptom]:
        told = next((p for p in past if p.id == self._id(run)), None)
        news = Published(
            id=self._id(run),
            onset=run.onset,
            revision=run.tally.facts,
            count=run.tally.count,
            last=run.tally.last,
            former=self._former(run, past),
            whisper=self._is_whisper(run),
        )
        if told is not None and not self._is_due(told, news, alone=len(past) == 1):
            self.kept.extend(past)
            return []
        self.kept.append(news)
        return [self.symptom(run, "open", news.former)]

    def _is_due(self, told: Published, news: Published, *, alone: bool) -> bool:
        if news.revision <= told.revision:
            return False
        if told.whisper and not news.whisper:
            return True
        grown = news.count >= 2 * told.count or news.last - told.last >= self.publisher.every_us
        return grown or not alone

    def _is_whisper(self, run: Run) -> bool:
        rule = self.publisher.rules[self.track.rule]
        return rule.only_whispers or (rule.whispers and run.met is None) or run.is_as_ever

    def _id(self, run: Run) -> str:
        return symptom_id(self.node, self.publisher.detector, self.fingerprint, run.onset)

    def _former(self, run: Run, past: list[Published]) -> list[str]:
        ids = [former for p in past for former in [*p.former, p.id]]
        return [former for former in dict.fromkeys(ids) if former != self._id(run)][-MAX_FORMER:]

    def symptom(self, run: Run, state: SymptomState, former: list[str]) -> Symptom:
        """Return a revision of the symptom that an episode is."""
        rule, tally = self.publisher.rules[self.track.rule], run.tally
        return Symptom(
            id=self._id(run),
            revision=tally.facts + (state == "closed"),
            node=self.node,
            detector=self.publisher.detector,
            signature=rule.id,
            fingerprint=self.fingerprint,
            symptom_class=rule.symptom_class,
            severity="major" if tally.score >= rule.major_from else rule.severity,
            title=rule.title.replace("{name}", self.track.name),
            onset=instant(run.onset),
            detected_at=instant(_sufficed(run)),
            last_seen=instant(tally.last),
            resolution_s=max(rule.resolution, tally.resolution) / _SECOND,
            count=max(1, tally.count),  # readers of a counter that disagree may leave nothing
            state=state,
            score=tally.score,
            exemplars=tuple(text for _, text in tally.texts),
            implicates=rule.implications(self.node, self.track.subject, tally),
            pods=tuple(tally.pods),
            cluster_nodes=tuple(tally.cluster_nodes),
            amount=_amount(rule.unit, tally.extras),
            whisper=self._is_whisper(run),
            earlier=_earlier(run.habit),
            roster=_roster(tally) if rule.names_new_pods else None,
            supersedes=tuple(former),
        )


def _sufficed(run: Run) -> int:
    """Return when the evidence first sufficed; for what is weak, when it was first seen."""
    if run.met is None:
        return run.tally.first
    return run.met if run.worse is None else max(run.met, run.worse)


def _earlier(habit: Habit | None) -> Earlier | None:
    if habit is None or not habit.earlier:
        return None
    return Earlier(count=habit.earlier, since=instant(habit.since))


def _roster(tally: Tally) -> Roster:
    return Roster(new=tuple(tally.pods), beside=tuple(tally.beside))


def _amount(unit: AmountUnit | None, extras: Extras | None) -> Amount | None:
    if unit is None or extras is None:
        return None
    steps = tuple((number, extra / _MILLION) for number, extra in sorted(extras.amounts.items()))
    return Amount(
        unit=unit,
        total=sum(extras.amounts.values()) / _MILLION,
        error=extras.error / _MILLION,
        step_s=extras.step,
        steps=steps,
    )


def _ceil(time: int, grain: int) -> int:
    return -(-time // grain) * grain

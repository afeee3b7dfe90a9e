"""What a signature recognises in observations that come after the allowed lateness (law 7); pure.

They are counted as late and change no episode, no baseline and no habit: these are closed. But what
they say may be what an open incident lacks. So each bucket of a fingerprint becomes a symptom of
its own, marked as late, which opens nothing.

What comes late has often been here before: a log is read again after a restart, a list of events is
asked for anew. So what an episode covers is not told, and the same record counts once.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from pipeline.detect.episodes import Belated, Facts, Run, absorb, open_runs
from pipeline.detect.habits import REMEMBERED, Past
from pipeline.detect.rules import Rule
from pipeline.detect.tallies import BUCKET

MAX_BELATED = 32
"""Late symptoms that a node remembers, 3 kB each at the very most (three exemplars, eight pods and
machines, ``MAX_RECORDS`` hashes): 96 kB; what is beyond is counted, and no more."""
MAX_RECORDS = 64
"""Records of one of them that are recognised when they come again (20 bytes each); what is beyond
is counted as late, and no more."""


class Due(NamedTuple):
    """What is to be told of what came too late."""

    belated: Belated
    run: Run
    """The same as an episode of its own."""


def note_late(facts: Facts, new: Belated, rule: Rule, *, record: int, closed_to: int) -> None:
    """Take note of what comes too late, unless it is known or nothing can come of it.

    ``record`` is a hash that tells the record from others. Episodes are forgotten after
    ``REMEMBERED``, so what is older may have been in one.
    """
    time = new.tally.first
    if rule.symptom_class == "change" or time + REMEMBERED <= closed_to:
        return
    if _was_there(facts, new.fingerprint, rule, time):
        return
    key = f"{time // BUCKET}|{new.fingerprint}"
    known = facts.belated.get(key)
    if known is None:
        _forget(facts, closed_to)
        if len(facts.belated) < MAX_BELATED:
            new.records.add(record)
            facts.belated[key] = new
    elif record not in known.records and len(known.records) < MAX_RECORDS:
        known.records.add(record)
        known.tally.add(new.tally)


def to_tell(facts: Facts, rules: Mapping[str, Rule], closed_to: int) -> list[Due]:
    """Return what is to be told of it now; forget what is too old for more of it to be told."""
    for key, each in list(facts.belated.items()):
        if each.rule not in rules:
            del facts.belated[key]
    news = [each for each in facts.belated.values() if each.told < each.tally.facts]
    due = [Due(each, _as_run(facts, each, rules[each.rule])) for each in news]
    for each in news:
        each.told = each.tally.facts
    _forget(facts, closed_to)
    return [each for each in due if each.run.met is not None]


def _forget(facts: Facts, closed_to: int) -> None:
    """Forget what more can no longer be told of, so that its revisions never begin anew."""
    for key, each in list(facts.belated.items()):
        end = (each.tally.first // BUCKET + 1) * BUCKET
        if each.told == each.tally.facts and end + REMEMBERED <= closed_to:
            del facts.belated[key]


def _as_run(facts: Facts, each: Belated, rule: Rule) -> Run:
    """Return it as an episode, by what had been usual: what is as ever is so when it is late."""
    before = [past for past in _past(facts, each.fingerprint) if past.last < each.tally.first]
    runs: list[Run] = []
    absorb(runs, rule, each.tally, before)
    return runs[0]


def _was_there(facts: Facts, fingerprint: str, rule: Rule, time: int) -> bool:
    """Tell whether an episode of it covers a time: then it may be the same record once more."""
    track = facts.tracks.get(fingerprint)
    spans = [(each.onset, each.last) for each in _past(facts, fingerprint)]
    if track is not None and (track.head is not None or track.buckets):
        spans += [(run.onset, run.tally.last) for run in open_runs(track, rule, {})]
    return any(onset <= time <= last for onset, last in spans)


def _past(facts: Facts, fingerprint: str) -> Iterable[Past]:
    track = facts.tracks.get(fingerprint)
    return facts.dormant.get(fingerprint, []) if track is None else track.past

"""What a signature recognises in observations that come after the allowed lateness (law 7); pure.

They are counted as late and change no episode, no baseline and no habit: these are closed. But what
they say may be what an open incident lacks. So each bucket of a fingerprint becomes a symptom of
its own, marked as late, which opens nothing.
"""

from collections.abc import Mapping

from pipeline.detect.episodes import Belated, Facts
from pipeline.detect.rules import Rule
from pipeline.detect.tallies import BUCKET

MAX_BELATED = 32
"""Late symptoms that a node remembers, 1 kB each; what is beyond is counted, and no more."""
REMEMBERED = 3600 * 1_000_000
"""So long after it was told, one is forgotten: more of it would be a symptom of its own."""


def note_late(facts: Facts, new: Belated) -> None:
    """Take note of what comes too late, unless an episode has been there already."""
    time = new.tally.first
    if _was_there(facts, new.fingerprint, time):
        return
    key = f"{time // BUCKET}|{new.fingerprint}"
    known = facts.belated.get(key)
    if known is not None:
        known.tally.add(new.tally)
    elif len(facts.belated) < MAX_BELATED:
        facts.belated[key] = new


def to_tell(facts: Facts, rules: Mapping[str, Rule], closed_to: int) -> list[Belated]:
    """Return what is to be told of it now; forget what was told long ago."""
    for key, each in list(facts.belated.items()):
        over = each.told and closed_to - each.told_at >= REMEMBERED
        if over or each.rule not in rules:
            del facts.belated[key]
    due = [each for each in facts.belated.values() if _is_due(each, rules[each.rule])]
    for each in due:
        each.told, each.told_at = each.tally.facts, closed_to
    return due


def _is_due(each: Belated, rule: Rule) -> bool:
    if rule.symptom_class == "change" or each.tally.facts == each.told:
        return False
    return rule.need.met([], each.tally) is not None


def _was_there(facts: Facts, fingerprint: str, time: int) -> bool:
    """Tell whether an episode of it covers a time: then it may be the same record once more."""
    track = facts.tracks.get(fingerprint)
    past = facts.dormant.get(fingerprint, []) if track is None else track.past
    spans = [(each.onset, each.last) for each in past]
    if track is not None and track.head is not None:
        spans.append((track.head.onset, track.head.tally.last))
    return any(onset <= time <= last for onset, last in spans)

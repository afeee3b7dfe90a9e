"""The course of a node's log by closed minutes: its lines, their absence, and who writes them.

Between the log detector, which hands over each line, and what looks at closed minutes only
(``templates``, ``silence``, ``pods``, ``request_steps``): it keeps the minutes that are open, and
closes them.
"""

from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from pipeline.detect import pods, request_steps, silence, templates
from pipeline.detect.masking import Look
from pipeline.detect.open_minutes import MAX_OPEN, MINUTE, Minute, minute_of
from pipeline.detect.pods import Pods
from pipeline.detect.request_steps import Steps
from pipeline.detect.rules import Rule
from pipeline.detect.silence import Silence
from pipeline.detect.tallies import Occurrence
from pipeline.detect.templates import Templates
from pipeline.records import Log

RULES: dict[str, Rule] = {
    rule.id: rule for rule in (*templates.RULES, silence.RULE, pods.RULE, request_steps.RULE)
}
"""What the episodes follow."""
LONGEST_QUIET_S = max(rule.quiet + rule.grain for rule in RULES.values()) / 1e6


class Course(msgspec.Struct):
    """What is known of the course of one node's log."""

    settled: int = -(2**40)
    """Minutes before this are closed."""
    minutes: dict[int, Minute] = msgspec.field(default_factory=dict)
    """Open ones with lines, by number since 1970; bounded by ``MAX_OPEN``."""
    unobserved: list[int] = msgspec.field(default_factory=list)
    """Open minutes of which it is not known what the log said, sorted; as many."""
    templates: Templates = msgspec.field(default_factory=Templates)
    silence: Silence = msgspec.field(default_factory=Silence)
    pods: Pods = msgspec.field(default_factory=Pods)
    steps: Steps = msgspec.field(default_factory=Steps)
    crowded: int = 0
    """Lines beyond the bounds, not looked at as templates."""
    held_back: int = 0
    """Occurrences of which there were enough of their kind."""


class Sign(NamedTuple):
    """What a closed minute is a sign of."""

    rule: str
    fingerprint: str
    subject: dict[str, str]
    occurrence: Occurrence
    told: bool = True
    """False: it is only counted."""


def see(course: Course, time: int, look: Look, line: Log, *, known: bool) -> None:
    """Take a line. ``known``: a signature has recognised it, so that it is no template."""
    number = time // MINUTE
    minute = course.minutes.get(number)
    if minute is None:
        opened = minute_of(course.minutes, number) if number >= course.settled else None
        if opened is None:
            course.crowded += 1
            return
        minute = opened
    minute.add(time, look, count=not known)
    if line.pod is not None:
        minute.hear(line.pod, time)
    if look.traced and look.key:
        request = request_steps.request_of(line.message)
        if request is not None:
            minute.goes_on(request, request_steps.step_of(line.message, look.key), time)


def is_unobserved(course: Course, time: int) -> None:
    """Take note that it is not known what the log said at a time."""
    number = time // MINUTE
    if number >= course.settled and number not in course.unobserved:
        course.unobserved = sorted([*course.unobserved, number])[:MAX_OPEN]


def close(course: Course, closed_to: int) -> Iterator[Sign]:
    """Close the minutes that end at or before ``closed_to``; yield what they show, in order."""
    closed = closed_to // MINUTE
    if closed <= course.settled:
        return
    due = {number for number in (*course.minutes, *course.unobserved) if number < closed}
    for number in sorted(due):
        yield from _silent(course, number)
        minute = course.minutes.pop(number, None)
        observed = number not in course.unobserved
        if minute is not None:
            course.silence.speaks(number, minute)
            course.crowded += minute.crowded
            yield from _said(course, number, minute, observed=observed)
            for occurrence in pods.closes(course.pods, number, minute.writers):
                yield Sign(pods.RULE.id, pods.RULE.id, {}, occurrence)
            for occurrence in (
                request_steps.closes(course.steps, number, minute) if observed else ()
            ):
                yield Sign(request_steps.RULE.id, request_steps.RULE.id, {}, occurrence)
        if not observed:
            course.silence.is_unobserved()
    course.unobserved = [number for number in course.unobserved if number >= closed]
    yield from _silent(course, closed)
    course.settled = closed


def wakes_at(course: Course) -> int | None:
    """Return the ``closed_to`` from which a minute closes."""
    ends = [*course.minutes, *course.unobserved]
    silent = course.silence.wakes_at(course.settled)
    if silent is not None:
        ends.append(silent)
    return (min(ends) + 1) * MINUTE if ends else None


def _silent(course: Course, closed: int) -> Iterator[Sign]:
    for occurrence in course.silence.until(closed):
        yield Sign(silence.RULE.id, silence.RULE.id, {}, occurrence)


def _said(course: Course, number: int, minute: Minute, *, observed: bool) -> Iterator[Sign]:
    for found in templates.closes(course.templates, number, minute, observed=observed):
        course.held_back += not found.told
        subject = {"template": found.template}
        yield Sign(found.rule, found.fingerprint, subject, found.occurrence, found.told)

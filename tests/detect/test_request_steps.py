"""Steps that nearly always come together and now do not are told, and nothing else is."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detect_laws import COURSES, Course, at, run
from effort import tries
from pipeline.detect.detector import Detector
from pipeline.detect.masking import look
from pipeline.detect.open_minutes import MAX_REQUESTS, MAX_STEPS, Minute
from pipeline.detect.request_steps import (
    KNOWN,
    LEARNING,
    RULE,
    Steps,
    closes,
    request_of,
    step_of,
)
from pipeline.records import Log, Signal, Symptom

Detectors = dict[Signal, Detector[Any]]
SPAN, TRACE = "9d23d4cbcf2acf94", "1aaf4f7be9621512ed6c24984ae79f44"
STEPS = ("take", "check", "store")


def lines(minute: int, cut: Mapping[int, int], requests: int = 8) -> list[Log]:
    """Return a minute's lines of requests, of which some end after some of their steps."""
    return [
        Log(
            time=at(60 * minute + 5 * number + place),
            message=f"12:00:00 INFO shop.Orders#{10 + place} "
            f"TraceID: {TRACE} SpanID: {minute:07x}{number:07x}aa {step} order {number}",
        )
        for number in range(requests)
        for place, step in enumerate(STEPS[: cut.get(number, len(STEPS))])
    ]


def cut_short(detectors: Detectors, told: Sequence[Log], course: Course | None = None) -> list[Any]:
    symptoms: list[Symptom] = run(detectors["log"], told, course).symptoms
    return [s for s in symptoms if s.signature == RULE.id and s.state == "closed"]


QUIET = [line for minute in range(20) for line in lines(minute, {})]
NOW = dict.fromkeys(range(1, 8), 2)
"""Seven of eight requests end after their second step."""


def test_a_step_that_no_longer_comes_is_told_from_the_first_request_without_it(
    by_signal: Detectors,
) -> None:
    (symptom,) = cut_short(by_signal, QUIET + lines(20, NOW))
    assert (symptom.onset, symptom.count) == (at(60 * 20 + 5), 7)
    assert "store order #12” is missing from 7 of 24 requests" in symptom.exemplars[0]


@pytest.mark.parametrize("before", [{}, {0: 2}, {0: 1, 1: 2}])
def test_what_is_missing_as_often_as_ever_is_not_told(
    by_signal: Detectors, before: dict[int, int]
) -> None:
    told = [line for minute in range(30) for line in lines(minute, before)]
    assert cut_short(by_signal, told) == []


def test_nothing_is_told_before_enough_is_known(by_signal: Detectors) -> None:
    few = [line for minute in range(20) for line in lines(minute, {}, requests=(KNOWN - 1) // 20)]
    assert cut_short(by_signal, few + lines(20, NOW)) == []
    soon = [line for minute in range(3) for line in lines(minute, {}, requests=2 * KNOWN // 3)]
    assert cut_short(by_signal, soon + lines(3, NOW)) == []


def test_a_minute_that_nobody_has_seen_whole_is_not_judged(by_signal: Detectors) -> None:
    detector = by_signal["log"]
    facts = detector.new_facts()
    detector.apply(facts, QUIET + lines(20, NOW), -(2**62))
    detector.unobserved(facts, int(at(60 * 20 + 1).timestamp() * 1e6))  # type: ignore[attr-defined]
    told = detector.revisions(facts, "shop/orders", int(at(9e4).timestamp() * 1e6))
    assert [s for s in told if s.signature == RULE.id] == []


@settings(deadline=None, max_examples=tries(20))
@given(st.dictionaries(st.integers(0, 7), st.integers(0, 2)), COURSES)
def test_it_does_not_depend_on_the_course(
    by_signal: Detectors, cut: dict[int, int], course: Course
) -> None:
    told = QUIET + lines(20, cut) + lines(21, NOW) + lines(23, cut)
    assert cut_short(by_signal, told, course) == cut_short(by_signal, told)


def test_of_more_than_is_kept_it_does_not_matter_what_came_first() -> None:
    seen = [
        (f"{n * 7919 % 1009:016x}", f"I step {n * 31 % (2 * MAX_STEPS):04}", n) for n in range(1009)
    ]
    one, other = Minute(), Minute()
    for minute, order in ((one, seen), (other, seen[::-1])):
        for request, step, time in order:
            minute.goes_on(request, step, time)
    assert (len(one.requests), len(one.steps)) == (MAX_REQUESTS, MAX_STEPS)
    assert said(one) == said(other)


def said(minute: Minute) -> dict[str, tuple[int, list[str]]]:
    return {
        request: (known.first, sorted(s for s, n in minute.steps.items() if known.steps >> n & 1))
        for request, known in minute.requests.items()
    }


IDS = [
    (f"12:00 INFO s.Orders#114 TraceID: {TRACE} SpanID: {SPAN} [sell][seat:7]", SPAN),
    (f"2026-01-01 INFO [app] [m.py:9] [trace_id={TRACE} span_id={SPAN} x=y] - sold", SPAN),
    (f'{{"level": "info", "msg": "sold", "trace_id": "{TRACE}", "span_id": "{SPAN}"}}', SPAN),
    (f"INFO [shop,traceId={TRACE},spanId=0000000000000000] sold", TRACE),
    ("Traceback (most recent call last):", None),
    ("Expand the span of the race", None),
]


@pytest.mark.parametrize(("line", "request_id"), IDS)
def test_a_line_is_of_its_span_or_else_of_its_trace(line: str, request_id: str | None) -> None:
    assert request_of(line) == request_id


@pytest.mark.parametrize("line", [line for line, request_id in IDS if request_id])
def test_a_step_is_the_same_whatever_the_request(line: str) -> None:
    other = line.replace(SPAN, SPAN[::-1]).replace(TRACE, TRACE[::-1]).replace("seat:7", "seat:8")
    assert step_of(line, look(line).key) == step_of(other, look(other).key)
    later = line.replace("sold", "kept").replace("sell", "keep")
    assert step_of(line, look(line).key) != step_of(later, look(later).key)


def test_the_place_in_the_program_tells_steps_apart_that_say_the_same() -> None:
    line = f"INFO shop.Orders#41 TraceID: {TRACE} SpanID: {SPAN}"
    other = line.replace("#41", "#42")
    assert step_of(line, look(line).key) != step_of(other, look(other).key)


def released(minute: int, says: str) -> list[Log]:
    """Return a minute of requests whose last step has moved to another place in the program."""
    last = f"{STEPS[2]} order"
    return [
        line.model_copy(
            update={"message": line.message.replace("#12", "#19").replace("INFO", says)}
        )
        if last in line.message
        else line
        for line in lines(minute, {})
    ]


@pytest.mark.parametrize(("says", "told"), [("INFO", 0), ("ERROR", 1)])
def test_a_step_that_comes_from_another_place_since_a_release_is_not_missing(
    by_signal: Detectors, says: str, told: int
) -> None:
    assert len(cut_short(by_signal, QUIET + released(20, says) + released(21, says))) == told


def test_steps_that_no_request_has_any_more_make_way() -> None:
    known = Steps()
    for number in range(3 * MAX_STEPS * LEARNING):
        minute = Minute()
        minute.goes_on("a", f"I step {number // LEARNING}", number)
        list(closes(known, number, minute))
        known.past.clear()  # as if they had faded
    assert f"I step {3 * MAX_STEPS - 1}" in known.known
    assert len(known.known) <= MAX_STEPS

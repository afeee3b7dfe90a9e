"""Incidents leave the topic when they have been over for long: once told, whatever is killed."""

from collections.abc import Callable
from datetime import timedelta
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from correlate.conftest import START
from incident_values import at, incident
from pipeline.correlate import aging
from pipeline.correlate.aging import Aging, Ended
from pipeline.correlate.likelihood import Likelihood
from pipeline.correlate.partition import CorrelatePartition, CorrelateStep
from pipeline.records import Mark, Symptom, micros

Symptoms = Callable[..., Symptom]
SECOND = 1_000_000
DAY_S = 86_400.0
KEEP_US = int(DAY_S) * SECOND
ROWS = dict[bytes, bytes]


def mark(hours: float) -> Mark:
    time = START + timedelta(hours=hours)
    return Mark(source="detect/0", time=time, feeds=("detect/0",))


def partition(model: Likelihood, rows: ROWS) -> CorrelatePartition:
    made = CorrelatePartition(0, {"hub": model}, lateness_us=120 * SECOND, keep_us=KEEP_US)
    made.restore(rows.items())
    return made


def write(rows: ROWS, step: CorrelateStep, upto: int | None = None) -> None:
    for key, value in list(step.rows.items())[:upto]:
        if value is None:
            rows.pop(key, None)
        else:
            rows[key] = value


def test_an_incident_leaves_a_day_after_it_was_over(model: Likelihood, symptom: Symptoms) -> None:
    core = partition(model, {})
    core.on_symptom("hub", symptom("hub", 0, 30))
    (incident,) = core.on_mark(mark(6)).incidents
    assert core.on_mark(mark(24)).aged == []
    (aged,) = core.on_mark(mark(24.01)).aged
    assert (aged.id, aged.revision) == (incident.id, incident.revision)
    assert aged.at == micros(START + timedelta(days=1, seconds=30))
    assert core.on_mark(mark(99)).aged == []


def test_an_open_incident_never_leaves(model: Likelihood, symptom: Symptoms) -> None:
    core = partition(model, {})
    told = core.on_symptom("hub", symptom("hub", 0, 30, state="open", revision=1))
    assert [one.status for one in told.incidents] == ["open"]
    assert core.on_mark(mark(1_000)).aged == []


@pytest.mark.parametrize("killed_at", range(4))
def test_a_kill_after_any_row_of_any_step_loses_no_tombstone(
    model: Likelihood, symptom: Symptoms, killed_at: int
) -> None:
    """What was delivered since the last commit comes again; here: everything."""
    said = [symptom("hub", 0, 30), mark(6), mark(25), mark(26)]
    cut = 0
    while True:
        rows: ROWS = {}
        topic: dict[str, str | None] = {}
        core = partition(model, rows)
        steps = 0
        for position, each in enumerate([*said[: killed_at + 1], None, *said]):
            if each is None:
                core = partition(model, rows)
                continue
            step = core.on_mark(each) if isinstance(each, Mark) else core.on_symptom("hub", each)
            topic |= {one.id: one.status for one in step.incidents}
            topic |= {one.id: None for one in step.aged}
            write(rows, step, cut if position == killed_at else None)
            steps = len(step.rows) if position == killed_at else steps
        assert set(topic.values()) == {None}, f"cut after {cut} rows"
        assert not [key for key in rows if b"|ended|" in key]
        cut += 1
        if cut > steps:
            break


def test_those_of_an_application_that_is_no_longer_declared_leave_too(
    model: Likelihood, symptom: Symptoms
) -> None:
    rows: ROWS = {}
    core = partition(model, rows)
    for step in (core.on_symptom("hub", symptom("hub", 0, 30)), core.on_mark(mark(6))):
        write(rows, step)
    other = CorrelatePartition(0, {}, lateness_us=0, keep_us=KEEP_US)
    other.restore(rows.items())
    assert [aged.application for aged in other.on_mark(mark(25)).aged] == ["hub"]


def test_who_keeps_for_ever_remembers_nothing() -> None:
    forever = Aging(None)
    assert forever.end(incident(status="resolved")) is None
    assert forever.leave(10**18) == []


def test_beyond_the_bound_the_oldest_leave_early(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aging, "MAX_ENDED", 3)
    kept = Aging(KEEP_US)
    for number in range(5):
        kept.end(incident(f"a{number}", start=number, status="resolved"))
    assert [aged.id for aged in kept.leave(micros(at(0)))] == ["a0", "a1"]
    assert kept.leave(micros(at(0))) == []


@given(st.lists(st.integers(0, 50), max_size=40), st.lists(st.integers(1, 9), max_size=20))
def test_all_that_is_due_leaves_oldest_first_a_few_at_a_time(
    ends: list[int], steps: list[int]
) -> None:
    kept = Aging(10)
    for number, end in enumerate(ends):
        kept.restore(("hub", str(number)), Ended(end, 1))
    left: list[int] = []
    for now in accumulate(steps, initial=0):
        left += [aged.at - 10 for aged in kept.leave(now)]
        assert left == sorted(end for end in ends if end + 10 <= now)


def test_time_that_jumps_brings_no_huge_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aging, "MAX_AT_ONCE", 2)
    kept = Aging(10)
    for number in range(5):
        kept.restore(("hub", str(number)), Ended(number, 1))
    assert [len(kept.leave(10**9)) for _ in range(4)] == [2, 2, 1, 0]

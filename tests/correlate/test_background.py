"""How often trouble comes by itself is learned slowly, and the same whatever the order was."""

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta

import pytest

from correlate.conftest import START
from effort import tries
from pipeline.correlate.background import MAX_MEMBERS, MOST, Background
from pipeline.correlate.evidence import Evidence, seen
from pipeline.correlate.learned import BEHIND, WINDOW, Memory
from pipeline.correlate.likelihood import Likelihood
from pipeline.correlate.partition import CorrelatePartition, CorrelateStep
from pipeline.correlate.settings import DAY_S, CorrelateSettings
from pipeline.records import Mark, Symptom

Symptoms = Callable[..., Symptom]
Pieces = Callable[..., Evidence]
DAY_US = int(DAY_S) * 1_000_000
FIRST = int(START.timestamp() // DAY_S)
HOUR_S = 3_600.0


@pytest.fixture
def piece(symptom: Symptoms) -> Pieces:
    def at(day: int, node: str = "hub", **more: str) -> Evidence:
        return seen(symptom(node, (day + 0.25) * DAY_S, **more), CorrelateSettings())

    return at


def taught(model: Likelihood, days: Iterable[tuple[int, Evidence, float]]) -> Background:
    return remembered(model, days)[1]


def remembered(
    model: Likelihood, days: Iterable[tuple[int, Evidence, float]]
) -> tuple[Memory, Background]:
    memory = Memory()
    background = Background(model, memory)
    for number, evidence, alone in days:
        background.learn(memory.day_of((FIRST + number) * DAY_US).day, [(evidence, alone)])
    return memory, background


def test_what_nobody_has_seen_yet_is_as_declared(model: Likelihood, piece: Pieces) -> None:
    assert Background(model, Memory()).factor(piece(0)) == 1.0


def test_what_comes_often_by_itself_is_expected_to(model: Likelihood, piece: Pieces) -> None:
    often = taught(model, [(day, piece(day), 1.0) for day in range(WINDOW) for _ in range(50)])
    assert 2.0 < often.factor(piece(WINDOW + 1)) <= MOST
    assert often.factor(piece(WINDOW + 1, symptom_class="saturation")) < 1.0


def test_what_is_set_off_by_others_is_no_background(model: Likelihood, piece: Pieces) -> None:
    never = taught(model, [(day, piece(day), 0.0) for day in range(WINDOW) for _ in range(50)])
    assert 0.3 < never.factor(piece(WINDOW + 1)) < 0.8


def test_a_day_counts_only_when_it_is_long_over(model: Likelihood, piece: Pieces) -> None:
    background = taught(model, [(0, piece(0), 1.0)] * 50)
    factors = [background.factor(piece(day)) for day in range(BEHIND + 1)]
    assert factors[:BEHIND] == [1.0] * BEHIND
    assert factors[BEHIND] > 1.0


def test_what_is_kept_is_bounded(model: Likelihood, piece: Pieces) -> None:
    many = MAX_MEMBERS + 9
    found = [(day, piece(day, f"user/u{n}"), 1.0) for day in range(40) for n in range(many)]
    learned = remembered(model, found)[0].learned
    assert learned is not None
    assert len(learned.days) == WINDOW + BEHIND
    members = [known for day in learned.days.values() for known in day.members.values()]
    assert max(map(len, members)) == MAX_MEMBERS


@pytest.mark.parametrize("seed", range(tries(9)))
def test_the_order_within_a_day_does_not_matter(
    model: Likelihood, piece: Pieces, seed: int
) -> None:
    chance = random.Random(seed)
    found = [(day, piece(day, f"user/u{n}"), chance.random()) for day in range(5) for n in range(9)]
    mixed = sorted(found, key=lambda each: (each[0], chance.random()))
    assert remembered(model, found)[0].learned == remembered(model, mixed)[0].learned


def lived(model: Likelihood, symptoms: Sequence[Symptom], seed: int) -> bytes:
    """Return the row after a life with marks here and there and, but for seed 0, with kills."""
    chance = random.Random(seed)
    rows: dict[bytes, bytes] = {}
    core = begun(model, rows)
    for day, symptom in enumerate(symptoms):
        parts = sorted(chance.sample(range(3, 9), 3)) if seed else ()
        for said in (symptom, symptom, *(mark(day + part / 8) for part in parts), mark(day + 1)):
            if not kept(told(core, said), rows, chance if seed else None):
                core = begun(model, rows)
                kept(told(core, said), rows, None)
    kept(core.on_mark(mark(len(symptoms) + 9)), rows, None)
    return rows[b"0|learned|hub"]


def told(core: CorrelatePartition, said: Symptom | Mark) -> CorrelateStep:
    return core.on_mark(said) if isinstance(said, Mark) else core.on_symptom("hub", said)


def begun(model: Likelihood, rows: Mapping[bytes, bytes]) -> CorrelatePartition:
    core = CorrelatePartition(0, {"hub": model}, lateness_us=0)
    core.restore(rows.items())
    return core


def mark(days: float) -> Mark:
    return Mark(source="d", time=START + timedelta(days=days), feeds=("d",))


def kept(step: CorrelateStep, rows: dict[bytes, bytes], chance: random.Random | None) -> bool:
    """Write the rows of a step; return False if the kill came before all were written."""
    many = len(step.rows) if chance is None else chance.randrange(2 * len(step.rows) + 1)
    for key, value in [*step.rows.items()][:many]:
        if value is None:
            rows.pop(key, None)
        else:
            rows[key] = value
    return many >= len(step.rows)


@pytest.mark.parametrize("seed", range(1, 1 + tries(30)))
def test_marks_and_kills_anywhere_teach_the_same(
    model: Likelihood, symptom: Symptoms, seed: int
) -> None:
    found = [symptom("hub", (day + 0.25) * DAY_S) for day in range(6)]
    assert lived(model, found, seed) == lived(model, found, 0)


def test_a_jump_in_time_teaches_the_same(model: Likelihood, symptom: Symptoms) -> None:
    found = [symptom("hub", (day + 0.25) * DAY_S) for day in range(6)]
    core = begun(model, {})
    for each in found:
        core.on_symptom("hub", each)
    step = core.on_mark(mark(20))
    assert step.rows[b"0|learned|hub"] == lived(model, found, 0)
    assert [each.status for each in step.incidents] == ["resolved"] * 6


def test_an_incident_says_that_such_trouble_is_usual_here(
    model: Likelihood, symptom: Symptoms
) -> None:
    core, incidents = begun(model, {}), []
    for hour in range(0, 5 * 24, 2):
        core.on_symptom("hub", symptom("hub", hour * HOUR_S))
        incidents += core.on_mark(mark((hour + 1.5) / 24)).incidents
    first, *_, last = ({r.code for r in each.causes[0].reasons} for each in incidents)
    assert "prior-of-kind" not in first
    assert "prior-of-kind" in last

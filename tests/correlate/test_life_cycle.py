"""The life of an incident: what is told when, and that revisions only grow."""

import random
from collections.abc import Callable

import pytest

from effort import tries
from pipeline.correlate.application import ApplicationState, News
from pipeline.correlate.lifecycle import Moment
from pipeline.correlate.likelihood import Likelihood
from pipeline.records import Incident, Symptom, canonical, micros

Symptoms = Callable[..., Symptom]
SECOND = 1_000_000


@pytest.fixture
def state(model: Likelihood) -> ApplicationState:
    return ApplicationState(model)


def tell(
    state: ApplicationState, symptom: Symptom, now_s: float = 0, complete_s: float | None = None
) -> list[Incident]:
    """Add a symptom; ``now`` and the watermark are given relative to its last sign."""
    last = micros(symptom.last_seen)
    complete = None if complete_s is None else last + int(complete_s * SECOND)
    if state.add(symptom, complete) is News.NONE:
        return []
    return state.evaluate(symptom.id, Moment(last + int(now_s * SECOND), complete)).incidents


def test_it_opens_when_the_evidence_has_settled(state: ApplicationState, symptom: Symptoms) -> None:
    first = symptom("hub", 0, state="open", revision=1)

    assert tell(state, first, now_s=0) == []

    now = micros(first.onset) + 10 * SECOND
    (incident,) = state.advance(Moment(now, None)).incidents
    assert (incident.status, incident.started_at) == ("open", first.onset)


def test_it_resolves_when_all_has_been_quiet(state: ApplicationState, symptom: Symptoms) -> None:
    only = symptom("hub", 0, 30)
    tell(state, only, now_s=60)
    quiet = micros(only.last_seen) + 300 * SECOND

    assert state.advance(Moment(quiet, quiet - 1)).incidents == []
    (incident,) = state.advance(Moment(quiet, quiet)).incidents
    assert (incident.status, incident.resolved_at) == ("resolved", only.last_seen)


def test_it_opens_again_when_trouble_comes_back(state: ApplicationState, symptom: Symptoms) -> None:
    tell(state, symptom("hub", 0, 30), now_s=400, complete_s=400)

    (incident,) = tell(state, symptom("hub", 500, state="open", revision=1), now_s=20, complete_s=0)

    assert (incident.status, incident.reopened) == ("open", 1)


def test_a_revision_repeated_is_no_news(state: ApplicationState, symptom: Symptoms) -> None:
    once = symptom("hub", 0)
    tell(state, once, now_s=60)

    assert tell(state, once, now_s=60) == []


def test_two_that_turn_out_to_be_one_are_merged_into_the_earlier(
    state: ApplicationState, symptom: Symptoms
) -> None:
    (early,) = tell(state, symptom("hub", 0), now_s=60)
    (late,) = tell(state, symptom("user/a", 1_000), now_s=60)

    told = tell(state, symptom("hub", 100, 900, signature="bridge"), now_s=160)

    merged = next(incident for incident in told if incident.status == "merged")
    assert (merged.id, merged.merged_into) == (late.id, early.id)
    assert merged.revision > late.revision


def test_an_earlier_onset_moves_the_anchor(state: ApplicationState, symptom: Symptoms) -> None:
    first = symptom("hub", 10, 60)
    (former,) = tell(state, first, now_s=60)
    earlier = symptom("hub", 5, 60, revision=3, supersedes=(first.id,))

    told = tell(state, earlier, now_s=60)

    assert {(incident.status, incident.id == former.id) for incident in told} == {
        ("open", False),
        ("merged", True),
    }


def test_what_came_too_late_to_join_is_counted(state: ApplicationState, symptom: Symptoms) -> None:
    assert tell(state, symptom("hub", 0), complete_s=36_000) == []
    assert state.fates.late_or_repeated == 1


@pytest.mark.parametrize("seed", range(tries(20)))
def test_order_never_matters_and_revisions_only_grow(
    model: Likelihood, symptom: Symptoms, seed: int
) -> None:
    chance = random.Random(seed)
    names = ["db", "hub", "api", "user/a", "user/b", "user/c"]
    told = [
        symptom(
            chance.choice(names),
            at := chance.randrange(0, 2_000),
            at + chance.randrange(0, 400),
            signature=f"s{number}",
            severity=chance.choice(["minor", "major"]),
            implicates=chance.choice([{}, {"db": 0.9}]),
            revision=chance.randrange(1, 9),
        )
        for number in range(12)
    ]
    outcomes = set()
    for _ in range(4):
        chance.shuffle(told)
        outcomes.add(_outcome(model, told))

    assert len(outcomes) == 1


def _outcome(model: Likelihood, symptoms: list[Symptom]) -> tuple[bytes, ...]:
    state = ApplicationState(model)
    revisions: dict[str, list[int]] = {}
    latest: dict[str, Incident] = {}
    end = max(micros(symptom.last_seen) for symptom in symptoms) + 36_000 * SECOND
    told = [i for s in symptoms for i in tell(state, s, now_s=60)]
    told += state.advance(Moment(end, end)).incidents
    for incident in told:
        revisions.setdefault(incident.id, []).append(incident.revision)
        latest[incident.id] = incident
    assert all(sorted(set(numbers)) == numbers for numbers in revisions.values())
    final = [incident for incident in latest.values() if incident.status != "merged"]
    assert all(incident.status == "resolved" for incident in final)
    assert state.fates.in_incident + state.fates.below_threshold == len(symptoms)
    return tuple(canonical(incident) for incident in sorted(final, key=lambda i: i.id))

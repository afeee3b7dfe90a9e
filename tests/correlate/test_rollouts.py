"""A change is judged by its new pods, the older ones beside them, and the past."""

from collections.abc import Callable
from datetime import timedelta
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.correlate.application import ApplicationState
from pipeline.correlate.changes import MAX_CHANGES
from pipeline.correlate.lifecycle import Moment
from pipeline.correlate.likelihood import Likelihood
from pipeline.correlate.rollouts import Judgement, Speaks, judgement
from pipeline.records import MAX_NAMES, Earlier, Incident, Reason, Roster, Symptom, micros

Symptoms = Callable[..., Symptom]
OLD = ("hub-1-a", "hub-1-b", "hub-1-c")


@pytest.fixture
def rollout(symptom: Symptoms) -> list[Symptom]:
    """A rollout, and what detection says of the pods."""
    told: dict[str, Any] = {"symptom_class": "change", "whisper": True}
    roster = Roster(new=("hub-2-x",), beside=OLD)
    return [
        symptom("hub", -20, signature="rolled-out", **told),
        symptom("hub", -15, signature="new-pods", roster=roster, **told),
    ]


def incident(model: Likelihood, *symptoms: Symptom) -> Incident:
    state = ApplicationState(model)
    for symptom in symptoms:
        state.add(symptom, None)
    end = max(micros(symptom.last_seen) for symptom in symptoms) + 36_000_000_000
    return state.advance(Moment(end, end)).incidents[-1]


def judged(model: Likelihood, *symptoms: Symptom) -> Reason:
    cause = incident(model, *symptoms).causes[0]
    (reason,) = [each for each in cause.reasons if each.code == "change-judged"]
    return reason


def test_trouble_at_new_pods_alone_points_to_the_rollout(
    model: Likelihood, symptom: Symptoms, rollout: list[Symptom]
) -> None:
    reason = judged(model, *rollout, symptom("hub", 0, pods=("hub-2-x",)))
    assert reason.text == (
        "points to “rolled-out” at hub: 1 of 1 new pods are in trouble;"
        " 0 of 3 older ones beside them (by chance: 0.25)"
    )


def test_trouble_at_all_pods_is_not_of_the_rollout(
    model: Likelihood, symptom: Symptoms, rollout: list[Symptom]
) -> None:
    reason = judged(model, *rollout, symptom("hub", 0, pods=(*OLD, "hub-2-x")))
    assert reason.text.startswith("against “rolled-out”")
    assert reason.numbers["older_in_trouble"] == 3


def test_trouble_that_came_before_is_not_of_the_rollout(
    model: Likelihood, symptom: Symptoms, rollout: list[Symptom]
) -> None:
    before = Earlier(count=4, since=rollout[0].onset - timedelta(hours=3))
    reason = judged(model, *rollout, symptom("hub", 0, pods=("hub-2-x",), earlier=before))
    assert reason.text.startswith("against “rolled-out”")
    assert reason.text.endswith("; the same came 4 times in the hours before")


def test_episodes_since_the_rollout_are_no_past(symptom: Symptoms, rollout: list[Symptom]) -> None:
    since = Earlier(count=2, since=rollout[0].onset + timedelta(seconds=5))
    found = judgement(rollout[0], [symptom("hub", 90, earlier=since)], [])
    assert found is not None
    assert (found.earlier, found.speaks) == (0, Speaks.NEITHER)


def test_pods_that_nobody_names_may_be_older_ones(
    symptom: Symptoms, rollout: list[Symptom]
) -> None:
    new = tuple(f"hub-2-{n}" for n in range(MAX_NAMES))
    roster = rollout[1].model_copy(update={"roster": Roster(new=new, beside=OLD)})
    found = judgement(rollout[0], [symptom("hub", 0, pods=new)], [roster])
    assert found is not None
    assert found.speaks is Speaks.NEITHER


def test_what_a_rollout_is_cleared_of_is_laid_to_the_next_change(
    model: Likelihood, symptom: Symptoms, rollout: list[Symptom]
) -> None:
    scaled = symptom("db", -100, signature="scaled", symptom_class="change", whisper=True)
    trouble = symptom("hub", 0, pods=(*OLD, "hub-2-x"))
    found = incident(model, scaled, *rollout, trouble)
    at_hub = next(cause for cause in found.causes if cause.node == "hub")
    assert [change.node for change in at_hub.changes] == ["db", "hub"]


def test_a_roster_is_no_change_itself(
    model: Likelihood, symptom: Symptoms, rollout: list[Symptom]
) -> None:
    (cause,) = incident(model, rollout[1], symptom("hub", 0)).causes
    assert cause.changes == ()


def test_rosters_take_no_room_from_changes(model: Likelihood, rollout: list[Symptom]) -> None:
    state = ApplicationState(model)
    for number in range(MAX_CHANGES + 1):
        state.add(rollout[1].model_copy(update={"id": f"{number}"}), None)
    state.add(rollout[0], None)
    assert (len(state.changes.known), state.fates.overflow) == (MAX_CHANGES + 1, 1)


@given(new=st.integers(1, 5), older=st.integers(1, 5), data=st.data())
def test_by_chance_is_the_share_of_all_ways_to_hit_as_many(
    new: int, older: int, data: st.DataObject
) -> None:
    hit_new, hit_older = data.draw(st.integers(0, new)), data.draw(st.integers(0, older))
    found = Judgement(
        new=new,
        new_in_trouble=hit_new,
        older=older,
        older_in_trouble=hit_older,
        all_named=True,
        earlier=0,
    )
    ways = [*combinations(range(new + older), hit_new + hit_older)]
    as_bad = sum(sum(pod < new for pod in way) >= hit_new for way in ways)
    assert found.by_chance == pytest.approx(as_bad / len(ways))

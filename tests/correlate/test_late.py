"""Law 7: a late symptom is evidence of what is not final; it opens nothing, and teaches nothing."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from pipeline.correlate.application import LATE_SHARE, ApplicationState, News
from pipeline.correlate.lifecycle import Moment
from pipeline.correlate.likelihood import Likelihood
from pipeline.records import Incident, Symptom, micros
from topology.graph import Graph
from topology.model import Application

Symptoms = Callable[..., Symptom]
SECOND = 1_000_000
HOUR = 3_600


@pytest.fixture
def state(model: Likelihood) -> ApplicationState:
    return ApplicationState(model)


def moment(symptom: Symptom, after_s: float) -> Moment:
    return Moment(*2 * [micros(symptom.last_seen) + int(after_s * SECOND)])


def tell(state: ApplicationState, symptom: Symptom, at: Moment) -> list[Incident]:
    news = state.add(symptom, at.complete_to)
    return [] if news is News.NONE else state.evaluate(symptom.id, at).incidents


def test_it_revises_the_incident_which_says_so(state: ApplicationState, symptom: Symptoms) -> None:
    hub = symptom("hub", 0, 600)
    (before,) = tell(state, hub, moment(hub, 60))
    (after,) = tell(state, symptom("db", 10, late=True, signature="full"), moment(hub, 61))
    assert (before.late_revision, after.id) == (None, before.id)
    assert after.revision > before.revision
    assert after.late_revision == (
        "a record came after the allowed lateness: “full” at db, of 10:00:10"
    )
    assert after.detected_at == before.detected_at
    assert after.nodes == ("db", "hub")


def test_however_old_it_joins_what_is_not_final(state: ApplicationState, symptom: Symptoms) -> None:
    hub = symptom("hub", 5, 5 * HOUR, state="open")
    tell(state, hub, moment(hub, 0))
    told, former = tell(state, symptom("db", 0, late=True), moment(hub, 1))
    assert (told.causes[0].node, former.merged_into) == (
        "db",
        told.id,
    )  # the earliest is the anchor
    assert state.fates.late_or_repeated == 0


def test_old_and_alone_it_is_counted_and_leaves_no_trace(
    state: ApplicationState, symptom: Symptoms
) -> None:
    hub = symptom("hub", 10 * HOUR, 15 * HOUR, state="open")
    tell(state, hub, moment(hub, 0))
    assert tell(state, symptom("db", 0, late=True), moment(hub, 1)) == []
    assert (state.fates.late_or_repeated, list(state.symptoms)) == (1, [hub.id])


def test_alone_it_opens_nothing_and_teaches_nothing(
    state: ApplicationState, symptom: Symptoms
) -> None:
    alone = symptom("db", 0, late=True, severity="critical")
    assert tell(state, alone, moment(alone, 30)) == []
    assert state.advance(moment(alone, 10 * HOUR)).incidents == []
    assert (state.fates.late_or_repeated, state.fates.below_threshold) == (1, 0)
    assert state.memory.learned is not None
    assert all(day.alone == {} for day in state.memory.learned.days.values())


def test_late_ones_do_not_take_the_room_of_others(
    application: Application, model: Likelihood, symptom: Symptoms
) -> None:
    narrow = replace(model.settings, max_symptoms=8)
    state = ApplicationState(Likelihood(Graph(application), narrow))
    news = [state.add(symptom("hub", at, late=True), None) for at in range(8)]
    assert news.count(News.CHANGE) == 8 * LATE_SHARE
    assert state.add(symptom("hub", 9), None) is News.CHANGE
    assert state.fates.overflow == 8 - 8 * LATE_SHARE

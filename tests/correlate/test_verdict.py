"""How bad an incident is."""

from collections.abc import Callable

import pytest

from pipeline.correlate.application import ApplicationState
from pipeline.correlate.lifecycle import Moment
from pipeline.correlate.likelihood import Likelihood
from pipeline.records import Severity, Symptom, micros

Symptoms = Callable[..., Symptom]


def severity(model: Likelihood, *symptoms: Symptom) -> Severity:
    state = ApplicationState(model)
    for symptom in symptoms:
        state.add(symptom, None)
    end = max(micros(symptom.last_seen) for symptom in symptoms) + 36_000_000_000
    return state.advance(Moment(end, end)).incidents[-1].severity


def rollout(symptom: Symptoms, node: str = "hub") -> Symptom:
    return symptom(node, -20, symptom_class="change", whisper=True)


@pytest.mark.parametrize(("lasts_s", "found"), [(60, "minor"), (600, "critical")])
def test_what_was_rolled_out_may_be_away_for_a_while(
    lasts_s: float, found: Severity, model: Likelihood, symptom: Symptoms
) -> None:
    away = symptom("hub", 0, lasts_s, severity="critical")
    assert severity(model, rollout(symptom), away) == found


def test_a_rollout_of_something_else_excuses_nothing(model: Likelihood, symptom: Symptoms) -> None:
    away = symptom("hub", 0, 60, severity="critical")
    assert severity(model, rollout(symptom, "db"), away) == "critical"


def test_what_no_user_can_have_felt_is_a_rank_lower(model: Likelihood, symptom: Symptoms) -> None:
    assert severity(model, symptom("db", 0, severity="critical")) == "major"
    assert severity(model, symptom("hub", 0, severity="critical")) == "critical"

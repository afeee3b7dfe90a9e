"""What comes again and again comes by itself, unless something sets it off at once."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from correlate.conftest import START
from correlate.test_causes import incidents
from pipeline.correlate.evidence import seen
from pipeline.correlate.likelihood import Likelihood
from pipeline.correlate.settings import CorrelateSettings
from pipeline.records import Symptom
from pipeline.records.symptom import Earlier

Symptoms = Callable[..., Symptom]
ONCE = Earlier(count=1, since=START - timedelta(minutes=5))
OFTEN = Earlier(count=9, since=START - timedelta(hours=1))


@pytest.mark.parametrize(("earlier", "apart"), [(None, 1), (ONCE, 1), (OFTEN, 2)])
def test_minutes_later_at_the_same_node_it_is_trouble_of_its_own(
    model: Likelihood, symptom: Symptoms, earlier: Earlier | None, apart: int
) -> None:
    other = symptom("hub", 0, signature="other")
    told = incidents(model, [other, symptom("hub", 320, earlier=earlier)])
    assert len(told) == apart


@pytest.mark.parametrize("earlier", [None, OFTEN])
def test_what_follows_its_cause_at_once_is_its_effect_all_the_same(
    model: Likelihood, symptom: Symptoms, earlier: Earlier | None
) -> None:
    (incident,) = incidents(model, [symptom("db", 0), symptom("hub", 4, earlier=earlier)])
    assert incident.causes[0].node == "db"


@pytest.mark.parametrize(("earlier", "an_hour"), [(None, 0), (ONCE, 0), (OFTEN, 4)])
def test_an_hour_without_any_counts_as_well(
    symptom: Symptoms, earlier: Earlier | None, an_hour: float
) -> None:
    piece = seen(symptom("hub", 0, earlier=earlier), CorrelateSettings())
    assert piece.recurs_per_s * 3600 == pytest.approx(an_hour)

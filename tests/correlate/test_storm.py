"""A storm is explained seldom, says so, and ends as if each symptom had been explained at once."""

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from correlate.conftest import START
from pipeline.accounting import Ledger
from pipeline.correlate.application import ApplicationState, News
from pipeline.correlate.lifecycle import Moment
from pipeline.correlate.likelihood import Likelihood
from pipeline.correlate.partition import CorrelatePartition, CorrelateStep
from pipeline.correlate.settings import CorrelateSettings
from pipeline.correlate.storm import most_per_minute, wait_s
from pipeline.records import Incident, Mark, Reason, Symptom, canonical, micros

Symptoms = Callable[..., Symptom]
SECOND = 1_000_000
LENGTH_S = 30
END_S = 36_000


@pytest.fixture
def storm(symptom: Symptoms) -> list[Symptom]:
    """Build 300 symptoms of one component in half a minute."""
    return many(symptom, 300)


@pytest.fixture
def early(model: Likelihood) -> Likelihood:
    """Take 20 symptoms for a storm, so that small ones show what large ones do."""
    return with_settings(model, replace(model.settings, storm_from=20))


def many(symptom: Symptoms, count: int) -> list[Symptom]:
    return [
        symptom(
            f"user/{number % 20}" if number % 3 else "hub",
            number * LENGTH_S / count,
            signature=f"s{number}",
        )
        for number in range(count)
    ]


def with_settings(model: Likelihood, settings: CorrelateSettings) -> Likelihood:
    return Likelihood(model.graph, settings)


@dataclass
class Told:
    """A partition that is told of symptoms and marks, what it answers, and its rows."""

    model: Likelihood
    rows: dict[bytes, bytes] = field(default_factory=dict)
    steps: list[list[Incident]] = field(default_factory=list)
    """Revisions by step, of the steps that brought any."""

    def __post_init__(self) -> None:
        self.restart()

    @property
    def last(self) -> dict[str, Incident]:
        """The last revision of each incident."""
        return {incident.id: incident for step in self.steps for incident in step}

    @property
    def final(self) -> list[bytes]:
        """What is left in the end, but for those that went into others."""
        left = (each for _, each in sorted(self.last.items()) if each.status != "merged")
        return [canonical(incident) for incident in left]

    def restart(self) -> None:
        """Begin again from the rows."""
        self.core = CorrelatePartition(0, {"hub": self.model}, lateness_us=0)
        self.core.restore(self.rows.items())

    def symptoms(self, symptoms: Iterable[Symptom]) -> None:
        """Tell of symptoms."""
        for each in symptoms:
            self._take(self.core.on_symptom("hub", each))

    def until(self, at_s: float) -> None:
        """Let event time pass, in seconds after the start."""
        time = START + timedelta(seconds=at_s)
        self._take(self.core.on_mark(Mark(source="d", time=time, feeds=("d",))))

    def _take(self, step: CorrelateStep) -> None:
        self.steps += [step.incidents] if step.incidents else []
        for key, value in step.rows.items():
            if value is None:
                self.rows.pop(key, None)
            else:
                self.rows[key] = value


def as_it_comes(model: Likelihood, symptoms: Sequence[Symptom]) -> Told:
    """Tell of symptoms in order, with a mark each second."""
    told = Told(model)
    for second in range(LENGTH_S):
        told.symptoms(s for s in symptoms if second <= s.onset.timestamp() % 60 < second + 1)
        told.until(second)
    for later in (60, 90, END_S):
        told.until(later)
    return told


def said_of_storm(incident: Incident) -> list[Reason]:
    return [each for each in incident.causes[0].reasons if each.code == "storm"]


@pytest.mark.long
def test_a_storm_is_explained_once_a_wait(model: Likelihood, storm: list[Symptom]) -> None:
    told = as_it_comes(model, storm)

    stormy = [step for step in told.steps if said_of_storm(step[0])]
    least = wait_s(model.settings.storm_from, model.settings)
    assert 3 <= len(stormy) <= LENGTH_S / least


def test_news_that_goes_on_coming_does_not_put_off_the_first(
    early: Likelihood, symptom: Symptoms
) -> None:
    state = ApplicationState(early)
    explained = 0
    for number in range(40):
        each = symptom("hub", 30 + number, signature=f"s{number}")
        assert state.add(each, None) is News.CHANGE
        explained += bool(state.take_up(each.id, Moment(micros(each.onset), None)).incidents)

    assert explained == 9 + 5  # the 11th to 19th at once, then each fourth second, without marks


@pytest.mark.long
@pytest.mark.parametrize("seed", range(4))
def test_in_any_order_with_restarts_anywhere_it_ends_the_same(
    early: Likelihood, symptom: Symptoms, seed: int
) -> None:
    symptoms = many(symptom, 60)
    chance = random.Random(seed)
    told = Told(early)
    for each in chance.sample(symptoms, len(symptoms)):
        told.symptoms([each])
        if chance.random() < 0.1:
            chance.choice([told.restart, lambda: told.until(0), lambda: told.symptoms(symptoms)])()
    told.until(END_S)

    assert told.final == as_it_comes(early, symptoms).final


def test_it_ends_as_if_each_had_been_explained_at_once(
    early: Likelihood, symptom: Symptoms
) -> None:
    symptoms = many(symptom, 60)
    never = with_settings(early, replace(early.settings, storm_from=1_000))

    (stormy,) = as_it_comes(early, symptoms).last.values()
    (plain,) = as_it_comes(never, symptoms).last.values()

    first = stormy.causes[0]
    reasons = tuple(each for each in first.reasons if each.code != "storm")
    causes = (first.model_copy(update={"reasons": reasons}), *stormy.causes[1:])
    assert len(reasons) == len(first.reasons) - 1
    assert stormy.model_copy(update={"causes": causes}) == plain


@pytest.mark.long
def test_time_alone_has_the_many_incidents_of_a_storm_explained_once_a_wait_too(
    early: Likelihood, symptom: Symptoms
) -> None:
    apart = replace(early.settings, background_per_s=1.0)  # each came by itself: its own incident
    told = Told(with_settings(early, apart))
    told.symptoms(symptom(f"user/{number}", number) for number in range(30))
    at_once = len(told.steps)

    for second in range(30, 400):
        told.until(second)

    by_time = told.steps[at_once:]
    ended = [each for each in told.last.values() if each.status == "resolved"]
    assert len(ended) > 20  # a wait is 3 s: what opens in 30 s and ends in 30 s comes in few steps
    assert 2 <= len(by_time) <= 2 * 30 / 3 + 1


def test_the_incident_says_storm(model: Likelihood, storm: list[Symptom]) -> None:
    (incident,) = as_it_comes(model, storm).last.values()

    (reason,) = said_of_storm(incident)
    assert reason.numbers == {"symptoms": 300, "most_per_minute": 300, "wait_s": 9}
    assert reason.text.startswith("a storm: 300 symptoms that")


def test_below_its_bound_there_is_no_storm(early: Likelihood, symptom: Symptoms) -> None:
    symptoms = many(symptom, 19)
    never = with_settings(early, replace(early.settings, storm_from=1_000))

    assert as_it_comes(early, symptoms).steps == as_it_comes(never, symptoms).steps


def test_what_a_known_symptom_of_a_storm_says_anew_waits_no_longer(
    early: Likelihood, symptom: Symptoms
) -> None:
    symptoms = many(symptom, 40)
    told = Told(early)
    told.symptoms(symptoms)
    told.until(60)
    worse = symptoms[0].model_copy(update={"revision": 3, "severity": "critical"})

    told.symptoms([worse])
    assert told.last.popitem()[1].severity == "major"
    told.until(63)
    assert told.last.popitem()[1].severity == "critical"


def test_what_is_beyond_the_bound_is_counted_and_printed(
    model: Likelihood, symptom: Symptoms
) -> None:
    told = Told(with_settings(model, replace(model.settings, storm_from=20, max_symptoms=30)))
    ledger = Ledger()
    symptoms = many(symptom, 40)
    told.symptoms(symptoms)
    told.until(60)

    for each in symptoms:
        ledger.symptom(b"hub", canonical(each))
    for key, value in told.rows.items():
        ledger.correlate_row(key, value)

    assert (ledger.symptoms["open"], ledger.symptoms["overflow"]) == (30, 10)
    assert all(check.agrees for check in ledger.checks())


@pytest.mark.parametrize(
    ("symptoms", "seconds"), [(1, 3), (100, 3), (400, 12), (1_000, 30), (9_000, 30)]
)
def test_the_wait_grows_with_the_storm_between_its_bounds(symptoms: int, seconds: float) -> None:
    assert wait_s(symptoms, CorrelateSettings()) == pytest.approx(seconds)


def test_the_busiest_minute_is_half_open() -> None:
    onsets = [START + timedelta(seconds=at) for at in (100, 0, 59, 60, 119, 160)]
    assert most_per_minute(onsets) == 3

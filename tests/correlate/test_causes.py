"""Which node is the cause, and who belongs together."""

from collections.abc import Callable, Sequence
from datetime import timedelta

import pytest

from correlate.conftest import START
from pipeline.correlate.application import ApplicationState
from pipeline.correlate.evidence import seen
from pipeline.correlate.lifecycle import Moment
from pipeline.correlate.likelihood import Likelihood
from pipeline.correlate.settings import CorrelateSettings
from pipeline.records import Earlier, Incident, Symptom, micros

Symptoms = Callable[..., Symptom]
HOUR = 3_600_000_000
ONCE = Earlier(count=1, since=START - timedelta(minutes=5))
OFTEN = Earlier(count=9, since=START - timedelta(hours=1))


def incidents(model: Likelihood, symptoms: Sequence[Symptom]) -> list[Incident]:
    """Return the final incidents of symptoms, by their start."""
    state = ApplicationState(model)
    for symptom in symptoms:
        state.add(symptom, None)
    end = max(micros(symptom.last_seen) for symptom in symptoms) + 10 * HOUR
    told = state.advance(Moment(end, end)).incidents
    latest = {incident.id: incident for incident in told if incident.status != "merged"}
    return sorted(latest.values(), key=lambda incident: incident.started_at)


def test_the_node_upstream_is_the_cause(model: Likelihood, symptom: Symptoms) -> None:
    (incident,) = incidents(
        model,
        [symptom("db", 0, symptom_class="availability"), symptom("hub", 3), symptom("user/a", 40)],
    )

    assert incident.causes[0].node == "db"
    assert incident.causes[0].path == ("db", "hub", "user/a")
    assert incident.nodes == ("db", "hub", "user/a")
    assert incident.verdict == "confident"


def test_the_cause_may_be_seen_after_its_effect(model: Likelihood, symptom: Symptoms) -> None:
    """Probes need three failures, metrics come a minute late; the graph breaks the tie."""
    late = symptom("db", 25, detector="events", symptom_class="availability", resolution_s=1)

    (incident,) = incidents(model, [symptom("hub", 0), symptom("user/a", 30), late])

    assert incident.causes[0].node == "db"


def test_an_unseen_node_that_a_signature_names_is_the_inferred_cause(
    model: Likelihood, symptom: Symptoms
) -> None:
    (incident,) = incidents(
        model, [symptom("hub", 0, implicates={"api": 0.9}), symptom("user/a", 50)]
    )

    assert incident.causes[0].node == "api"
    assert incident.causes[0].inferred
    assert "implicated" in {reason.code for reason in incident.causes[0].reasons}


def test_a_named_node_passes_the_blame_on_to_what_broke_it(
    model: Likelihood, symptom: Symptoms
) -> None:
    full = symptom("volume/db", 0, detector="metrics", symptom_class="saturation", resolution_s=60)

    (incident,) = incidents(model, [full, symptom("hub", 70, implicates={"db": 0.9})])

    assert incident.causes[0].node == "volume/db"


def test_far_apart_in_time_are_two_incidents(model: Likelihood, symptom: Symptoms) -> None:
    two = incidents(model, [symptom("db", 0), symptom("hub", 3), symptom("hub", 9_000)])

    assert [incident.nodes for incident in two] == [("db", "hub"), ("hub",)]


def test_a_fault_lasts_as_long_as_what_it_brings(model: Likelihood, symptom: Symptoms) -> None:
    """A volume that fills again while the server that failed on it restarts is still full."""
    first, again = (
        symptom("volume/db", at, at + 60, symptom_class="saturation") for at in (0, 1_200)
    )
    restarts = symptom("db", 10, 2_000, symptom_class="availability", severity="critical")
    (incident,) = incidents(model, [first, restarts, again, symptom("hub", 1_230)])
    assert incident.causes[0].node == "volume/db"
    assert incident.symptom_count == 4


def test_users_on_one_machine_have_it_as_their_common_cause(
    model: Likelihood, symptom: Symptoms
) -> None:
    machine = symptom("machine/wrk-1", 0, symptom_class="availability")
    users = [symptom(f"user/{name}", 20, cluster_nodes=("wrk-1",)) for name in "abc"]
    other = symptom("user/z", 20, cluster_nodes=("wrk-2",))

    told = incidents(model, [machine, *users, other])

    assert told[0].causes[0].node == "machine/wrk-1"
    assert set(told[0].nodes) >= {"machine/wrk-1", "user/a", "user/b", "user/c"}


def test_one_thing_seen_several_times_weighs_once(model: Likelihood, symptom: Symptoms) -> None:
    """Three quantiles of one latency, and a fourth name for it, are no more than one minor."""
    seen = [symptom("hub", 0, severity="minor", signature=f"p9{digit}") for digit in "0599"]

    assert incidents(model, seen) == []


def test_minor_trouble_alone_opens_nothing(model: Likelihood, symptom: Symptoms) -> None:
    assert incidents(model, [symptom("hub", 0, severity="minor")]) == []


def test_probabilities_sum_to_at_most_one(model: Likelihood, symptom: Symptoms) -> None:
    (incident,) = incidents(model, [symptom("db", 0), symptom("hub", 1), symptom("user/a", 2)])

    assert 0.9 < sum(cause.probability for cause in incident.causes) <= 1


def test_every_symptom_has_its_parent_or_none(model: Likelihood, symptom: Symptoms) -> None:
    (incident,) = incidents(model, [symptom("db", 0), symptom("hub", 3), symptom("user/a", 40)])

    edges = [told.parent.edge if told.parent else None for told in incident.symptoms]
    assert edges == [None, "db → hub", "hub → user/a"]


def test_one_of_many_seldom_takes_down_what_all_share(model: Likelihood, symptom: Symptoms) -> None:
    killed = symptom("user/a", 0, symptom_class="availability")
    apart = [symptom("hub", 300, severity="critical"), symptom("user/b", 340)]
    noted = [symptom("hub", 20)]

    (_, outage) = incidents(model, [killed, *apart])
    (alone,) = incidents(model, [killed, *noted])

    assert outage.causes[0].node == "hub"
    assert alone.causes[0].node == "user/a"  # the hub notes it: that is lesser trouble


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


def test_the_cause_says_how_often_the_same_came_before(
    model: Likelihood, symptom: Symptoms
) -> None:
    (incident,) = incidents(model, [symptom("hub", 0, earlier=OFTEN)])
    (reason,) = (r for r in incident.causes[0].reasons if r.code == "prior-of-kind")
    assert reason.text == "“trouble” came 9 times before, since 09:00"

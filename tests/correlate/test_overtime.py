"""Graphs that change: each effect has the graph of its onset, whatever the order of arrival."""

import random
from collections.abc import Callable, Sequence
from datetime import timedelta

import pytest

from correlate.conftest import START, edge
from effort import tries
from pipeline.correlate.evidence import seen
from pipeline.correlate.likelihood import Likelihood
from pipeline.correlate.overtime import Model, OverTime, model_of
from pipeline.correlate.parents import Weights
from pipeline.correlate.partition import CorrelatePartition
from pipeline.correlate.settings import CorrelateSettings
from pipeline.records import Incident, Mark, Symptom, canonical, micros
from topology.model import Application, NodeTemplate
from topology.versions import Timeline

Symptoms = Callable[..., Symptom]

CHANGE_S = 1_000.0
"""Seconds after 10:00 from which the new graph holds."""


def since(application: Application, at_s: float, **changed: object) -> Application:
    """Return a version that holds from so many seconds after 10:00."""
    told = {name: getattr(application, name) for name in Application.model_fields}
    told |= {"valid_from": START + timedelta(seconds=at_s)}
    return Application(**(told | changed))  # a copy would keep the finder of the former nodes


@pytest.fixture
def moved(application: Application) -> Timeline:
    """The hub no longer needs the database; alice has a node of her own; a cache is new."""
    edges = tuple(e for e in application.edges if (e.cause, e.effect) != ("db", "hub"))
    nodes = (*application.nodes, NodeTemplate(id="user/alice"), NodeTemplate(id="cache"))
    return Timeline.of([application, since(application, CHANGE_S, nodes=nodes, edges=edges)])


@pytest.fixture
def both(moved: Timeline) -> Model:
    return model_of(moved, CorrelateSettings())


def random_symptoms(symptom: Symptoms, seed: int, count: int = 14) -> list[Symptom]:
    chance = random.Random(seed)
    names = ["db", "hub", "api", "user/alice", "user/bob", "cache", "volume/db"]
    return [
        symptom(
            chance.choice(names),
            at := chance.randrange(0, 2_000),
            at + chance.randrange(0, 400),
            signature=f"s{number}",
            severity=chance.choice(["minor", "major"]),
            implicates=chance.choice([{}, {"db": 0.9}, {"api": 0.8}]),
            cluster_nodes=chance.choice([(), ("m1",)]),
        )
        for number in range(count)
    ]


def incidents(model: Model, told: Sequence[Symptom], restart_at: int | None = None) -> list[bytes]:
    """Return what a partition ends with; ``restart_at`` symptoms in, it begins anew from rows."""
    partition = CorrelatePartition(0, {"hub": model}, lateness_us=0)
    rows: dict[bytes, bytes | None] = {}
    latest: dict[str, Incident] = {}
    for number, each in enumerate(told):
        if number == restart_at:
            partition = CorrelatePartition(0, {"hub": model}, lateness_us=0)
            partition.restore((key, row) for key, row in rows.items() if row is not None)
        step = partition.on_symptom("hub", each)
        rows |= step.rows
        latest |= {incident.id: incident for incident in step.incidents}
    end = Mark(source="t", time=START + timedelta(days=1), feeds=("t",), final=True)
    latest |= {incident.id: incident for incident in partition.on_mark(end).incidents}
    return sorted(canonical(one) for one in latest.values() if one.status != "merged")


def test_one_version_is_the_model_of_its_graph(application: Application) -> None:
    only = model_of(Timeline.of([application]), CorrelateSettings())
    assert isinstance(only, Likelihood)


@pytest.mark.parametrize("seed", range(5))
def test_versions_that_are_alike_are_as_one(
    application: Application, model: Likelihood, symptom: Symptoms, seed: int
) -> None:
    alike = Timeline.of([application, *(since(application, at) for at in (300, 700, 1_500))])
    told = random_symptoms(symptom, seed)
    overtime = model_of(alike, CorrelateSettings())
    assert isinstance(overtime, OverTime)
    assert incidents(overtime, told) == incidents(model, told)


@pytest.mark.parametrize("seed", range(tries(10)))
def test_no_order_and_no_restart_matters(both: Model, symptom: Symptoms, seed: int) -> None:
    told = random_symptoms(symptom, seed)
    chance = random.Random(seed)
    once = incidents(both, told)
    for _ in range(3):
        chance.shuffle(told)
        assert incidents(both, told, restart_at=chance.randrange(len(told))) == once


def test_the_effects_onset_decides(both: Model, symptom: Symptoms) -> None:
    cause = seen(symptom("db", at=990, until=1_100), both.settings)
    before = seen(symptom("hub", at=999.9), both.settings)
    after = seen(symptom("hub", at=CHANGE_S), both.settings)
    assert both.trigger(cause, before) is not None
    assert both.trigger(cause, after) is None


def told_of(model: Model, told: Sequence[Symptom]) -> list[Incident]:
    return [Incident.model_validate_json(one) for one in incidents(model, told)]


@pytest.mark.parametrize("number", [0, 1])
def test_an_incident_names_the_version_of_its_beginning(
    moved: Timeline, both: Model, symptom: Symptoms, number: int
) -> None:
    at = (CHANGE_S - 60, CHANGE_S)[number]
    (incident,) = told_of(both, [symptom("hub", at), symptom("hub", at + 20, signature="more")])
    assert incident.graph_version == moved.versions[number].version
    assert "graph-changed" not in {reason.code for reason in incident.causes[0].reasons}


def test_an_incident_under_two_versions_says_so(both: Model, symptom: Symptoms) -> None:
    told = [symptom("hub", CHANGE_S - 5, CHANGE_S + 60), symptom("user/bob", CHANGE_S + 30)]
    (incident,) = told_of(both, told)
    (reason,) = [each for each in incident.causes[0].reasons if each.code == "graph-changed"]
    assert reason.numbers == {"changed_at_s": START.timestamp() + CHANGE_S, "versions": 2.0}
    assert "10:16:40" in reason.text


def test_what_is_expected_is_asked_of_the_graph_of_the_beginning(
    both: Model, symptom: Symptoms
) -> None:
    (before,) = told_of(both, [symptom("db", CHANGE_S - 400, CHANGE_S - 300)])
    (after,) = told_of(both, [symptom("db", CHANGE_S, CHANGE_S + 100)])
    assert (before.absent, after.absent) == (("hub",), ())


def test_reach_is_that_of_any_version(application: Application, both: Model) -> None:
    edge = application.edges[0]
    slow = edge.model_copy(update={"delay": edge.delay.model_copy(update={"longest_s": 5_000.0})})
    later = since(application, CHANGE_S, edges=(slow, *application.edges[1:]))
    longer = model_of(Timeline.of([application, later]), CorrelateSettings())
    assert longer.reach_s == max(longer.at(at).reach_s for at in (micros(START) / 1e6, 4e9))
    assert both.family("user/alice") == both.family("user/bob")
    assert both.family("db") in both.reach("hub")
    assert both.family("nowhere") == ""


def test_a_later_graph_changes_nothing_of_the_past(
    model: Likelihood, both: Model, symptom: Symptoms
) -> None:
    told = [symptom("db", 0, 60), symptom("hub", 20, 60), symptom("user/alice", 90)]
    assert incidents(both, told) == incidents(model, told)


@pytest.fixture
def cached(application: Application) -> Model:
    """From the change on, the hub reaches alice by way of a cache alone, and needs no API."""
    nodes = [node for node in application.nodes if node.id != "api"]
    nodes += [NodeTemplate(id="user/alice"), NodeTemplate(id="cache", observed=())]
    edges = [edge("hub", "cache", (5, 60), 0.9), edge("cache", "user/alice", (5, 60), 0.9)]
    later = since(application, CHANGE_S, nodes=nodes, edges=edges)
    return model_of(Timeline.of([application, later]), CorrelateSettings())


def test_a_node_is_found_by_whichever_template_declares_it(
    cached: Model, symptom: Symptoms
) -> None:
    """Alice is of a family of users in the old graph, and only the new one has the cache."""
    weights = Weights(cached)
    told = [symptom("cache", CHANGE_S + 10), symptom("user/alice", CHANGE_S + 20)]
    for each in reversed(told):  # the cache looks for alice, not she for it
        weights.put(seen(each, cached.settings))
    assert weights.component(told[0].id) == sorted(each.id for each in told)


def test_the_way_of_a_hop_is_that_of_the_effects_graph(cached: Model, symptom: Symptoms) -> None:
    told = [symptom("hub", CHANGE_S - 5, CHANGE_S + 90), symptom("user/alice", CHANGE_S + 15)]
    (incident,) = told_of(cached, told)
    parent = incident.symptoms[1].parent
    assert parent is not None
    assert parent.edge == "hub → cache → user/alice"


@pytest.mark.parametrize(("at", "cause"), [(CHANGE_S - 1, "api"), (CHANGE_S, "hub")])
def test_a_hidden_fault_is_supposed_only_where_the_graph_of_the_time_has_it(
    cached: Model, symptom: Symptoms, at: float, cause: str
) -> None:
    (incident,) = told_of(cached, [symptom("hub", at, implicates={"api": 0.9})])
    assert incident.causes[0].node == cause

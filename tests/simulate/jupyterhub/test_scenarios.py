"""Interventions on the application: each harms, within its time, and says who is to blame."""

import pytest

from pipeline.simulate.scenarios.application import APPLICATION
from pipeline.simulate.scenarios.scenario import Case, Scenario, Stage
from simulate.jupyterhub.worlds import World

pytestmark = pytest.mark.long

BEGIN_S = 600.0
FAULTS = [scenario for scenario in APPLICATION if not scenario.benign]


def play(
    scenario: Scenario, seed: int, users: int = 20, begin_s: float = BEGIN_S
) -> tuple[World, Case]:
    world = World(seed=seed, length_s=begin_s + scenario.needs_s, users=users)
    chance = world.kernel.chance("scenario", scenario.id)
    stage = Stage(world.kernel, world.cluster, world.hub, chance, begin_s, world.kernel.length_s)
    case = scenario.play(stage)
    world.run()
    scenario.finish(stage, case)
    return world, case


def test_they_are_there_and_in_order() -> None:
    ids = [scenario.id for scenario in APPLICATION]
    assert ids == sorted(ids)
    numbers = (*range(1, 6), *range(14, 18), *range(19, 22), 24, 25, 27, 28)
    assert ids == [f"S{number:02d}" for number in numbers]


@pytest.mark.parametrize("scenario", FAULTS, ids=lambda scenario: scenario.id)
def test_a_fault_harms_somebody_within_its_time_and_nobody_before(scenario: Scenario) -> None:
    world, case = play(scenario, seed=5)
    assert case.root_cause
    assert BEGIN_S <= case.start_s < case.end_s <= world.kernel.length_s
    assert case.affected
    assert not world.hub.harmed_between(0, BEGIN_S - 1)


@pytest.mark.parametrize("seed", range(1, 5))
def test_without_connections_the_hub_is_harmed_long_before_somebody_mends_it(seed: int) -> None:
    scenario = next(one for one in APPLICATION if one.id == "S04")
    world, case = play(scenario, seed, users=6)
    midst_s = (case.start_s + case.end_s) / 2
    assert "jupyterhub/hub" in world.hub.harmed_between(midst_s, case.end_s - 60)


def test_whose_server_the_hub_believes_in_is_still_there_to_miss_it_an_hour_later() -> None:
    scenario = next(one for one in APPLICATION if one.id == "S24")
    world, case = play(scenario, seed=1, users=12, begin_s=3600.0)
    (user,) = world.hub.harmed_between(case.start_s, case.end_s - 20)
    assert user.startswith("jupyterhub/user/")


@pytest.mark.parametrize("name", ["S27", "S28"])
def test_what_only_looks_like_trouble_has_no_cause(name: str) -> None:
    scenario = next(one for one in APPLICATION if one.id == name)
    world, case = play(scenario, seed=2)
    assert scenario.benign
    assert not case.root_cause
    assert world.events("Killing")


def test_a_fault_of_one_user_harms_that_user_alone() -> None:
    scenario = next(one for one in APPLICATION if one.id == "S05")
    _, case = play(scenario, seed=1)
    (user,) = case.affected - {"jupyterhub/hub"}
    claim = user.replace("jupyterhub/user/", "jupyterhub-nb-")
    assert case.root_cause == (f"infrastructure/volume/{claim}-pvc",)


@pytest.mark.parametrize("id_", ["S05", "S16"])
def test_what_the_hub_cannot_do_for_its_user_harms_the_hub_too(id_: str) -> None:
    scenario = next(one for one in APPLICATION if one.id == id_)
    _, case = play(scenario, seed=5)
    assert "jupyterhub/hub" in case.affected


@pytest.mark.parametrize("seed", range(1, 5))
def test_a_dead_database_comes_back_and_its_case_ends(seed: int) -> None:
    scenario = next(one for one in APPLICATION if one.id == "S01")
    world, case = play(scenario, seed)
    assert case.end_s < world.kernel.length_s
    assert {"jupyterhub/db", "jupyterhub/hub"} <= case.affected

"""How servers start, fail to, and are stopped: the hub's timers."""

import re

import pytest

from pipeline.simulate.kernel import Steps
from simulate.jupyterhub.worlds import World


def with_a_comer(seed: int, length_s: float) -> tuple[World, str]:
    """Return a world in which somebody without a server comes after five minutes."""
    world = World(seed=seed, length_s=length_s)
    person = world.hub.people[world.absent().name]
    world.kernel.at(300, person.summon)
    return world, person.user.name


def test_a_server_starts_within_half_a_minute_and_gets_its_route() -> None:
    world, name = with_a_comer(1, 420)
    lines = world.run().hub_lines(after=300)
    took = next(line for line in lines if f"User {name} took" in line)
    assert float(took.split(" took ")[1].split()[0]) < 30
    assert world.hub.hub.servers[name].user.path in world.hub.proxy.routes
    assert any(f"Server {name} is ready" in line for line in lines)


@pytest.mark.long
@pytest.mark.parametrize("seed", [1, 3, 4])
def test_a_spawn_that_never_becomes_ready_is_given_up_after_600_s(seed: int) -> None:
    world, name = with_a_comer(seed, 1100)
    for machine in world.cluster.machines.values():
        machine.cordoned = True
    world.run()
    given_up = [
        second
        for second, fields in world.records
        if f"{name}'s server failed to start in 600 seconds" in str(fields.get("message"))
    ]
    asked = [
        second
        for second, fields in world.records
        if "Attempting to create pvc" in str(fields.get("message"))
        and world.hub.hub.servers[name].user.claim in str(fields.get("message"))
    ]
    assert given_up[0] - asked[0] == pytest.approx(600, abs=1)
    assert any("did not start in 600 seconds!" in line for line in world.hub_lines())
    assert f"jupyterhub/user/{world.hub.hub.servers[name].user.escaped}" in (
        world.hub.harmed_between(300, 1100)
    )


def test_a_server_that_never_answers_is_given_up_600_s_after_its_pod_runs() -> None:
    world, name = with_a_comer(1, 1100)
    user = world.hub.hub.servers[name].user
    claim = world.cluster.storage.find(world.hub.namespace, user.claim)
    if claim is None:
        claim = world.cluster.storage.provide(world.hub.namespace, user.claim)
    claim.set_used(claim.size)
    lines = world.run().hub_lines()
    assert any(f"{name}'s server never showed up at" in line for line in lines)
    pod_lines = list(world.lines(user.pod_name))
    assert any("[Errno 122] Disk quota exceeded" in line for line in pod_lines)


def test_a_spawn_beyond_the_quota_sends_the_form_again_and_makes_no_pod() -> None:
    world, name = with_a_comer(1, 420)
    user = world.hub.hub.servers[name].user
    quota = world.cluster.quota(world.hub.namespace)
    quota.hard["limits.cpu"] = quota.used["limits.cpu"]
    lines = world.run().hub_lines(after=300)
    assert any("is forbidden: exceeded quota" in line for line in lines)
    assert any(re.search(r"log:\d+\] 200 POST /hub/spawn", line) for line in lines)
    assert not [event for event in world.events("Scheduled") if event[1] == user.pod_name]


def test_so_many_failed_spawns_in_a_row_end_the_hub() -> None:
    world = World(length_s=900, users=20)
    world.hub.hub.knobs.failure_limit = 3
    quota = world.cluster.quota(world.hub.namespace)
    quota.hard["limits.cpu"] = quota.used["limits.cpu"]
    for name, person in world.hub.people.items():
        if world.hub.hub.servers[name].ip is None:
            world.kernel.at(300, person.summon)
    lines = world.run().hub_lines()
    assert any("Aborting due to 3 consecutive spawn failures" in line for line in lines)
    assert any("Running JupyterHub version" in line for line in lines)


def test_a_server_that_dies_is_noticed_at_the_next_poll() -> None:
    world = World(length_s=500)
    user = world.at_work()

    def delete() -> Steps:
        yield from world.cluster.api.delete_pod(world.hub.namespace, user.pod_name, timeout_s=30)

    world.start_at(300, delete())
    world.run()
    told = [
        second
        for second, fields in world.records
        if f"User {user.name} server stopped, with exit code" in str(fields.get("message"))
    ]
    assert 300 <= told[0] <= 300 + 10 + 30 + 1
    assert user.path not in world.hub.proxy.routes or world.hub.hub.servers[user.name].ip


def test_servers_outlive_the_hub_and_get_their_routes_back() -> None:
    world = World(length_s=500)
    user = world.at_work()
    world.kernel.at(300, world.hub.kill_hub)
    lines = world.run().hub_lines(after=300)
    assert any(f"Adding missing route for {user.path}/" in line for line in lines)
    assert any("JupyterHub is now running" in line for line in lines)
    assert user.path in world.hub.proxy.routes


@pytest.mark.long
def test_the_culler_stops_who_has_been_away_and_nobody_else() -> None:
    world = World(length_s=1300, users=20)
    world.hub.culler.timeout_s = 86_400.0
    user = world.at_work()
    world.kernel.at(30, world.hub.people[user.name].dismiss)

    def age() -> None:
        world.hub.notebooks[user.name].active_s = -90_000.0

    world.kernel.at(300, age)
    culled = [line for line in world.run().lines("jupyterhub-idle-culler") if "Culling" in line]
    assert f"Culling server {user.name} (inactive for 1 day, 1:" in culled[0]
    assert world.hub.hub.servers[user.name].ip is None

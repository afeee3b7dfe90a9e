"""The hub's process: its API, its proxy, its event loop; and what its users notice."""

from itertools import pairwise

import pytest

from pipeline.simulate.jupyterhub.wording import choose
from pipeline.simulate.kernel import Kernel, Steps
from pipeline.simulate.recorder import Recorder, line
from simulate.jupyterhub.worlds import World


def seed_of_era(era: int) -> int:
    """Return a seed whose hub is of an era of versions."""
    for seed in range(1, 50):
        kernel = Kernel(Recorder(lambda _time, _fields: None), seed=seed, length_s=1)
        if choose(kernel.chance("wording")).era == era:
            return seed
    raise AssertionError(era)


def test_the_same_seed_gives_the_same_bytes_and_another_one_others() -> None:
    def recorded(seed: int) -> bytes:
        out: list[bytes] = []
        world = World(seed=seed, length_s=400, users=8)
        world.kernel.recorder.sink = lambda time, fields: out.append(line(time, fields))
        world.run()
        return b"".join(out)

    assert recorded(1) == recorded(1)
    assert recorded(1) != recorded(2)


@pytest.mark.long
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_on_a_quiet_morning_nobody_is_harmed_and_nothing_fails(seed: int) -> None:
    world = World(seed=seed, length_s=4 * 3600, users=10).run()
    assert world.hub.harmed_between(0, 4 * 3600) == []
    assert not [told for told in world.hub_lines() if told.startswith("[E ")]


@pytest.mark.parametrize("era", [0, 1, 2])
def test_lines_are_those_of_the_version(era: int) -> None:
    world = World(seed=seed_of_era(era), length_s=300)
    world.kernel.at(100, world.hub.kill_hub)
    told = "\n".join(world.run().hub_lines())
    version = ("1.4.2", "2.3.1", "4.0.2")[era]
    assert f"Running JupyterHub version {version}" in told
    assert (
        f"] Using Spawner: kubespawner.spawner.KubeSpawner-{('0.14.1', '4.1.0', '6.2.0')[era]}"
        in told
    )
    assert f"JupyterHub {('log:189', 'log:189', 'log:191')[era]}] " in told


@pytest.mark.parametrize("era", [0, 1])
def test_without_the_api_the_reflector_gives_up_after_51_s(era: int) -> None:
    world = World(seed=seed_of_era(era), length_s=500)

    def cut() -> None:
        world.cluster.api.down = True

    world.kernel.at(300, cut)
    world.run()
    told = [
        second
        for second, fields in world.records
        if "reflector failed, halting Hub." in str(fields.get("message"))
    ]
    assert 350 < told[0] < 360
    # an old one prints that it halts, and lives on; a newer one ends and cannot start again
    assert world.hub.hub.listening == (era == 0)


def test_activity_is_reported_each_300_s_give_or_take_a_tenth() -> None:
    world = World(length_s=1800).run()
    name = world.at_work().name
    posts = [
        second
        for second, fields in world.records
        if f"POST /hub/api/users/{name.replace('@', '%40')}/activity" in str(fields.get("message"))
    ]
    gaps = [later - earlier for earlier, later in pairwise(posts)]
    assert len(gaps) >= 4
    assert all(270 <= gap <= 331 for gap in gaps)


def test_a_proxy_that_dies_is_started_within_5_s_and_gets_all_routes() -> None:
    world = World(length_s=500)
    world.kernel.at(300.0, lambda: world.hub.proxy.die(134))
    world.run()
    stopped = [
        second
        for second, fields in world.records
        if "Proxy stopped with exit code 134" in str(fields.get("message"))
    ]
    assert 300 < stopped[0] <= 305.1
    paths = {server.user.path for server in world.hub.hub.servers.values() if server.ip}
    assert paths <= set(world.hub.proxy.routes)


def test_a_hub_with_more_to_do_than_it_can_answers_late_or_not_at_all() -> None:
    world = World(length_s=700)

    def work() -> Steps:
        while True:
            yield from world.hub.hub.loop.turn(9.0)

    world.start_at(300, work())
    world.start_at(300, work())
    world.start_at(300, work())
    world.run()
    assert 0.0 in {value for _, value in world.samples("up", service="jupyterhub")}
    assert any("Timeout during request" in told for told in world.lines("jupyterhub-nb-"))
    assert "jupyterhub/hub" in world.hub.harmed_between(300, 700)


def test_a_sign_in_waits_20_s_for_an_oauth_server_that_hangs() -> None:
    world = World(length_s=420)
    person = world.hub.people[world.absent().name]
    person.signed_in = False
    world.kernel.at(300, lambda: world.hub.oauth.stuck.update(world.hub.oauth.pods))
    world.kernel.at(301, person.summon)
    lines = world.run().hub_lines(after=300)
    assert any("HTTP 599: Connection timed out after 20000 milliseconds" in told for told in lines)
    assert any("] 500 GET /hub/oauth_callback" in told for told in lines)
    assert [message for _, _, message in world.events("Unhealthy") if message.startswith("Live")]


def test_a_user_whose_token_has_expired_loses_the_server() -> None:
    world = World(length_s=420)
    user = world.at_work()
    person = world.hub.people[user.name]

    def expire() -> None:
        world.hub.oauth.expires_s[user.name] = world.kernel.now
        world.hub.hub.refreshed.clear()

    world.kernel.at(300, expire)
    world.start_at(301, person.look_home())
    lines = world.run().hub_lines(after=300)
    assert any(f"User {user.name} has stale auth info" in told for told in lines)
    assert user.pod_name in {name for _, name, _ in world.events("Killing")}


def test_memory_beyond_the_limit_kills_the_kernel_or_the_server() -> None:
    world = World(length_s=700)
    user = world.at_work()
    notebook = world.hub.notebooks[user.name]

    def grow() -> None:
        notebook.kernel_alone, notebook.growth_bytes_s = True, 20e6

    world.kernel.at(200, grow)
    world.run()
    assert world.events("OOMKilling")
    told = list(world.lines(user.pod_name))
    assert any("KernelRestarter: restarting kernel (1/5)" in one for one in told)
    assert user.node in world.hub.harmed_between(200, 700)


def test_an_oauth_replica_on_a_lost_machine_is_replaced() -> None:
    world = World(length_s=1000, users=4)
    first = world.cluster.pod("openshift-authentication", world.hub.oauth.pods[0])
    assert first is not None
    world.kernel.at(100, lambda: world.cluster.lose(first.machine or ""))
    world.run()
    assert first.name not in world.hub.oauth.pods
    pods = world.cluster.ready_pods("openshift-authentication", {"app": "oauth-openshift"})
    assert len(pods) == 3

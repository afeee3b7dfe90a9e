"""Following pods on a real API server: every line once, in order, whatever dies in between."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from pipeline import clock
from pipeline.live.logs import follow
from pipeline.settings_ingest import ClusterSettings, LogSettings
from servers.cluster_objects import Container, Pod, stamp
from servers.control_plane import ControlPlane
from servers.fleet_site import FleetSite
from servers.kubelet import Kubelet

MACHINE = "worker-1"
HUB = "jupyterhub-124-x7k2p"
DB = "jupyterhub-db-1-abcde"
MAIN = "main"

Told = Callable[[FleetSite], Awaitable[None]]


@pytest.fixture
def site(
    control_plane: ControlPlane, kubelet: Kubelet, namespace: str, tenant_token: str
) -> FleetSite:
    """Watches and followers of a namespace in which the hub runs, under the shipped Role."""
    control_plane.admin.running_pod(Pod(namespace, HUB, MACHINE))
    kubelet.add(namespace, HUB, MAIN)
    kubeconfig = control_plane.kubeconfig(tenant_token, name=namespace)
    return FleetSite(ClusterSettings(kubeconfig=kubeconfig, watch_timeout_s=60), namespace)


def run(site: FleetSite, story: Told) -> None:
    """Tell a story while the site runs."""

    async def told() -> None:
        async with site.running():
            await story(site)

    asyncio.run(told())


def test_lines_of_a_running_container_come_in_order(site: FleetSite, kubelet: Kubelet) -> None:
    async def story(site: FleetSite) -> None:
        kubelet.write(site.namespace, HUB, MAIN, "one", "two")
        await site.until(["one", "two"])
        kubelet.write(site.namespace, HUB, MAIN, "three")
        await site.until(["one", "two", "three"])

    run(site, story)
    assert {node for node, _ in site.sink.observed} == {"jupyterhub/hub"}


def test_a_new_pod_is_followed_at_once_and_its_place_is_told(
    site: FleetSite, kubelet: Kubelet, control_plane: ControlPlane
) -> None:
    async def story(site: FleetSite) -> None:
        name = "jupyterhub-nb-alice"
        kubelet.write(site.namespace, name, MAIN, "hello")
        control_plane.admin.running_pod(Pod(site.namespace, name, MACHINE, claims=("alice-pvc",)))
        await site.until(["hello"])

    run(site, story)
    alice = [place for place in site.placements if place.pod == "jupyterhub-nb-alice"][-1]
    assert (alice.node, alice.cluster_node, alice.claims, alice.until) == (
        "jupyterhub/user/alice",
        MACHINE,
        ("alice-pvc",),
        None,
    )


def test_the_last_lines_before_a_restart_are_read_and_those_after_it(
    site: FleetSite, kubelet: Kubelet, control_plane: ControlPlane
) -> None:
    async def story(site: FleetSite) -> None:
        kubelet.write(site.namespace, HUB, MAIN, "one")
        await site.until(["one"])
        kubelet.drop(site.namespace, HUB, MAIN)
        kubelet.write(site.namespace, HUB, MAIN, "last words")
        kubelet.restart(site.namespace, HUB, MAIN)
        kubelet.write(site.namespace, HUB, MAIN, "again")
        restarted = Container(MAIN, restarts=1, last={"terminated": {"exitCode": 1}})
        control_plane.admin.pod_status(site.namespace, HUB, containers=[restarted])
        # the log of the new instance may be read before the watch tells of the restart
        await wait(lambda: sorted(site.sink.texts()) == ["again", "last words", "one"])

    run(site, story)
    assert site.sink.gaps == []


def test_nothing_of_the_instance_before_is_lost_though_the_new_one_was_read_first(
    site: FleetSite, kubelet: Kubelet, control_plane: ControlPlane
) -> None:
    chatter = [f"again {n}" for n in range(100)]

    async def story(site: FleetSite) -> None:
        kubelet.write(site.namespace, HUB, MAIN, "one")
        await site.until(["one"])
        with kubelet.refusing():
            kubelet.drop(site.namespace, HUB, MAIN)
            kubelet.write(site.namespace, HUB, MAIN, "last words")
            kubelet.restart(site.namespace, HUB, MAIN)
        await asyncio.sleep(1.1)
        began = clock.now()
        kubelet.write(site.namespace, HUB, MAIN, *chatter)
        await site.until(["one", *chatter])
        running = {"running": {"startedAt": stamp(began)}}
        restarted = Container(MAIN, running, restarts=1, last={"terminated": {"exitCode": 1}})
        control_plane.admin.pod_status(site.namespace, HUB, containers=[restarted])
        await site.until(["one", *chatter, "last words"])

    run(site, story)


def test_the_last_lines_of_a_pod_that_is_deleted_are_read(
    site: FleetSite, kubelet: Kubelet, control_plane: ControlPlane
) -> None:
    async def story(site: FleetSite) -> None:
        await site.until([])
        with kubelet.refusing():
            kubelet.drop(site.namespace, HUB, MAIN)
            kubelet.write(site.namespace, HUB, MAIN, "killed")
            await asyncio.sleep(1)
        control_plane.admin.delete_pod(site.namespace, HUB)
        await site.until(["killed"])
        kubelet.end(site.namespace, HUB, MAIN)
        await asyncio.sleep(0.5)  # a kubelet reports the end before it deletes the pod
        control_plane.admin.delete_pod(site.namespace, HUB, at_once=True)
        await wait(lambda: not site.fleet.followers)

    run(site, story)
    assert site.sink.gaps == []
    assert site.placements[-1].until is not None


def test_a_log_that_went_before_it_was_read_is_a_gap(
    site: FleetSite, kubelet: Kubelet, control_plane: ControlPlane
) -> None:
    async def story(site: FleetSite) -> None:
        kubelet.write(site.namespace, HUB, MAIN, "one")
        await site.until(["one"])
        kubelet.drop(site.namespace, HUB, MAIN)
        kubelet.write(site.namespace, HUB, MAIN, "never seen")
        kubelet.remove(site.namespace, HUB)
        control_plane.admin.delete_pod(site.namespace, HUB, at_once=True)
        await wait(lambda: not site.fleet.followers)

    run(site, story)
    assert [(gap.node, gap.reason, gap.lost) for gap in site.sink.gaps] == [
        ("jupyterhub/hub", "not-followed", None)
    ]


def test_a_stream_that_stalls_after_a_rotation_is_opened_anew(
    site: FleetSite, kubelet: Kubelet
) -> None:
    site.logs = LogSettings(idle_s=1.0)

    async def story(site: FleetSite) -> None:
        kubelet.write(site.namespace, HUB, MAIN, "before")
        await site.until(["before"])
        kubelet.rotate(site.namespace, HUB, MAIN)
        kubelet.write(site.namespace, HUB, MAIN, "after")
        await site.until(["before", "after"])
        await wait(lambda: bool(site.sink.gaps))

    run(site, story)
    assert "rotated away" in site.sink.gaps[0].what


def test_every_line_comes_once_though_connections_break_again_and_again(
    site: FleetSite, kubelet: Kubelet
) -> None:
    lines = [f"line {n}" for n in range(300)]

    async def story(site: FleetSite) -> None:
        for n, line in enumerate(lines):
            kubelet.write(site.namespace, HUB, MAIN, line)
            if n % 60 == 30:
                kubelet.drop(site.namespace, HUB, MAIN)
            await asyncio.sleep(0.01)
        await site.until(lines)

    run(site, story)
    assert site.fleet.counts["duplicate"] > 0
    assert site.sink.gaps == []


def test_the_api_server_is_killed_and_started_again_in_the_middle(
    site: FleetSite, kubelet: Kubelet, control_plane: ControlPlane
) -> None:
    async def story(site: FleetSite) -> None:
        kubelet.write(site.namespace, HUB, MAIN, "one")
        await site.until(["one"])
        control_plane.kill_api()
        kubelet.write(site.namespace, HUB, MAIN, "two")
        await asyncio.sleep(1)
        control_plane.restart_api()  # not in a thread: the server would die with it
        await site.until(["one", "two"], within_s=60)
        kubelet.write(site.namespace, DB, MAIN, "the database too")
        control_plane.admin.running_pod(Pod(site.namespace, DB, MACHINE))
        await site.until(["one", "two", "the database too"], within_s=60)

    run(site, story)
    assert site.troubles


def test_a_container_that_writes_too_much_is_limited_and_the_loss_is_counted(
    site: FleetSite, kubelet: Kubelet
) -> None:
    site.logs = LogSettings(lines_per_s=1, burst_lines=10)

    async def story(site: FleetSite) -> None:
        kubelet.write(site.namespace, HUB, MAIN, *[f"line {n}" for n in range(200)])
        await wait(lambda: len(site.sink.texts()) + site.fleet.counts["lost"] == 200)

    run(site, story)
    assert sum(gap.lost or 0 for gap in site.sink.gaps) == 200 - len(site.sink.texts())
    assert {gap.reason for gap in site.sink.gaps} == {"rate-limited"}


def test_without_room_nothing_is_read_and_nothing_is_lost(
    site: FleetSite, kubelet: Kubelet
) -> None:
    many = [f"{n} {'x' * 1000}" for n in range(3000)]

    async def story(site: FleetSite) -> None:
        site.sink.full = {"log"}
        kubelet.write(site.namespace, HUB, MAIN, *many)
        await asyncio.sleep(2)
        assert len(site.sink.texts()) < 200
        site.sink.full = set()
        await site.until(many)

    run(site, story)


def test_positions_of_an_earlier_process_are_taken_up(site: FleetSite, kubelet: Kubelet) -> None:
    namespace = site.namespace
    first, second = site, FleetSite(site.cluster, namespace)

    async def one(site: FleetSite) -> None:
        kubelet.write(namespace, HUB, MAIN, "one", "two", time=clock.now() - timedelta(seconds=2))
        await site.until(["one", "two"])
        for part in site.fleet.position_parts().values():
            second.positions.update(part)

    async def two(site: FleetSite) -> None:
        await site.until(["three"])

    run(first, one)
    kubelet.write(namespace, HUB, MAIN, "three")
    run(second, two)


def test_a_pod_that_comes_again_under_its_name_is_another_and_each_line_is_told_once(
    site: FleetSite, kubelet: Kubelet, control_plane: ControlPlane
) -> None:
    async def story(site: FleetSite) -> None:
        kubelet.write(site.namespace, HUB, MAIN, "of the first")
        await site.until(["of the first"])
        kubelet.remove(site.namespace, HUB)
        control_plane.admin.delete_pod(site.namespace, HUB, at_once=True)
        kubelet.write(site.namespace, HUB, MAIN, "of the second")
        control_plane.admin.running_pod(Pod(site.namespace, HUB, MACHINE))
        await site.until(["of the first", "of the second"])
        await wait(lambda: len(site.fleet.followers) == 1)
        await asyncio.sleep(1)
        assert kubelet.followers(site.namespace, HUB, MAIN) == 1

    run(site, story)
    assert site.sink.texts() == ["of the first", "of the second"]


def test_init_containers_are_read_and_keep_no_task(
    site: FleetSite,
    kubelet: Kubelet,
    control_plane: ControlPlane,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(follow, "LINGER_S", 0.2)
    alice = "jupyterhub-nb-alice"

    async def story(site: FleetSite) -> None:
        kubelet.write(site.namespace, alice, "prepare", "prepared")
        kubelet.end(site.namespace, alice, "prepare")
        kubelet.add(site.namespace, alice, MAIN)
        control_plane.admin.running_pod(
            Pod(site.namespace, alice, MACHINE, init_containers=("prepare",))
        )
        await site.until(["prepared"])
        await wait(lambda: {key.rpartition("/")[2] for key in site.fleet.followers} == {MAIN})
        known = {key for part in site.fleet.position_parts().values() for key in part}
        assert any("prepare" in key for key in known)

    run(site, story)
    assert site.sink.gaps == []


async def wait(fact: Callable[[], bool], within_s: float = 20.0) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(within_s):
        while not fact():
            await asyncio.sleep(0.05)

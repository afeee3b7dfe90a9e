"""What is taken down of a cluster."""

from itertools import pairwise

import pytest

from pipeline.simulate.cluster.model import Probe
from simulate.cluster.world import NS, World


def _busy(seed: int) -> World:
    world = World(seed=seed)
    world.cluster.storage.provide(NS, "data", backend="rbd")
    world.cluster.deploy(world.deployment("db", claims=("data",)))
    world.create(world.pod("crashes", world.crash), at_s=20)
    world.cluster.registry.missing["quay.io/lab/none:1"] = None
    world.create(world.pod("none", image="quay.io/lab/none:1"), at_s=30)
    world.kernel.at(300, lambda: world.cluster.lose("wrk-1"))
    world.kernel.at(900, lambda: world.cluster.recover("wrk-1"))
    world.kernel.at(1500, lambda: world.cluster.rollout(NS, "db"))
    world.run()
    return world


@pytest.mark.long
def test_the_same_seed_gives_the_same_bytes_and_another_one_others() -> None:
    assert _busy(3).written() == _busy(3).written()
    assert _busy(3).written() != _busy(4).written()


def test_counts_of_equal_events_only_grow_and_their_first_time_stays() -> None:
    world = _busy(3)
    series: dict[object, list[tuple[object, object]]] = {}
    for _, event in world.events():
        series.setdefault(event["source_uid"], []).append((event["count"], event["first_time"]))
    assert any(len(one) > 5 for one in series.values())
    for one in series.values():
        assert [count for count, _ in one] == list(range(1, len(one) + 1))
        assert len({first for _, first in one}) == 1


@pytest.mark.long
def test_counters_only_grow_unless_what_counts_is_started_again() -> None:
    world = _busy(3)
    series: dict[tuple[object, ...], list[float]] = {}
    for _, fields in world.records:
        if fields["signal"] == "metric" and fields["type"] == "counter":
            key = (fields["name"], *sorted(fields["labels"].items()))
            series.setdefault(key, []).append(fields["value"])
    falls = [key for key, one in series.items() for a, b in pairwise(one) if b < a]
    assert len(series) > 50
    assert all(key[0] == "container_cpu_usage_seconds_total" for key in falls)


def test_events_wait_for_the_api_server_and_are_lost_after_two_minutes() -> None:
    world = World()
    world.cluster.place(world.pod("a", world.crash, restart="Never"))
    world.cluster.place(world.pod(program=world.crash))
    world.cluster.api.down = True
    world.kernel.at(300, lambda: setattr(world.cluster.api, "down", False))
    world.run(400)
    times = [at for at, event in world.events("BackOff") if event["name"] == "p"]
    assert times
    assert min(times) >= 180


def test_a_target_has_up_while_it_is_there_and_0_while_it_does_not_answer() -> None:
    world = World()
    answers = [True]
    world.cluster.place(world.pod(labels={"app": "web"}))
    world.cluster.prometheus.add_target(
        "web",
        {"namespace": NS, "service": "web"},
        (NS, {"app": "web"}),
        lambda: [("requests_total", {"code": "200"}, world.kernel.now, True)],
        lambda: answers[0],
    )
    world.kernel.at(300, answers.clear)
    world.kernel.at(300, lambda: answers.append(False))
    world.kernel.at(
        600, lambda: world.kernel.start(world.cluster.api.delete_pod(NS, "p", timeout_s=3))
    )
    world.run(1200)
    assert world.samples("up", job="web") == [1] * 5 + [0] * 5
    assert len(world.samples("requests_total", pod="p", code="200", service="web")) == 5


def test_a_rollout_of_a_deploymentconfig_ends_the_old_before_it_starts_the_new() -> None:
    world = World()
    world.cluster.deploy(world.deployment("web", revision=124))
    [old] = world.cluster.ready_pods(NS, {"deploymentconfig": "web"})
    assert old.name.startswith("web-124-")
    world.kernel.at(100, lambda: world.cluster.rollout(NS, "web"))
    world.run(400)
    [new] = world.cluster.ready_pods(NS, {"deploymentconfig": "web"})
    assert new.name.startswith("web-125-")
    [(stopped, _)] = world.events("Killing")
    [(started, _)] = world.events("Started", new.name)
    assert stopped < started
    said = [f["message"] for _, f in world.records if f.get("pod") == "web-125-deploy"]
    assert said[0] == "--> Scaling web-124 down to zero"
    assert said[-1] == "--> Success"


def test_a_rollout_that_never_becomes_ready_is_taken_back() -> None:
    world = World()
    world.cluster.deploy(world.deployment("web", revision=124))
    world.run(10)
    world.cluster.rollout(NS, "web", world.pod(readiness=Probe(lambda: "no")).containers)
    world.run(1000)
    [pod] = world.cluster.ready_pods(NS, {"deploymentconfig": "web"})
    assert pod.name.startswith("web-124-")
    assert world.cluster.pod(NS, "web-125-deploy").phase == "Failed"

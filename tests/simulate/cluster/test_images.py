"""Pulling images."""

from itertools import pairwise

import pytest

from pipeline.simulate.cluster.model import GIB, MIB
from simulate.cluster.world import NS, World


def test_a_pod_whose_image_cannot_be_pulled_is_backed_off_10_s_doubling_to_300_s() -> None:
    world = World(length_s=2400)
    world.cluster.registry.missing["quay.io/lab/main:1"] = None
    world.create(world.pod())
    world.run()
    tries = [at for at, _ in world.events("Pulling")]
    gaps = [after - before for before, after in pairwise(tries)]
    expected = [10, 20, 40, 80, 160, 300, 300, 300]
    for gap, back_off in zip(gaps, expected, strict=False):
        assert back_off <= gap <= back_off + 5
    assert "manifest unknown" in world.events("Failed")[0][1]["message"]
    assert world.cluster.pod(NS, "p").waiting == "ImagePullBackOff"
    assert world.samples("kube_pod_container_status_waiting_reason", reason="ImagePullBackOff")


def test_an_image_that_is_there_is_not_pulled_unless_its_tag_is_latest() -> None:
    world = World()
    for name, image in (("old", "quay.io/lab/main:1"), ("latest", "quay.io/lab/main")):
        world.cluster.place(world.pod(f"{name}-a", image=image, machine="wrk-1"))
        world.create(world.pod(f"{name}-b", image=image, machine="wrk-1"))
    world.cluster.registry.down = True
    world.run(60)
    assert world.cluster.pod(NS, "old-b").ready
    assert world.cluster.pod(NS, "latest-b").waiting in {"ErrImagePull", "ImagePullBackOff"}


def test_a_pull_takes_as_long_as_the_registry_is_slow() -> None:
    world = World()
    world.cluster.registry.bytes_per_s = 4 * MIB
    world.cluster.registry.sizes["quay.io/lab/main:1"] = GIB
    world.create(world.pod())
    world.run(600)
    [(_, event)] = world.events("Pulled")
    assert event["message"].startswith('Successfully pulled image "quay.io/lab/main:1" in 4m1')


def test_a_machine_pulls_one_image_at_a_time() -> None:
    world = World()
    world.cluster.registry.sizes |= {f"quay.io/lab/{name}:1": 3 * GIB for name in "ab"}
    for name in "ab":
        world.create(world.pod(name, image=f"quay.io/lab/{name}:1", machine="wrk-1"))
    world.run(600)
    first, second = (at for at, _ in world.events("Pulled"))
    assert second - first == pytest.approx(3 * 1024 / 120, abs=3)


def test_a_pod_recovers_when_the_registry_does() -> None:
    world = World()
    world.cluster.registry.down = True
    world.create(world.pod())
    world.kernel.at(100, lambda: setattr(world.cluster.registry, "down", False))
    world.run(400)
    assert world.cluster.pod(NS, "p").ready


def test_a_name_that_means_a_new_image_is_pulled_by_new_pods_only() -> None:
    world = World()
    world.cluster.place(world.pod("old", machine="wrk-1"))
    pushed = world.cluster.registry.push("quay.io/lab/main:1")
    world.create(world.pod("new", machine="wrk-1"))
    world.run(60)
    assert pushed.startswith("quay.io/lab/main@sha256:")
    assert world.reasons("old") == []
    assert world.events("Pulling")[0][1]["message"] == f'Pulling image "{pushed}"'
    assert world.cluster.pod(NS, "new").ready

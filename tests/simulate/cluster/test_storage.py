"""Claims and their backends."""

import pytest

from pipeline.simulate.cluster.model import GIB, MIB
from simulate.cluster.world import NS, World


def test_a_claim_fills_steadily_until_it_is_full_and_then_refuses() -> None:
    world = World()
    claim = world.cluster.storage.provide(NS, "data", GIB, used=24 * MIB, backend="rbd")
    world.cluster.place(world.pod(claims=("data",)))
    claim.fill(MIB)
    world.run(500)
    assert claim.used == pytest.approx(524 * MIB)
    assert claim.error() is None
    world.run(1100)
    assert claim.used == GIB
    assert claim.error() == "No space left on device"
    free = world.samples("kubelet_volume_stats_available_bytes", persistentvolumeclaim="data")
    assert sorted(free, reverse=True) == free
    assert free[-1] == 0


def test_a_users_home_is_beyond_its_quota_rather_than_out_of_space() -> None:
    world = World()
    claim = world.cluster.storage.provide(NS, "home", GIB, used=GIB)
    assert claim.write(10) == "Disk quota exceeded"
    assert claim.write(-MIB) is None
    assert claim.write(10) is None


def test_a_backend_that_is_full_refuses_all_its_claims_and_no_others() -> None:
    world = World()
    home = world.cluster.storage.provide(NS, "home")
    data = world.cluster.storage.provide(NS, "data", backend="rbd")
    world.cluster.storage.backends["cephfs"].full = True
    assert home.error() == "No space left on device"
    assert data.error() is None


def test_a_backend_that_is_broken_lets_no_pod_start_and_says_so_after_two_minutes() -> None:
    world = World()
    world.cluster.storage.provide(NS, "home")
    world.cluster.storage.backends["cephfs"].broken = True
    world.create(world.pod(claims=("home",)))
    world.run(600)
    mounts = world.events("FailedMount")
    assert 115 <= mounts[0][0] <= 135
    assert any("MountVolume.MountDevice failed" in str(e["message"]) for _, e in mounts)
    assert any("Unable to attach or mount volumes" in str(e["message"]) for _, e in mounts)
    world.cluster.storage.backends["cephfs"].broken = False
    world.run(900)
    assert world.cluster.pod(NS, "p").ready

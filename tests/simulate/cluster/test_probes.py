"""Probes."""

from pipeline.simulate.cluster.model import Probe
from simulate.cluster.world import NS, World


def test_three_readiness_probes_in_a_row_that_fail_make_a_pod_unready() -> None:
    world = World()
    trouble: list[str] = []
    probe = Probe(lambda: trouble[0] if trouble else None)
    world.cluster.place(world.pod(readiness=probe))
    world.kernel.at(100, lambda: trouble.append("refused"))
    world.run(118)
    assert world.cluster.pod(NS, "p").ready
    world.run(131)
    assert not world.cluster.pod(NS, "p").ready
    trouble.clear()
    world.run(145)
    assert world.cluster.pod(NS, "p").ready
    assert [e["count"] for _, e in world.events("Unhealthy")] in ([1, 2, 3], [1, 2, 3, 4])


def test_three_liveness_probes_in_a_row_that_fail_restart_the_container() -> None:
    world = World()
    trouble: list[str] = []
    probe = Probe(lambda: trouble[0] if trouble else None)
    world.cluster.place(world.pod(liveness=probe))
    world.kernel.at(100, lambda: trouble.append("refused"))
    world.kernel.at(140, trouble.clear)
    world.run(300)
    [(_, killing)] = world.events("Killing")
    assert killing["message"] == "Container main failed liveness probe, will be restarted"
    assert world.cluster.container(NS, "p", "main").restarts == 1


def test_a_probe_that_takes_longer_than_its_timeout_fails_on_a_slow_machine() -> None:
    world = World()
    late = 'Get "https://10.0.0.1:6443/healthz": context deadline exceeded'
    world.cluster.place(world.pod(readiness=Probe(lambda: None, work_s=0.1, late=late)))
    world.run(50)
    assert world.events("Unhealthy") == []
    for machine in world.cluster.machines.values():
        machine.overloaded = 20
    world.run(70)
    assert late in world.events("Unhealthy")[0][1]["message"]

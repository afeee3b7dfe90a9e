"""Quotas, and pods that no machine has room for."""

from pipeline.simulate.cluster.model import GIB, ApiError
from simulate.cluster.world import NS, World


def test_a_quota_refuses_in_the_words_of_kubernetes() -> None:
    world = World()
    quota = world.cluster.quota(NS)
    quota.name, quota.hard = "lab-custom", {"limits.cpu": 4, "limits.memory": 8 * GIB}
    world.cluster.place(world.pod("first", cpu_limit=3))
    world.run(1)
    results = world.outcome(world.cluster.api.create_pod(world.pod(cpu_limit=1.5), timeout_s=3))
    world.run(10)
    assert isinstance(results[0], ApiError)
    assert results[0].status == 403
    assert results[0].message == (
        'pods "p" is forbidden: exceeded quota: lab-custom, requested: limits.cpu=1500m, '
        "used: limits.cpu=3, limited: limits.cpu=4"
    )
    assert world.cluster.pod(NS, "p") is None


def test_a_quota_counts_pods_until_they_are_gone() -> None:
    world = World()
    quota = world.cluster.quota(NS)
    quota.hard = {"limits.cpu": 4}
    world.cluster.place(world.pod("first", cpu_limit=3))
    world.run(1)
    assert quota.used["limits.cpu"] == 3
    world.kernel.start(world.cluster.api.delete_pod(NS, "first", timeout_s=3))
    world.run(70)
    assert quota.used["limits.cpu"] == 0
    assert world.samples("kube_resourcequota", type="hard", resource="limits.cpu")


def test_a_controller_that_is_refused_says_so_and_tries_again() -> None:
    world = World()
    world.cluster.deploy(world.deployment())
    world.cluster.quota(NS).hard = {"pods": 1}
    name = world.cluster.ready_pods(NS, {"deploymentconfig": "web"})[0].name
    world.kernel.at(9, lambda: world.cluster.quota(NS).hard.update(pods=0))
    world.kernel.start(world.cluster.api.delete_pod(NS, name, timeout_s=3))
    world.run(8)
    world.kernel.at(
        12, lambda: world.cluster.evict(NS, world.cluster.ready_pods(NS, {})[0].name, "x")
    )
    world.run(100)
    failed = world.events("FailedCreate")
    assert len(failed) >= 2
    assert failed[0][1]["kind"] == "ReplicationController"
    assert str(failed[0][1]["message"]).startswith('Error creating: pods "web-1-')
    world.cluster.quota(NS).hard["pods"] = 5
    world.run(400)
    assert len(world.cluster.ready_pods(NS, {"deploymentconfig": "web"})) == 1


def test_a_pod_that_fits_nowhere_is_told_why_by_all_machines() -> None:
    world = World()
    world.cluster.machines["wrk-1"].cordoned = True
    world.cluster.machines["wrk-2"].taints["maintenance"] = "yes"
    world.create(world.pod(cpu_request=100, gpus=1))
    world.run(400)
    events = world.events("FailedScheduling")
    assert events[0][1]["message"] == (
        "0/9 nodes are available: 1 node(s) had taint {maintenance: yes}, that the pod didn't "
        "tolerate, 1 node(s) were unschedulable, 3 node(s) had taint "
        "{node-role.kubernetes.io/master: }, that the pod didn't tolerate, 4 Insufficient cpu, "
        "4 Insufficient nvidia.com/gpu."
    )
    assert [event["count"] for _, event in events] == list(range(1, len(events) + 1))
    assert world.samples("kube_pod_status_unschedulable", pod="p")


def test_a_pod_is_scheduled_when_another_leaves_room() -> None:
    world = World()
    for machine in world.cluster.machines.values():
        machine.cordoned = machine.name != "wrk-1"
    world.cluster.place(world.pod("big", cpu_request=63))
    world.create(world.pod(cpu_request=2))
    world.run(30)
    assert world.cluster.pod(NS, "p").phase == "Pending"
    world.kernel.start(world.cluster.api.delete_pod(NS, "big", timeout_s=3))
    world.run(60)
    assert world.cluster.pod(NS, "p").ready


def test_pods_are_spread_over_the_machines_with_the_most_room() -> None:
    world = World()
    for number in range(12):
        world.cluster.place(world.pod(f"p{number}"))
    places = [world.cluster.pod(NS, f"p{number}").machine for number in range(12)]
    assert {place: places.count(place) for place in places} == {f"wrk-{n}": 2 for n in range(1, 7)}

"""Machines that are lost, slow or short of something."""

from pipeline.simulate.cluster.model import GIB, Runtime
from pipeline.simulate.kernel import Steps
from simulate.cluster.world import NS, World


def test_a_lost_machine_is_not_ready_after_40_s_and_evicts_300_s_later() -> None:
    world = World()
    world.cluster.place(world.pod(machine="wrk-2"))
    world.kernel.at(200, lambda: world.cluster.lose("wrk-2"))
    world.run()
    [(unready, _)] = world.events("NodeNotReady", "wrk-2")
    assert 200 + 30 <= unready <= 200 + 46
    [(evicted, event)] = world.events("TaintManagerEviction", "p")
    assert evicted - unready in (300, 301)
    assert event["message"] == f"Marking for deletion Pod {NS}/p"
    assert world.cluster.pod(NS, "p").terminating
    assert world.samples("kube_node_status_condition", node="wrk-2", condition="Ready")[-1] == 0
    assert world.samples("up", job="kubelet", node="wrk-2")[-1] == 0


def test_nothing_is_heard_of_a_lost_machine() -> None:
    world = World()

    def talks(runtime: Runtime) -> Steps:
        while True:
            runtime.log("here")
            yield world.kernel.wait(5)

    world.cluster.place(world.pod(program=talks, machine="wrk-2"))
    world.kernel.at(200, lambda: world.cluster.lose("wrk-2"))
    world.run()
    lines = [f for _, f in world.records if f["signal"] == "log" and f["pod"] == "p"]
    assert len(lines) == 40
    assert not world.cluster.reachable(world.cluster.pod(NS, "p").ip)


def test_a_machine_that_comes_back_before_the_eviction_starts_its_pods_again() -> None:
    world = World()
    world.cluster.place(world.pod(machine="wrk-2"))
    world.kernel.at(200, lambda: world.cluster.lose("wrk-2"))
    world.kernel.at(300, lambda: world.cluster.recover("wrk-2"))
    world.run()
    assert world.events("TaintManagerEviction") == []
    assert world.events("Rebooted", "wrk-2")
    assert world.cluster.pod(NS, "p").ready
    assert world.cluster.container(NS, "p", "main").restarts == 1


def test_a_volume_of_a_lost_machine_stays_attached_to_it_until_it_is_back() -> None:
    world = World(length_s=2400)
    world.cluster.storage.provide(NS, "data", backend="rbd")
    world.cluster.deploy(world.deployment("db", claims=("data",), machine="wrk-2"))
    world.kernel.at(100, lambda: world.cluster.lose("wrk-2"))
    world.kernel.at(1500, lambda: world.cluster.recover("wrk-2"))
    world.run(1490)
    assert "Multi-Attach error for volume" in world.events("FailedAttachVolume")[0][1]["message"]
    mounts = [at for at, _ in world.events("FailedMount")]
    assert mounts
    assert 120 <= mounts[0] - world.events("FailedAttachVolume")[0][0] <= 130
    assert not world.cluster.ready_pods(NS, {"deploymentconfig": "db"})
    world.run()
    assert len(world.cluster.ready_pods(NS, {"deploymentconfig": "db"})) == 1


def test_the_container_runtime_of_an_overloaded_machine_answers_after_more_than_120_s() -> None:
    world = World()
    world.cluster.machines["wrk-1"].overloaded = 22
    world.create(world.pod(machine="wrk-1"))
    world.run()
    messages = [str(event["message"]) for _, event in world.events("Failed")]
    assert messages[0] == "Error: context deadline exceeded"
    assert all("name is reserved" in message for message in messages[1:])
    assert world.reasons("p")[-1] == "Started"


def test_a_machine_short_of_memory_evicts_who_is_furthest_beyond_its_request() -> None:
    world = World()

    def hungry(runtime: Runtime) -> Steps:
        runtime.memory_bytes = 3 * GIB
        yield world.kernel.env.event()

    world.cluster.place(world.pod("modest", machine="wrk-1"))
    world.cluster.place(world.pod("hungry", hungry, machine="wrk-1"))
    machine = world.cluster.machines["wrk-1"]
    world.kernel.at(100, lambda: setattr(machine, "foreign_memory", machine.memory - 2 * GIB))
    world.run(600)
    [(at, event)] = world.events("Evicted")
    assert event["name"] == "hungry"
    assert "low on resource: memory. Container main was using 3145728Ki" in event["message"]
    assert at <= 120
    assert world.cluster.pod(NS, "hungry").phase == "Failed"
    assert world.cluster.pod(NS, "modest").ready
    assert world.events("NodeHasSufficientMemory", "wrk-1")


def test_a_machine_short_of_disk_removes_unused_images_before_it_evicts() -> None:
    world = World()
    world.cluster.place(world.pod(machine="wrk-1"))
    machine = world.cluster.machines["wrk-1"]
    machine.images |= {f"quay.io/lab/old{number}:1": 10 * GIB for number in range(6)}
    world.kernel.at(50, lambda: setattr(machine, "foreign_disk", 400 * GIB))
    world.run(100)
    assert not any(image.startswith("quay.io/lab/old") for image in machine.images)
    assert "quay.io/lab/main:1" in machine.images
    assert world.events("Evicted") == []
    machine.foreign_disk = 470 * GIB
    world.run(200)
    assert "ephemeral-storage" in world.events("Evicted")[0][1]["message"]
    assert max(world.samples("kube_node_status_condition", condition="DiskPressure")) == 1


def test_sandboxes_fail_while_the_network_does_and_alike_events_are_combined() -> None:
    world = World()
    world.cluster.network.sandboxes_fail = True
    world.create(world.pod())
    world.kernel.at(900, lambda: setattr(world.cluster.network, "sandboxes_fail", False))
    world.run(1000)
    events = world.events("FailedCreatePodSandBox")
    messages = {event["message"] for _, event in events}
    assert len(messages) == 10
    assert str(events[-1][1]["message"]).startswith("(combined from similar events): Failed to")
    assert events[-1][1]["count"] == len(events) - 9
    assert world.cluster.pod(NS, "p").ready

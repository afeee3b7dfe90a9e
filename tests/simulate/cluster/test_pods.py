"""From a pod that has been asked for to one that is gone."""

from itertools import pairwise

import simpy

from pipeline.simulate.cluster.model import GIB, MIB, ContainerSpec, PodSpec, Runtime
from pipeline.simulate.kernel import Steps
from simulate.cluster.world import NS, World


def test_a_new_pod_is_scheduled_connected_pulled_created_and_started_in_this_order() -> None:
    world = World()
    world.create(world.pod())
    world.run(120)
    order = ["Scheduled", "AddedInterface", "Pulling", "Pulled", "Created", "Started"]
    assert world.reasons("p") == order
    assert world.cluster.pod(NS, "p").ready


def test_a_pod_waits_a_moment_for_a_claim_that_is_not_bound() -> None:
    world = World()
    world.kernel.start(world.cluster.api.create_claim(NS, "home", GIB, timeout_s=3))
    world.create(world.pod(claims=("home",)), at_s=0.05)
    world.run(60)
    [(at, event)] = world.events("FailedScheduling")
    assert "9 pod has unbound immediate PersistentVolumeClaims" in event["message"]
    assert world.reasons("home")[-1] == "ProvisioningSucceeded"
    assert world.reasons("p")[1:4] == ["Scheduled", "SuccessfulAttachVolume", "AddedInterface"]
    assert at < world.events("Scheduled")[0][0] < 10


def test_a_pod_that_runs_already_says_nothing() -> None:
    world = World()
    world.cluster.place(world.pod())
    world.run(30)
    assert world.reasons("p") == []
    assert world.cluster.pod(NS, "p").ready
    assert world.cluster.reachable(world.cluster.pod(NS, "p").ip)


def test_a_deleted_pod_is_stopped_and_gone() -> None:
    world = World()
    world.cluster.place(world.pod())
    world.run(10)
    ip = world.cluster.pod(NS, "p").ip
    world.kernel.start(world.cluster.api.delete_pod(NS, "p", timeout_s=3))
    world.run(60)
    [(_, event)] = world.events("Killing")
    assert event["message"] == "Stopping container main"
    assert world.cluster.pod(NS, "p") is None
    assert not world.cluster.reachable(ip)


def test_a_program_that_heeds_no_signal_is_killed_after_its_grace() -> None:
    world = World()

    def stubborn(_runtime: Runtime) -> Steps:
        try:
            yield world.kernel.env.event()
        except simpy.Interrupt:
            yield world.kernel.wait(500)

    world.cluster.place(world.pod(program=stubborn, grace_s=30))
    world.run(10)
    world.kernel.start(world.cluster.api.delete_pod(NS, "p", timeout_s=3))
    world.run(38)
    assert world.cluster.pod(NS, "p").terminating
    world.run(45)
    assert world.cluster.pod(NS, "p") is None


def test_a_crashing_container_is_started_at_once_then_after_10_s_doubling_to_300_s() -> None:
    world = World(length_s=3000)
    world.create(world.pod(program=world.crash))
    world.run()
    starts = [at for at, _ in world.events("Started")]
    gaps = [after - before for before, after in pairwise(starts)]
    expected = [0, 10, 20, 40, 80, 160, 300, 300]
    for gap, back_off in zip(gaps, expected, strict=False):
        assert back_off + 1 <= gap <= back_off + 6
    assert len(gaps) >= len(expected)
    assert max(world.samples("kube_pod_container_status_restarts_total", pod="p")) == len(gaps)


def test_a_container_that_ran_for_ten_minutes_begins_anew_with_its_back_off() -> None:
    world = World()

    def lasts(_runtime: Runtime) -> Steps:
        yield world.kernel.wait(601)
        return 1

    world.create(world.pod(program=lasts))
    world.run()
    assert len(world.events("Started")) == 6
    assert world.events("BackOff") == []


def test_the_restart_policy_says_whether_a_container_that_ended_is_started_again() -> None:
    world = World()
    for policy in ("Never", "OnFailure", "Always"):
        world.create(world.pod(policy.lower(), world.crash, restart=policy))
    world.run(120)
    starts = {
        name: world.reasons(name).count("Started") for name in ("never", "onfailure", "always")
    }
    assert starts["never"] == 1
    assert starts["onfailure"] >= 3
    assert starts["always"] >= 3
    assert world.cluster.pod(NS, "never").phase == "Failed"


def test_an_init_container_runs_to_its_end_before_the_others_start() -> None:
    world = World()
    ready: list[float] = []

    def waits(_runtime: Runtime) -> Steps:
        while not ready:
            yield world.kernel.wait(1)
        return 0

    init = ContainerSpec("wait", "quay.io/lab/main:1", waits, init=True)
    world.create(PodSpec("p", NS, (init, *world.pod().containers)))
    world.run(200)
    assert world.cluster.pod(NS, "p").phase == "Pending"
    assert world.cluster.pod(NS, "p").waiting == "PodInitializing"
    ready.append(1.0)
    world.run(260)
    assert world.cluster.pod(NS, "p").ready


def test_memory_beyond_the_limit_ends_the_container_as_oomkilled() -> None:
    world = World()

    def greedy(runtime: Runtime) -> Steps:
        for step in range(60):
            runtime.memory_bytes = step * 20 * MIB
            yield world.kernel.wait(1)

    world.create(world.pod(program=greedy, memory_limit=512 * MIB))
    world.run(600)
    assert world.events("OOMKilling")[0][1]["kind"] == "Node"
    assert world.samples("kube_pod_container_status_last_terminated_reason", reason="OOMKilled")
    assert world.cluster.pod(NS, "p").exit_codes in ({"main": 137}, {})


def test_a_child_that_is_hit_by_the_oom_killer_leaves_its_container_alive() -> None:
    world = World()

    def spare(runtime: Runtime) -> bool:
        runtime.memory_bytes = 100 * MIB
        return True

    def greedy(runtime: Runtime) -> Steps:
        runtime.memory_bytes = 900 * MIB
        yield world.kernel.env.event()

    world.create(world.pod(program=greedy, memory_limit=512 * MIB, on_oom=spare))
    world.run(200)
    assert len(world.events("OOMKilling")) == 1
    assert world.reasons("p").count("Started") == 1


def test_newer_kubelets_count_whom_the_kernel_kills_until_the_container_ends() -> None:
    world = World()
    world.cluster.count_oom_kills(on=True)

    def spare(runtime: Runtime) -> bool:
        runtime.memory_bytes = 100 * MIB
        return True

    def greedy(runtime: Runtime) -> Steps:
        for _ in range(2):
            yield world.kernel.wait(100)
            runtime.memory_bytes = 900 * MIB
        yield world.kernel.wait(200)

    world.create(world.pod(program=greedy, memory_limit=512 * MIB, on_oom=spare))
    world.run(500)
    counted = world.samples("container_oom_events_total", container="main")
    told = [now for before, now in pairwise([-1.0, *counted]) if now != before]
    assert told == [0, 1, 2, 0], "the next container counts anew"


def test_threads_end_with_their_container_and_what_they_print_later_is_lost() -> None:
    world = World()

    def talks(runtime: Runtime) -> Steps:
        while True:
            yield world.kernel.wait(1)
            runtime.log("tick")

    def program(runtime: Runtime) -> Steps:
        runtime.start(talks(runtime))
        yield world.kernel.env.event()

    world.cluster.place(world.pod(program=program, restart="Never"))
    world.kernel.at(10.5, lambda: world.cluster.kill(NS, "p", "main"))
    world.run(60)
    ticks = [f for _, f in world.records if f["signal"] == "log" and f["pod"] == "p"]
    assert len(ticks) == 10
    assert world.cluster.pod(NS, "p").exit_codes == {"main": 137}

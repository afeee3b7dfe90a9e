"""The API server as its clients meet it."""

from pipeline.simulate.cluster.model import ApiError, ApiRefusedError, ApiTimeoutError
from pipeline.simulate.kernel import Steps
from simulate.cluster.world import NS, World


def test_nobody_listens_while_it_is_down() -> None:
    world = World()
    world.cluster.api.down = True
    results = world.outcome(world.cluster.api.list_pods(NS, timeout_s=3))
    world.run(100)
    assert isinstance(results[0], ApiRefusedError)
    assert results[1] < 0.1
    assert world.samples("up", job="apiserver")[:3] == [0, 0, 0]


def test_a_client_gives_up_after_its_patience_and_the_deed_is_done_all_the_same() -> None:
    world = World()
    world.cluster.api.delay_s = 8
    results = world.outcome(world.cluster.api.create_pod(world.pod(), timeout_s=3))
    world.run(60)
    assert isinstance(results[0], ApiTimeoutError)
    assert results[1] == 3
    assert world.cluster.pod(NS, "p") is not None


def test_what_exists_is_a_conflict_and_what_does_not_is_not_found() -> None:
    world = World()
    world.cluster.place(world.pod())
    there = world.outcome(world.cluster.api.create_pod(world.pod(), timeout_s=3))
    gone = world.outcome(world.cluster.api.delete_pod(NS, "q", timeout_s=3))
    world.run(5)
    assert (there[0].status, there[0].message) == (409, 'pods "p" already exists')
    assert (gone[0].status, gone[0].message) == (404, 'pods "q" not found')


def test_a_watch_tells_each_change_and_that_a_pod_is_gone() -> None:
    world = World()
    seen = []

    def client() -> Steps:
        watch = yield from world.cluster.api.watch_pods(NS, timeout_s=3)
        while True:
            seen.extend((yield watch.next()))

    world.kernel.start(client())
    world.create(world.pod(), at_s=1)
    world.run(60)
    assert [pod.phase for pod in seen][-1] == "Running"
    world.kernel.start(world.cluster.api.delete_pod(NS, "p", timeout_s=3))
    world.run(120)
    assert seen[-1].deleted
    assert [pod.deleted for pod in seen].count(True) == 1


def test_a_watch_that_is_waited_for_with_a_timeout_loses_nothing() -> None:
    world = World()
    seen = []

    def client() -> Steps:
        watch = yield from world.cluster.api.watch_pods(NS, timeout_s=3)
        while True:
            event = watch.next()
            yield event | world.kernel.wait(0.7)
            if event.triggered:
                seen.extend(event.value)

    world.kernel.start(client())
    world.create(world.pod(), at_s=1)
    world.run(60)
    assert seen[-1] == world.cluster.pod(NS, "p")


def test_a_watch_breaks_when_the_api_server_goes() -> None:
    world = World()

    def client() -> Steps:
        watch = yield from world.cluster.api.watch_pods(NS, timeout_s=3)
        while True:
            yield watch.next()

    results = world.outcome(client())
    world.kernel.at(50, lambda: setattr(world.cluster.api, "down", True))
    world.run(60)
    assert isinstance(results[0], ApiRefusedError)
    assert results[1] == 50


def test_silent_watches_and_lists_tell_nothing_new_though_things_happen() -> None:
    world = World()
    seen = []

    def client() -> Steps:
        watch = yield from world.cluster.api.watch_pods(NS, timeout_s=3)
        while True:
            seen.extend((yield watch.next()))

    results = world.outcome(client())
    world.run(10)
    world.cluster.api.silent_watches = True
    world.create(world.pod())
    world.run(60)
    listed = world.outcome(world.cluster.api.list_pods(NS, timeout_s=3))
    world.run(70)
    assert world.cluster.pod(NS, "p").ready
    assert (seen, listed[0]) == ([], [])
    world.cluster.api.silent_watches = False
    world.run(80)
    assert isinstance(results[0], ApiRefusedError)


def test_a_throttled_server_turns_most_requests_away() -> None:
    world = World()
    world.cluster.api.throttled = True
    results = [world.outcome(world.cluster.api.list_pods(NS, timeout_s=3)) for _ in range(40)]
    world.run(10)
    away = [one[0] for one in results if isinstance(one[0], ApiError)]
    assert 28 <= len(away) <= 40
    assert away[0].status == 429


def test_a_token_belongs_to_whom_it_was_granted() -> None:
    world = World()
    world.cluster.api.tokens["sha256~a"] = "alice"
    good = world.outcome(world.cluster.api.review("sha256~a", timeout_s=3))
    bad = world.outcome(world.cluster.api.review("sha256~b", timeout_s=3))
    world.run(5)
    assert good[0] == "alice"
    assert bad[0].status == 401


def test_a_slow_api_shows_in_its_histogram_and_in_the_logs_of_its_parts() -> None:
    world = World()
    world.kernel.at(1200, lambda: setattr(world.cluster.api, "delay_s", 6.0))
    world.run()
    sums = world.samples("apiserver_request_duration_seconds_sum", verb="PUT")
    assert sums[-1] - sums[-10] > 100 * (sums[15] - sums[6])
    logs = [str(f["message"]) for _, f in world.records if f["signal"] == "log"]
    assert any("took too long" in text for text in logs)
    assert any("Trace[" in text for text in logs)
    assert world.samples("cluster_operator_conditions", name="etcd", condition="Degraded")[-1] == 1

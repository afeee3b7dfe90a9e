"""CPU and memory of the cluster's own API: each measurement once."""

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from aiohttp import web

from pipeline import clock
from pipeline.detect.load_pack import load_pack
from pipeline.detect.series import Catalogue
from pipeline.ingest.route import Router
from pipeline.live.cluster.api import ClusterApi
from pipeline.live.metrics.metrics_api import CPU, MEMORY, MetricsApiPoller, Usage
from pipeline.records import Gap, Metric, Observation, Rejected, Signal
from pipeline.settings_ingest import ClusterSettings
from topology.load import load
from topology.versions import Timeline


def pod(stamp: str = "2026-03-02T10:00:00Z", **usage: str) -> dict[str, Any]:
    return {
        "metadata": {"namespace": "opf", "name": "jupyterhub-db-1-abcde"},
        "timestamp": stamp,
        "window": "15.012s",
        "containers": [{"name": "postgresql", "usage": {"cpu": "12m", "memory": "100Mi"} | usage}],
    }


def test_quantities_are_cores_and_bytes() -> None:
    samples, _ = Usage("").take([pod(cpu="1500000n", memory="200Ki")])
    assert {sample.name: sample.value for sample in samples} == {CPU: 0.0015, MEMORY: 204_800}
    assert samples[0].labels == {
        "container": "postgresql",
        "namespace": "opf",
        "pod": "jupyterhub-db-1-abcde",
    }


def test_each_measurement_comes_once() -> None:
    usage = Usage("")
    later = pod("2026-03-02T10:00:15Z")
    assert [len(usage.take([item])[0]) for item in (pod(), pod(), later, pod())] == [2, 0, 2, 0]
    assert usage.oldest is not None


def test_what_is_not_as_documented_is_rejected_once_and_the_rest_goes_on() -> None:
    usage = Usage("/path")
    wrong = [pod(memory="a lot"), {"metadata": {}}, pod(stamp="yesterday"), pod(cpu="NaN"), 7]
    samples, rejected = usage.take([*wrong, pod()])  # type: ignore[list-item]
    assert (len(samples), len(rejected)) == (2, 5)
    assert rejected[1].value == b'{"metadata": {}}'
    assert usage.take(wrong) == ([], [])  # type: ignore[arg-type]


def test_detection_takes_it_for_no_counter() -> None:
    describe = Catalogue(load_pack()).describe
    labels = (("container", "notebook"), ("pod", "p"))
    assert not describe(CPU, labels, "gauge").counter
    assert describe(CPU, labels, "gauge").baseline is not None
    assert describe(MEMORY, labels, "gauge").limits


@dataclass
class Sink:
    """Keeps what it is given."""

    observed: list[tuple[str, str, float]] = field(default_factory=list)
    unread: list[Rejected] = field(default_factory=list)

    def observe(self, node: str, observation: Observation) -> None:
        """Keep it."""
        assert isinstance(observation, Metric)
        self.observed.append((node, observation.name, observation.value))

    def gap(self, gap: Gap) -> None:
        """Fail: the present has no gaps."""
        raise AssertionError(gap)

    def rejected(self, rejected: Rejected) -> None:
        """Keep it."""
        self.unread.append(rejected)

    async def room(self, signal: Signal) -> None:
        """Have room."""


def polled(tmp_path: Path, replies: list[web.Response]) -> tuple[MetricsApiPoller, Sink, list[str]]:
    """Let a poller ask a server that has these answers, the last of them for ever."""
    sink, told = Sink(), list[str]()

    async def answer(request: web.Request) -> web.Response:
        assert request.path == "/apis/metrics.k8s.io/v1beta1/namespaces/opf/pods"
        reply = replies.pop(0)
        replies.append(web.Response(status=reply.status, body=reply.body))
        return reply

    async def main() -> MetricsApiPoller:
        app = web.Application()
        app.router.add_get("/{path:.*}", answer)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        config = tmp_path / "config"
        config.write_text(KUBECONFIG.replace("PORT", str(runner.addresses[0][1])))
        async with ClusterApi(ClusterSettings(kubeconfig=config)) as api:
            poller = MetricsApiPoller(
                api=api,
                namespaces=["opf"],
                every_s=0.1,
                sink=sink,
                router=Router([Timeline.of([load("jupyterhub-openshift")])]),
                on_trouble=lambda what: told.append(what or "well"),
            )
            task = asyncio.create_task(poller.run())
            await asyncio.sleep(1.5)
            task.cancel()
            await asyncio.wait([task])
        await runner.cleanup()
        return poller

    return asyncio.run(main()), sink, told


KUBECONFIG = """\
apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: "http://127.0.0.1:PORT"}}]
users: [{name: u, user: {token: t}}]
contexts: [{name: x, context: {cluster: c, user: u}}]
current-context: x
"""


def test_pods_are_asked_for_again_and_again_and_find_their_node(tmp_path: Path) -> None:
    stamp = clock.now().replace(microsecond=0)
    item = pod(stamp.strftime("%Y-%m-%dT%H:%M:%SZ"))
    poller, sink, told = polled(tmp_path, [web.json_response({"items": [item, {}]})])
    assert sorted(sink.observed) == [
        ("jupyterhub/db", CPU, 0.012),
        ("jupyterhub/db", MEMORY, 104_857_600.0),
    ]
    assert (len(sink.unread), set(told)) == (1, {"well"})
    assert poller.progress() == stamp


def test_a_cluster_without_it_is_one_line_and_time_goes_on(tmp_path: Path) -> None:
    status = {"kind": "Status", "reason": "NotFound", "message": "could not find the resource"}
    poller, sink, told = polled(tmp_path, [web.json_response(status, status=404)])
    assert told == ["/apis/metrics.k8s.io/v1beta1: 404 NotFound: could not find the resource"]
    assert clock.now() - poller.progress() < timedelta(seconds=130)
    assert sink.observed == []

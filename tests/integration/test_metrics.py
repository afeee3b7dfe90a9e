"""Metrics from a real Prometheus: each scraped sample once, with its own time, come what may."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from pipeline import clock
from pipeline.ingest.route import Router
from pipeline.live.metrics.poller import MetricsPoller
from pipeline.live.metrics.prometheus import Prometheus as Client
from pipeline.live.metrics.queries import Query, load_queries
from pipeline.records import Gap, Metric, Observation, Rejected, Signal
from pipeline.settings_ingest import PrometheusSettings
from servers.children import free_port
from servers.prometheus_server import Prometheus
from topology.load import load
from topology.versions import Timeline

HUB = 'namespace="opf",pod="jupyterhub-1-abcde"'
USERS = Query(id="users", title="U", kind="select", promql="watched_users")
UP = Query(id="up", title="U", kind="select", promql='up{job="tests"}')
BAD = Query(id="bad", title="B", kind="expression", promql="sum(up", name="bad")


@dataclass
class Sink:
    """Keeps what it is given."""

    observed: list[tuple[str, Metric]] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)

    def observe(self, node: str, observation: Observation) -> None:
        """Keep it."""
        assert isinstance(observation, Metric)
        self.observed.append((node, observation))

    def gap(self, gap: Gap) -> None:
        """Keep it."""
        self.gaps.append(gap)

    def rejected(self, rejected: Rejected) -> None:
        """Fail: nothing here is unreadable."""
        raise AssertionError(rejected)

    async def room(self, signal: Signal) -> None:
        """Have room."""
        assert signal == "metric"

    def times(self, name: str) -> list[float]:
        """Return the times of a metric's samples, in seconds."""
        return sorted(m.time.timestamp() for _, m in self.observed if m.name == name)


@dataclass
class Run:
    """One poller at work."""

    poller: MetricsPoller
    sink: Sink
    told: list[str]
    troubles: list[str | None]

    async def until(self, fact: Callable[[], bool], within_s: float = 40) -> None:
        """Wait for a fact."""
        async with asyncio.timeout(within_s):
            while not fact():
                await asyncio.sleep(0.05)

    async def more(self, name: str, count: int) -> None:
        """Wait for so many more samples."""
        wanted = len(self.sink.times(name)) + count
        await self.until(lambda: len(self.sink.times(name)) >= wanted)


def router() -> Router:
    return Router([Timeline.of([load("jupyterhub-openshift")])])


def work(
    url: str,
    queries: list[Query],
    what: Callable[[Run], Awaitable[None]],
    *,
    sink: Sink | None = None,
    start: dict[str, datetime] | None = None,
    token_file: Path | None = None,
) -> Run:
    """Let a poller work while something is done."""
    settings = PrometheusSettings(
        url=url, token_file=token_file, every_s=1, delay_s=0.3, timeout_s=5
    )

    async def main() -> Run:
        taken, told, troubles = sink or Sink(), list[str](), list[str | None]()
        async with Client(settings) as client:
            poller = MetricsPoller(
                queries=queries,
                prometheus=client,
                settings=settings,
                sink=taken,
                router=router(),
                source="ingest-0",
                start=start or {},
                on_trouble=troubles.append,
                tell=told.append,
            )
            run = Run(poller, taken, told, troubles)
            async with asyncio.TaskGroup() as tasks:  # a poller that fails ends the test
                working = tasks.create_task(poller.run())
                await what(run)
                working.cancel()
        return run

    return asyncio.run(main())


@pytest.fixture(autouse=True)
def _as_before(prometheus: Prometheus) -> Iterator[None]:
    yield
    prometheus.exporter.text, prometheus.exporter.broken = "", False


@pytest.fixture
def own(prometheus: Prometheus, tmp_path: Path) -> Iterator[Prometheus]:
    """A server of the test's own; skipped where the shared one is."""
    assert prometheus.process is not None
    server = Prometheus(tmp_path)
    yield server
    server.close()


def scraped(server: Prometheus, promql: str, between: tuple[float, float]) -> list[float]:
    """Return the times of all samples that the server has of one series."""
    [series] = server.ask(f"{promql}[10m]")
    times = [float(at) for at, _ in series["values"]]
    return [at for at in times if between[0] <= at <= between[1]]


def test_every_scraped_sample_comes_once_with_the_time_of_its_scrape(
    prometheus: Prometheus,
) -> None:
    prometheus.export(f"watched_users{{{HUB}}} 7\n")
    run = work(prometheus.url, [USERS], lambda run: run.more("watched_users", 8))
    times = run.sink.times("watched_users")
    assert times == scraped(prometheus, "watched_users", (times[0], times[-1]))
    assert {node for node, _ in run.sink.observed} == {"jupyterhub/hub"}
    assert run.poller.counts["observations"] == len(times)


def test_a_target_that_dies_gives_no_samples(prometheus: Prometheus) -> None:
    prometheus.export(f"watched_users{{{HUB}}} 7\n")
    up = UP.model_copy(update={"labels": {"namespace": "opf", "service": "jupyterhub"}})

    async def die(run: Run) -> None:
        await run.more("watched_users", 2)
        prometheus.exporter.broken = True
        down = {m.value for _, m in run.sink.observed if m.name == "up"}
        await run.until(lambda: sum(m.value == 0 for _, m in run.sink.observed) >= 5)
        assert down == {1}

    sink = work(prometheus.url, [USERS, up], die).sink
    [first_down, *_] = [m.time.timestamp() for _, m in sink.observed if m.value == 0]
    assert sink.times("watched_users")[-1] < first_down
    assert len(set(sink.times("up"))) == len(sink.times("up"))


def test_a_refused_query_is_one_line_and_holds_nothing_up(prometheus: Prometheus) -> None:
    prometheus.export(f"watched_users{{{HUB}}} 7\n")
    run = work(prometheus.url, [BAD, USERS], lambda run: run.more("watched_users", 4))
    [line] = run.told
    assert line.startswith("query bad is refused: ")
    assert "unclosed left parenthesis" in line
    assert "\n" not in line
    assert list(run.poller.bad_queries()) == ["bad"]
    assert run.troubles == []


def test_progress_and_positions_are_behind_every_sample_that_comes_later(
    prometheus: Prometheus,
) -> None:
    prometheus.export(f"watched_users{{{HUB}}} 7\n")

    async def check(run: Run) -> None:
        for _ in range(40):
            promised, before = run.poller.progress(), len(run.sink.observed)
            assert run.poller.positions()["users"] >= promised
            await asyncio.sleep(0.1)
            assert all(metric.time >= promised for _, metric in run.sink.observed[before:])
            assert run.poller.progress() >= promised

    run = work(prometheus.url, [USERS, BAD], check)
    assert run.sink.observed
    assert clock.now() - run.poller.progress() < timedelta(seconds=20)


def test_after_a_restart_of_prometheus_all_is_caught_up_and_nothing_comes_twice(
    own: Prometheus,
) -> None:
    own.start()
    own.export(f"watched_users{{{HUB}}} 7\n")

    async def restart(run: Run) -> None:
        await run.more("watched_users", 3)
        own.kill()
        await run.until(lambda: bool(run.troubles))
        own.start()  # here: a child dies with the thread that started it
        await run.until(lambda: run.troubles[-1] is None)
        await run.more("watched_users", 3)

    run = work(own.url, [USERS], restart)
    times = run.sink.times("watched_users")
    assert times == scraped(own, "watched_users", (times[0], times[-1]))
    assert run.troubles[0] is not None
    assert "\n" not in run.troubles[0]


def test_a_new_process_goes_on_from_the_positions_of_the_last(prometheus: Prometheus) -> None:
    prometheus.export(f"watched_users{{{HUB}}} 7\n")
    first = work(prometheus.url, [USERS], lambda run: run.more("watched_users", 3))
    prometheus.await_scrape()
    prometheus.await_scrape()
    second = work(
        prometheus.url,
        [USERS],
        lambda run: run.more("watched_users", 3),
        start=first.poller.positions(),
    )
    times = sorted({*first.sink.times("watched_users"), *second.sink.times("watched_users")})
    assert times == scraped(prometheus, "watched_users", (times[0], times[-1]))
    assert len(second.sink.times("watched_users")) == len(set(second.sink.times("watched_users")))


def test_what_is_too_long_ago_is_a_gap_told_once_for_each_node(prometheus: Prometheus) -> None:
    prometheus.export(f"watched_users{{{HUB}}} 7\n")
    again = USERS.model_copy(update={"id": "again"})
    yesterday = clock.now() - timedelta(hours=24)
    run = work(
        prometheus.url,
        [USERS, again],
        lambda run: run.more("watched_users", 4),
        start={"users": yesterday, "again": yesterday},
    )
    [gap] = run.sink.gaps
    assert (gap.node, gap.reason, gap.since) == ("jupyterhub/hub", "not-followed", yesterday)
    assert timedelta(minutes=59) < clock.now() - gap.until < timedelta(minutes=61)


def test_series_beyond_the_limit_are_counted_and_told_once(prometheus: Prometheus) -> None:
    names = [f"jupyterhub-nb-u{number}" for number in range(10)]
    lines = [f'many_users{{namespace="opf",pod="{name}"}} 1\n' for name in names]
    prometheus.export("".join(lines))
    few = USERS.model_copy(update={"limit": 4, "promql": "many_users"})
    run = work(prometheus.url, [few], lambda run: run.more("many_users", 20))
    kept = {node for node, _ in run.sink.observed}
    left_out = {gap.node for gap in run.sink.gaps}
    assert (len(kept), len(left_out), len(run.sink.gaps)) == (4, 6, 6)
    assert kept.isdisjoint(left_out)
    assert run.poller.counts["series_over_limit"] == 6
    assert {gap.reason for gap in run.sink.gaps} == {"too-many-series"}


class Guard:
    """A proxy before a Prometheus, which wants a token."""

    def __init__(self, behind: str) -> None:
        self.behind, self.token, self.port = behind, "", free_port()

    async def __aenter__(self) -> str:
        app = web.Application()
        app.router.add_post("/deep/down/{path:.*}", self._answer)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()
        return f"http://127.0.0.1:{self.port}/deep/down/"

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            return web.Response(status=401, text="Unauthorized\n")
        url = f"{self.behind}/{request.match_info['path']}"
        async with (
            aiohttp.ClientSession() as session,
            session.post(url, data=await request.post()) as answer,
        ):
            return web.Response(body=await answer.read(), status=answer.status)


def test_a_token_that_changes_is_read_again(prometheus: Prometheus, tmp_path: Path) -> None:
    prometheus.export(f"watched_users{{{HUB}}} 7\n")
    token, guard = tmp_path / "token", Guard(prometheus.url)
    token.write_text("first\n")
    guard.token = "first"  # noqa: S105 - the test's own

    async def change(run: Run) -> None:
        async with guard:
            await run.more("watched_users", 2)
            guard.token = "second"  # noqa: S105 - the test's own
            await run.until(lambda: "does not take our token (401" in str(run.troubles))
            token.write_text("second\n")
            await run.more("watched_users", 2)

    url = f"http://127.0.0.1:{guard.port}/deep/down/"
    run = work(url, [USERS], change, token_file=token)
    times = run.sink.times("watched_users")
    assert times == scraped(prometheus, "watched_users", (times[0], times[-1]))
    assert run.troubles[-1] is None


# --- the shipped queries -------------------------------------------------------------------------

SCRAPED = f'namespace="opf",service="jupyterhub",job="jupyterhub",{HUB.split(",", 1)[1]}'
OF_KSM = 'job="kube-state-metrics",instance="10.0.0.9:8080",service="ksm",endpoint="http"'
MEMORY = "container_memory_working_set_bytes"
OF_CADVISOR = 'job="kubelet",metrics_path="/metrics/cadvisor",node="wrk-1",service="kubelet"'
DB = 'namespace="opf",pod="jupyterhub-db-1-abcde"'
EXPORTED = {
    f"up{{{SCRAPED}}} 1": "jupyterhub/hub",
    'up{job="apiserver",namespace="default",service="kubernetes"} 1': "platform/openshift-api",
    'up{job="kubelet",node="wrk-1",namespace="kube-system"} 1': "infrastructure/node/wrk-1",
    'up{job="node-exporter",instance="wrk-2:9100",pod="node-exporter-x"} 1': (
        "infrastructure/node/wrk-2"
    ),
    'probe_success{instance="https://jupyterhub-opf.apps.example.org/",job="blackbox"} 1': (
        "jupyterhub/hub"
    ),
    f"jupyterhub_running_servers{{{SCRAPED}}} 4": "jupyterhub/hub",
    f'server_spawn_duration_seconds_count{{{SCRAPED},status="failure"}} 4': "jupyterhub/hub",
    f"pg_up{{{DB}}} 1": "jupyterhub/db",
    f'pg_stat_activity_count{{{DB},state="idle"}} 3': "jupyterhub/db",
    f'kube_pod_status_ready{{{DB},condition="true",container="ksm",{OF_KSM}}} 1': "jupyterhub/db",
    f'kube_pod_status_ready{{{DB},condition="false",container="ksm",{OF_KSM}}} 0': None,
    f'kube_resourcequota{{namespace="opf",pod="ksm-x",resourcequota="q",type="used",{OF_KSM}}} 1': (
        "infrastructure/quota"
    ),
    f'kube_node_status_condition{{node="wrk-1",namespace="monitoring",pod="ksm-x",'
    f'condition="Ready",status="true",{OF_KSM}}} 1': "infrastructure/node/wrk-1",
    'openshift_deploymentconfig_status_replicas_available{namespace="opf",pod="osm-x",'
    'deploymentconfig="jupyterhub-db",service="osm"} 1': "jupyterhub/db",
    f'{MEMORY}{{{DB},container="postgresql",id="/k/1",{OF_CADVISOR}}} 9': ("jupyterhub/db"),
    f'{MEMORY}{{{DB},container="POD",id="/k/2",{OF_CADVISOR}}} 8': None,
    f'{MEMORY}{{{DB},id="/k",{OF_CADVISOR}}} 7': None,
    f'container_network_receive_errors_total{{{DB},container="POD",interface="eth0",'
    f"{OF_CADVISOR}}} 0": "jupyterhub/db",
    'kubelet_volume_stats_available_bytes{namespace="opf",persistentvolumeclaim="jupyterhub-db",'
    'node="wrk-1",job="kubelet"} 5': "infrastructure/volume/jupyterhub-db",
}


def test_shipped_queries_are_answered_and_what_they_bring_finds_its_node(
    prometheus: Prometheus,
) -> None:
    prometheus.export("".join(f"{line}\n" for line in EXPORTED))
    queries = [
        query.model_copy(update={"every_s": 1.0})
        for query in load_queries(parameters={"namespace": "opf"})
    ]
    wanted = {
        (line.split("{")[0], node)
        for line, node in EXPORTED.items()
        if node and "activity" not in line
    } | {("pg_connections", "jupyterhub/db")}

    def found(run: Run) -> set[tuple[str, str]]:
        return {(metric.name, node) for node, metric in run.sink.observed}

    run = work(
        prometheus.url, queries, lambda run: run.until(lambda: found(run) >= wanted, within_s=20)
    )
    assert run.told == []
    assert found(run) == wanted
    values = {m.value for _, m in run.sink.observed if m.name == MEMORY}
    assert values == {9}
    labels = [m.labels for _, m in run.sink.observed if m.name == "kube_pod_status_ready"]
    assert labels[0] == {"condition": "true", "namespace": "opf", "pod": "jupyterhub-db-1-abcde"}

"""A hub's own histograms, by the shipped queries on a real Prometheus: the well-known metrics."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pipeline import clock
from pipeline.ingest.route import Router
from pipeline.live.metrics.prometheus import Prometheus as Client
from pipeline.live.metrics.queries import load_queries
from pipeline.live.metrics.samples import Memory
from pipeline.live.metrics.windows import Window
from pipeline.settings_ingest import PrometheusSettings
from servers.missing import Missing
from servers.prometheus_server import Prometheus
from topology.load import load
from topology.versions import Timeline

SCRAPED = 'namespace="opf",service="jupyterhub",job="jupyterhub",pod="jupyterhub-1-abcde"'


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Prometheus]:
    """A server of the test's own, not yet started."""
    server = Prometheus(tmp_path)
    yield server
    server.close()


def history(prefix: str, until: int) -> str:
    """Return ten minutes of a hub: 2 requests/s of 0.2 s and one in ten of them an error."""
    lines = [f"# TYPE {prefix}request_duration_seconds histogram"]
    name, where = f"{prefix}request_duration_seconds", SCRAPED
    for code, share in (("200", 0.9), ("500", 0.1)):
        series = f'{where},handler="auth",code="{code}"'
        for second in range(0, 601, 15):
            at, count = until - 600 + second, round(2 * second * share)
            lines += [
                f'{name}_bucket{{{series},le="0.1"}} 0 {at}',
                f'{name}_bucket{{{series},le="0.3"}} {count} {at}',
                f'{name}_bucket{{{series},le="+Inf"}} {count} {at}',
                f"{name}_count{{{series}}} {count} {at}",
                f"{name}_sum{{{series}}} {count * 0.2} {at}",
            ]
    return "\n".join(sorted(lines, key=lambda line: line.split(" ", 1)[0])) + "\n# EOF\n"


@pytest.mark.parametrize("prefix", ["jupyterhub_", ""])
def test_the_hubs_histograms_become_well_known_service_metrics(
    own: Prometheus, prefix: str
) -> None:
    now = int(clock.now().timestamp()) // 60 * 60
    try:
        own.backfill(history(prefix, now))
        own.start()
    except Missing as missing:
        pytest.skip(str(missing))
    queries = [query for query in load_queries() if query.id.startswith("hub-")]
    until = datetime.fromtimestamp(now, tz=UTC)
    window = Window(until - timedelta(minutes=3), until - timedelta(minutes=1))

    router = Router([Timeline.of([load("jupyterhub-openshift")])])

    async def asked() -> dict[str, set[float]]:
        found: dict[str, set[float]] = {}
        async with Client(PrometheusSettings(url=own.url)) as client:
            for query in queries:
                if query.kind == "expression":
                    answer = await client.evaluated(query.promql, window, 60)
                    for sample in (
                        Memory(query, frozenset(), 60).take(answer.series, window).samples
                    ):
                        assert router.node_of(sample) == "jupyterhub/hub"
                        found.setdefault(sample.name, set()).add(round(sample.value, 3))
        return found

    assert asyncio.run(asked()) == {
        "requests_per_second": {2.0},
        "request_error_ratio": {0.1},
        "request_duration_seconds": {0.2},
        "request_duration_p50_seconds": {0.2},
        "request_duration_p90_seconds": {0.28},
        "request_duration_p99_seconds": {0.298},
    }

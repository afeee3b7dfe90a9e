"""The Prometheus of the metrics tests does what those rely on."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from servers.certificates import Authority
from servers.prometheus_server import Prometheus


@pytest.fixture(autouse=True)
def _nothing_exported(prometheus: Prometheus) -> Iterator[None]:
    yield
    prometheus.exporter.text, prometheus.exporter.broken = "", False


def values(prometheus: Prometheus, promql: str) -> list[str]:
    return [each["value"][1] for each in prometheus.ask(promql)]


def test_what_is_exported_can_be_asked_for(prometheus: Prometheus) -> None:
    prometheus.export('hub_users{job="hub",pod="hub-1"} 7\n')
    (found,) = prometheus.ask("hub_users")
    assert found["metric"]["job"] == "hub"
    assert found["value"][1] == "7"


def test_a_series_that_is_exported_no_more_is_stale_at_once(prometheus: Prometheus) -> None:
    prometheus.export("going 1\nstaying 1\n")
    prometheus.export("staying 2\n")
    assert (values(prometheus, "going"), values(prometheus, "staying")) == ([], ["2"])


def test_an_exporter_that_fails_is_down_and_its_series_are_stale(prometheus: Prometheus) -> None:
    prometheus.export("seen 1\n")
    prometheus.exporter.broken = True
    prometheus.await_scrape()
    assert (values(prometheus, "up"), values(prometheus, "seen")) == (["0"], [])


def test_samples_survive_a_kill_and_those_of_the_past_are_there(tmp_path: Path) -> None:
    own = Prometheus(tmp_path, Authority(tmp_path))  # by HTTPS, as sites serve it
    own.backfill("# TYPE ups gauge\nups 3 1790000000\nups 4 1790000030\n# EOF\n")
    try:
        own.start()
        own.export("now 1\n")
        own.kill()
        own.start()
        assert [each["value"][1] for each in own.ask("ups", at=1_790_000_031)] == ["4"]
        assert values(own, "now") == ["1"]
    finally:
        own.close()

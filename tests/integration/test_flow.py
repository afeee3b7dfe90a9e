"""Recorded observations through a real Kafka give the bytes of ``analyze``, whatever happens."""

import json
import subprocess
from pathlib import Path

import pytest

from servers import children
from servers.broker_view import BrokerView
from servers.kafka_server import Kafka
from servers.site import Site
from servers.tansu_server import Tansu
from servers.waiting import health, until


def accounts(site: Site) -> dict:
    """Return the accounting, which must reconcile."""
    done = site.command("accounting", "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def assert_same(site: Site, outage: Path) -> None:
    expected = site.analyze(str(outage))
    assert '"jupyterhub/db"' in expected.splitlines()[0]
    assert site.export() == expected
    read = accounts(site)["sources"].values()
    assert sum(source["lines"] for source in read) == len(outage.read_bytes().splitlines())


@pytest.mark.parametrize("size", [1, 7, 500])
def test_any_order_and_batching_give_the_bytes_of_analyze(
    site: Site, outage: Path, shuffled: Path, size: int
) -> None:
    site.run()
    site.replay(str(outage if size == 500 else shuffled), "--batch-size", str(size))
    assert_same(site, outage)


def slow_replay(site: Site, outage: Path) -> subprocess.Popen[bytes]:
    """Start a replay that takes ten seconds and ends when all has reached the store."""
    paced = ["--batch-size", "7", "--speed", "100", "--wait", "--timeout", "110"]
    return site.start("replay", str(outage), *paced)


def handled(site: Site, broker: BrokerView, role: str) -> int:
    return broker.committed(f"{site.prefix}-{role}")


def test_workers_killed_in_the_middle_change_nothing(
    site: Site, broker: BrokerView, outage: Path
) -> None:
    workers = [site.start(role) for role in ("detect", "correlate", "index")]
    site.ready("detect")
    replay = slow_replay(site, outage)
    until(lambda: handled(site, broker, "correlate") > 200, within_s=60, what="the middle")
    for worker in workers:
        children.kill(worker)
    for role in ("detect", "correlate", "index"):
        site.start(role)
    assert replay.wait(120) == 0
    assert_same(site, outage)


def test_a_worker_that_joins_in_the_middle_changes_nothing(
    site: Site, broker: BrokerView, outage: Path
) -> None:
    site.run()
    replay = slow_replay(site, outage)
    until(lambda: handled(site, broker, "correlate") > 200, within_s=60, what="the middle")
    second = site.start("detect", AFTERSHOCK_HEALTH__DETECT_PORT="")
    assert replay.wait(120) == 0
    children.stop(second)
    assert_same(site, outage)


def test_a_broker_killed_in_the_middle_delays_and_changes_nothing(
    site: Site, broker: BrokerView, kafka: Kafka, outage: Path
) -> None:
    site.run()
    replay = slow_replay(site, outage)
    until(lambda: handled(site, broker, "correlate") > 200, within_s=60, what="the middle")
    kafka.kill()
    for role in ("detect", "correlate", "index"):
        port = site.ports[role]
        until(lambda p=port: health(p)[0] == 503, within_s=40, what=f"{role} not ready")
    kafka.restart()
    assert replay.wait(120) == 0
    assert_same(site, outage)


def test_the_embedded_broker_carries_the_same(site: Site, tansu: Tansu, outage: Path) -> None:
    site.bootstrap_servers = tansu.bootstrap_servers
    site.run()
    site.replay(str(outage))
    assert_same(site, outage)

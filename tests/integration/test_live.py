"""The product at work: a cluster, Prometheus, Kafka; the database of a hub is killed."""

import json
import sys
from collections.abc import Iterator
from typing import Any
from urllib.request import urlopen

import pytest

from pipeline import clock
from servers.control_plane import ControlPlane
from servers.hub_workload import HUB, LAST_WORDS, HubWorkload
from servers.kubelet import Kubelet
from servers.prometheus_server import Prometheus
from servers.site import Site
from servers.waiting import until

ROLES = "ingest,detect,correlate,index"


@pytest.fixture
def workload(
    control_plane: ControlPlane, kubelet: Kubelet, namespace: str, prometheus: Prometheus
) -> Iterator[HubWorkload]:
    """A hub that runs."""
    hub = HubWorkload(control_plane, kubelet, namespace, prometheus)
    hub.start()
    yield hub
    hub.stop()


@pytest.fixture
def live(site: Site, workload: HubWorkload, tenant_token: str) -> Site:
    """A site that reads that hub, with the rights that are shipped for one namespace."""
    kubeconfig = workload.control_plane.kubeconfig(tenant_token, name=site.prefix)
    assert workload.prometheus is not None
    site.extra |= {
        "AFTERSHOCK_INGEST__CLUSTER__KUBECONFIG": str(kubeconfig),
        "AFTERSHOCK_INGEST__CLUSTER__NAMESPACES": json.dumps([workload.namespace]),
        "AFTERSHOCK_INGEST__PROMETHEUS__URL": workload.prometheus.url,
        "AFTERSHOCK_INGEST__PROMETHEUS__EVERY_S": "5",
        "AFTERSHOCK_INGEST__PROMETHEUS__DELAY_S": "2",
    }
    return site


def incidents(site: Site) -> list[dict[str, Any]]:
    """Return what the store has now."""
    return [json.loads(line) for line in site.export().splitlines()]


@pytest.mark.timeout(300)
def test_a_killed_database_is_named_with_the_log_of_the_pod_that_is_gone(
    live: Site, workload: HubWorkload
) -> None:
    live.run("--roles", ROLES)
    live.ready("ingest")
    until(lambda: workload.written.get(HUB, 0) > 20, within_s=60, what="a hub at work")
    killed_at = clock.monotonic()
    workload.kill_database()

    def named() -> bool:
        return any(found["causes"][0]["node"] == "jupyterhub/db" for found in incidents(live))

    until(named, within_s=240, what="an incident that names the database")
    sys.stdout.write(f"named {clock.monotonic() - killed_at:.1f} s after the kill\n")
    (incident,) = incidents(live)
    exemplars = [s["exemplar"] for s in incident["symptoms"] if s["node"] == "jupyterhub/db"]
    assert any(LAST_WORDS in text for text in exemplars)
    assert {"jupyterhub/hub", "jupyterhub/user/alice"} <= set(incident["nodes"])
    with urlopen(f"http://127.0.0.1:{live.ports['ingest']}/metrics", timeout=10) as answer:
        told = answer.read().decode()
    assert 'last_seen_timestamp_seconds{node="jupyterhub/db",signal="log"}' in told

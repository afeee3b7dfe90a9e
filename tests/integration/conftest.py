"""Real servers, one of each for the whole run, and processes that die with it."""

import json
import os
import random
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
import zstandard

from servers import children
from servers.broker_view import BrokerView
from servers.control_plane import ControlPlane
from servers.elasticsearch_server import NEWEST, OLDER, Elasticsearch
from servers.ingest_writer import Writer
from servers.kafka_server import Kafka
from servers.kubelet import Kubelet
from servers.missing import Missing
from servers.prometheus_server import Prometheus
from servers.site import Site
from servers.tansu_server import Tansu

REPOSITORY = Path(__file__).parents[2]
RECORDING = REPOSITORY / "pipeline" / "demo" / "data" / "database-outage.jsonl.zst"
ROLES = REPOSITORY / "deploy" / "kubernetes"
OUTAGE = ("2026-03-02T10:00:00Z", "2026-03-02T10:16:00Z")


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    """Apache Kafka; tests that kill it start it again."""
    server = Kafka(tmp_path_factory.mktemp("kafka"))
    try:
        server.start()
    except Missing as missing:
        pytest.skip(str(missing))
    yield server
    server.kill()


@pytest.fixture(scope="session")
def tansu(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tansu]:
    """The embedded broker of the demo."""
    server = Tansu(tmp_path_factory.mktemp("tansu"))
    server.start()
    yield server
    server.kill()


@pytest.fixture(scope="session")
def elasticsearch() -> Iterator[Elasticsearch]:
    """The newest Elasticsearch; tests that kill it start it again."""
    yield from _started(NEWEST)


@pytest.fixture(scope="session")
def older_elasticsearch() -> Iterator[Elasticsearch]:
    """The last Elasticsearch of the major version before."""
    yield from _started(OLDER)


def _started(version: str) -> Iterator[Elasticsearch]:
    try:
        server = Elasticsearch(version)
    except Missing as missing:
        pytest.skip(str(missing))
    try:
        server.start()
        yield server
    finally:
        server.close()


@pytest.fixture
def broker(kafka: Kafka) -> BrokerView:
    """Plain clients of Apache Kafka."""
    return BrokerView(kafka.bootstrap_servers)


@pytest.fixture(scope="session")
def _control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    server = ControlPlane(tmp_path_factory.mktemp("control-plane"))
    try:
        server.start()
    except Missing as missing:
        pytest.skip(str(missing))
    yield server
    server.stop()


@pytest.fixture
def control_plane(_control_plane: ControlPlane) -> ControlPlane:
    """A real Kubernetes API server, up also when the last test has killed it."""
    if not children.listens(_control_plane.port):
        _control_plane.kill_api()
        _control_plane.restart_api()
    return _control_plane


@pytest.fixture(scope="session")
def _kubelet(_control_plane: ControlPlane) -> Iterator[Kubelet]:
    server = Kubelet(_control_plane.kubelet_pair(), _control_plane.authority.certificate)
    yield server
    server.close()


@pytest.fixture
def kubelet(control_plane: ControlPlane, _kubelet: Kubelet) -> Kubelet:
    """The log endpoint of the cluster node ``worker-1``, up also when the last test stopped it."""
    _kubelet.start()
    control_plane.admin.node("worker-1", kubelet_port=_kubelet.port)
    return _kubelet


@pytest.fixture
def namespace(control_plane: ControlPlane) -> str:
    """A namespace of the test's own."""
    return control_plane.admin.namespace(f"t{uuid.uuid4().hex[:8]}")


@pytest.fixture
def ingest_token(control_plane: ControlPlane) -> str:
    """A token with the rights that are shipped for a whole cluster, and no others."""
    control_plane.admin.namespace("aftershock")
    control_plane.admin.apply(ROLES / "ingest-rbac.yaml")
    return _token_in_force(control_plane, "aftershock")


@pytest.fixture
def tenant_token(control_plane: ControlPlane, namespace: str) -> str:
    """A token with the rights that are shipped for one namespace, the test's own."""
    control_plane.admin.apply(ROLES / "ingest-rbac-namespaced.yaml", namespace=namespace)
    return _token_in_force(control_plane, namespace)


def _token_in_force(control_plane: ControlPlane, namespace: str) -> str:
    """Return the token of the shipped service account, once its roles are known everywhere."""
    token = control_plane.token_for(namespace, "aftershock-ingest")
    with closing(control_plane.client(token)) as client:
        for verb, resource in (("list", "/pods"), ("create", "coordination.k8s.io/leases")):
            client.await_right(verb, resource, namespace)
    return token


@pytest.fixture(scope="session")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """A real Prometheus (plain HTTP) that scrapes its ``exporter`` every second."""
    server = Prometheus(tmp_path_factory.mktemp("prometheus"))
    try:
        server.start()
    except Missing as missing:
        server.close()
        pytest.skip(str(missing))
    yield server
    server.close()


@pytest.fixture
def prefix() -> str:
    """A topic prefix of the test's own."""
    return f"t{uuid.uuid4().hex[:8]}"


Spawn = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def spawn(tmp_path: Path) -> Iterator[Spawn]:
    """Start Python processes of this repository; what still runs at the end is killed."""
    started: list[subprocess.Popen[bytes]] = []

    def start(*arguments: str, **environment: str) -> subprocess.Popen[bytes]:
        paths = os.pathsep.join([str(REPOSITORY), str(REPOSITORY / "tests")])
        process = children.start(
            [sys.executable, *arguments],
            log=tmp_path / f"{len(started)}.log",
            env={**os.environ, "PYTHONPATH": paths, **environment},
        )
        started.append(process)
        return process

    yield start
    for process in started:
        children.kill(process)
    for log in sorted(tmp_path.glob("*.log")):
        sys.stdout.write(f"--- {log.name}\n{log.read_text()[-4000:]}\n")  # shown when a test fails


@pytest.fixture
def site(kafka: Kafka, prefix: str, tmp_path: Path, spawn: Spawn) -> Site:
    """A site of the test's own on Apache Kafka."""
    return Site(kafka.bootstrap_servers, prefix, tmp_path, spawn)


@pytest.fixture(scope="session")
def outage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The quarter of an hour around the outage in the demo's recording."""
    lines = zstandard.decompress(RECORDING.read_bytes(), max_output_size=1 << 28).splitlines()
    path = tmp_path_factory.mktemp("recording") / "outage.jsonl"
    kept = [line for line in lines if OUTAGE[0] <= json.loads(line)["time"] < OUTAGE[1]]
    path.write_bytes(b"\n".join(kept))
    return path


@pytest.fixture(scope="session")
def shuffled(outage: Path) -> Path:
    """The same lines in another order."""
    lines = outage.read_bytes().splitlines()
    random.Random(7).shuffle(lines)
    path = outage.with_name("shuffled.jsonl")
    path.write_bytes(b"\n".join(lines))
    return path


@pytest.fixture
def writer(control_plane: ControlPlane, kubelet: Kubelet, namespace: str) -> Iterator[Writer]:
    """Pods of a namespace that write."""
    at_work = Writer(control_plane, kubelet, namespace)
    yield at_work
    at_work.stop()


@pytest.fixture
def ingesting(site: Site, control_plane: ControlPlane, namespace: str, tenant_token: str) -> Site:
    """A site whose ingest reads that namespace, under the shipped Role."""
    kubeconfig = control_plane.kubeconfig(tenant_token, name=site.prefix)
    site.extra |= {
        "AFTERSHOCK_INGEST__CLUSTER__KUBECONFIG": str(kubeconfig),
        "AFTERSHOCK_INGEST__CLUSTER__NAMESPACES": json.dumps([namespace]),
        "AFTERSHOCK_INGEST__METRICS_API": "off",
    }
    return site

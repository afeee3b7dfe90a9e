"""Real servers, one of each for the whole run, and processes that die with it."""

import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from servers import children
from servers.broker_view import BrokerView
from servers.kafka_server import Kafka, Missing
from servers.tansu_server import Tansu

REPOSITORY = Path(__file__).parents[2]


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


@pytest.fixture
def broker(kafka: Kafka) -> BrokerView:
    """Plain clients of Apache Kafka."""
    return BrokerView(kafka.bootstrap_servers)


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

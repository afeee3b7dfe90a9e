"""The embedded broker, once for the run, and settings that point at it."""

import gc
import uuid
import warnings
from collections.abc import Iterator

import pytest

from pipeline.broker import clients
from pipeline.settings import KafkaSettings, Partitions
from servers.tansu_server import Tansu


@pytest.fixture(scope="session")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tansu]:
    """A broker in memory."""
    server = Tansu(tmp_path_factory.mktemp("embedded"))
    server.start()
    yield server
    server.kill()


@pytest.fixture
def kafka(embedded: Tansu) -> KafkaSettings:
    """Settings with a topic prefix of the test's own."""
    return KafkaSettings(
        bootstrap_servers=embedded.bootstrap_servers,
        topic_prefix=f"t{uuid.uuid4().hex[:8]}",
        partitions=Partitions(observations=3, symptoms=2, incidents=2),
    )


@pytest.fixture
def refusals() -> Iterator[None]:
    """Collect the sockets of refused connections: the library leaves that to Python."""
    clients.quiet_library()  # what it logs would hold on to them
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.fixture
def nowhere(refusals: None) -> KafkaSettings:
    """Settings that point where nobody listens."""
    del refusals
    return KafkaSettings(bootstrap_servers="127.0.0.1:9", connect_timeout_s=0.3)

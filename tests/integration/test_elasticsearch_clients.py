"""Both major versions of client and server, in every pairing that Elastic allows, and one not."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.errors import BrokenWorld
from pipeline.store import open_store
from servers.elasticsearch_client import older_client
from servers.elasticsearch_server import Elasticsearch
from servers.missing import Missing

HERE = Path(__file__).parent
SUITE = HERE / "test_elasticsearch_contract.py"


@pytest.mark.timeout(400)
@pytest.mark.parametrize("server", ["elasticsearch", "older_elasticsearch"])
def test_the_older_client_passes_the_suite(request: pytest.FixtureRequest, server: str) -> None:
    try:
        client = older_client()
    except Missing as missing:
        pytest.skip(str(missing))
    engine: Elasticsearch = request.getfixturevalue(server)
    paths = os.pathsep.join(str(path) for path in (client, HERE.parents[1], HERE.parent))
    environment = {
        **os.environ,
        "PYTHONPATH": paths,
        "ELASTICSEARCH_UNDER_TEST": engine.url,
    }
    version = "import elasticsearch; print(elasticsearch.__version__[0])"
    asked = [sys.executable, "-c", version]
    assert subprocess.check_output(asked, env=environment, cwd=HERE).strip() == b"8"
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", SUITE],
        env=environment,
        cwd=HERE.parents[1],
        capture_output=True,
        text=True,
        check=False,
        timeout=390,
    )
    assert run.returncode == 0, run.stdout[-4000:] + run.stderr[-2000:]


def test_a_server_older_than_the_client_is_told_with_what_to_install(
    older_elasticsearch: Elasticsearch,
) -> None:
    with pytest.raises(BrokenWorld, match="pip install 'elasticsearch<9'"):
        open_store(older_elasticsearch.url)

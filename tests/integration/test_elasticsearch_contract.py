"""The suite of every store, on the real engine: ``tests/store/test_contract.py`` as it stands.

With ``ELASTICSEARCH_UNDER_TEST`` it runs on the engine at that address, under whatever client is
installed: so the other client's major version runs it, too.
"""

import os
from collections.abc import Callable, Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest
from hypothesis import settings

from pipeline.settings_elasticsearch import ElasticsearchSettings
from pipeline.store import IncidentStore, open_store
from pipeline.store.elasticsearch.access import connect
from pipeline.store.elasticsearch.ensure import ensure

ALIAS = ElasticsearchSettings(replicas=0)
SUITE = Path(__file__).parents[1] / "store" / "test_contract.py"
EXAMPLES = 6
"""Of each property: an example takes some requests, and the file store tries a hundred."""


def suite() -> dict[str, object]:
    """Return the suite's tests, their properties with fewer examples."""
    found = spec_from_file_location("contract_on_elasticsearch", SUITE)
    assert found is not None
    assert found.loader is not None
    module = module_from_spec(found)
    before = settings.get_current_profile_name()
    settings.register_profile("few", settings.get_profile(before), max_examples=EXAMPLES)
    settings.load_profile("few")
    try:
        found.loader.exec_module(module)
    finally:
        settings.load_profile(before)
    return {name: test for name, test in vars(module).items() if name.startswith("test_")}


globals().update(suite())


@pytest.fixture
def url(request: pytest.FixtureRequest) -> str:
    """The engine, with the templates and no incident in it."""
    where = os.environ.get("ELASTICSEARCH_UNDER_TEST")
    where = where or str(request.getfixturevalue("elasticsearch").url)
    client, _ = connect(where, ALIAS)
    for index in client.indices.get(index=f"{ALIAS.alias}-2*", ignore_unavailable=True).body:
        client.indices.delete(index=index)
    client.close()
    ensure(where, ALIAS)
    return where


@pytest.fixture
def opened(url: str) -> Iterator[Callable[[], IncidentStore]]:
    """Open the store, as often as wanted: each time as another process would."""
    stores: list[IncidentStore] = []

    def open_it() -> IncidentStore:
        stores.append(open_store(url, ALIAS))
        return stores[-1]

    yield open_it
    for store in stores:
        store.close()


@pytest.fixture
def store(opened: Callable[[], IncidentStore]) -> IncidentStore:
    """The store."""
    return opened()

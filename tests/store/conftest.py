"""Every store that must pass the suite, empty."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pipeline.store import IncidentStore, open_store


@pytest.fixture(params=["sqlite"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A store's URL, with nothing in it."""
    return {"sqlite": f"sqlite:///{tmp_path}/incidents.db"}[request.param]


@pytest.fixture
def opened(url: str) -> Iterator[Callable[[], IncidentStore]]:
    """Open the store, as often as wanted: each time as another process would."""
    stores: list[IncidentStore] = []

    def open_it() -> IncidentStore:
        stores.append(open_store(url))
        return stores[-1]

    yield open_it
    for store in stores:
        store.close()


@pytest.fixture
def store(opened: Callable[[], IncidentStore]) -> IncidentStore:
    """The store."""
    return opened()

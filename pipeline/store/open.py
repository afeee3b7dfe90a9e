"""Which store a URL means."""

from urllib.parse import urlsplit

from pipeline.errors import UsageError
from pipeline.store.sqlite import SqliteStore
from pipeline.store.store import IncidentStore

_SQLITE = "sqlite:///"


def open_store(url: str, *, create: bool = True) -> IncidentStore:
    """Open the store that a URL names; a reader does not create it.

    Raises:
        UsageError: no such kind of store, or nothing there to read.
        BrokenWorld: it is there, and cannot be used.
    """
    if url.startswith(_SQLITE) and len(url) > len(_SQLITE):
        return SqliteStore(url.removeprefix(_SQLITE), create=create)
    scheme = urlsplit(url).scheme
    if scheme in {"http", "https"}:
        raise UsageError(
            "store: Elasticsearch comes with a later release; set AFTERSHOCK_STORE (store) to"
            " sqlite:///file.db for now"
        )
    raise UsageError(
        f"store {url!r}: write sqlite:///file.db, or sqlite:////absolute/file.db with four slashes"
    )

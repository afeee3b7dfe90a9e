"""Which store a URL means."""

from pipeline.errors import UsageError
from pipeline.settings_elasticsearch import ElasticsearchSettings
from pipeline.store.sqlite import SqliteStore
from pipeline.store.store import IncidentStore

_SQLITE = "sqlite:///"
_ELASTICSEARCH = ("http://", "https://", "cloud:")


def open_store(
    url: str, elasticsearch: ElasticsearchSettings | None = None, *, create: bool = True
) -> IncidentStore:
    """Open the store that a URL names; a reader does not create it.

    Raises:
        UsageError: no such kind of store, or nothing there to read.
        BrokenWorld: it is there, and cannot be used.
    """
    if url.startswith(_SQLITE) and len(url) > len(_SQLITE):
        return SqliteStore(url.removeprefix(_SQLITE), create=create)
    if url.startswith(_ELASTICSEARCH):
        # the client is large, and others need not load it
        from pipeline.store.elasticsearch.store import ElasticsearchStore  # noqa: PLC0415

        return ElasticsearchStore(url, elasticsearch or ElasticsearchSettings(), create=create)
    raise UsageError(
        f"store {url!r}: write sqlite:///file.db (sqlite:////absolute/file.db with four slashes),"
        " https://host:9200, or cloud:ID for a cloud id"
    )

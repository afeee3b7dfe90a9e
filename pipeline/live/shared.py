"""What the readers of one ingest process have in common."""

from collections.abc import Callable
from dataclasses import dataclass

from pipeline.flow import Flow
from pipeline.ingest.route import Router
from pipeline.live.cluster.api import ClusterApi
from pipeline.live.outbox.outbox import Outbox
from pipeline.live.seen import Counting
from pipeline.live.shards import Shard
from pipeline.redact import Redactor
from pipeline.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """Where to read from, where to put it, and whom to tell."""

    settings: Settings
    flow: Flow
    router: Router
    redactor: Redactor
    """Also before the outbox: nothing gets past it."""
    api: ClusterApi
    outbox: Outbox
    sink: Counting
    """Before the outbox: counts what goes into it, by node."""
    shard: Shard
    source: str
    namespaces: tuple[str | None, ...]
    """Watched one by one; (None,): all at once."""
    trouble: Callable[[str, str | None], None]
    """Told who has trouble, and what in one line; None: it is over."""
    say: Callable[[str], None]
    """Told in one line what a person should know."""


def path_of(what: str, namespace: str | None) -> str:
    """Return the path of a collection of the core API."""
    return f"/api/v1/{what}" if namespace is None else f"/api/v1/namespaces/{namespace}/{what}"

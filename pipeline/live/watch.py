"""List, then watch, for ever: every change of a kind of object, through whatever happens.

In: the API, a path. Out: calls of a handler. A watch that ends goes on from its last version; one
that is too old (410) is begun anew with a list, which the handler compares with what it knows. The
list is also made anew now and then: a server restored from a backup answers a version from the
future with silence, not with an error.
"""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from pipeline.errors import BrokenWorld
from pipeline.live.api import ClusterApi, Json, Refused
from pipeline.live.pause import Pause

RELIST_S = 1800.0
"""A list of 10,000 pods costs the server a second: not more often than twice an hour."""
GRACE_S = 30.0
"""After its own time-out a watch gets so long to end by itself."""
GONE = 410


class Handler(Protocol):
    """Who is told."""

    def listing(self) -> None:
        """A list begins: forget a list that was broken off."""

    def page(self, items: list[Json]) -> None:
        """Take a part of the list."""

    def listed(self) -> None:
        """The list is whole: what was in none of its pages is gone."""

    def changed(self, kind: str, item: Json) -> None:
        """Take one change: ``ADDED``, ``MODIFIED`` or ``DELETED``."""

    def missed(self, seconds: float) -> None:
        """Take note: for so long nothing was heard, and not every change in it may be seen."""


@dataclass(slots=True, kw_only=True)
class Watch:
    """One path that is watched; run :meth:`run` as a task."""

    api: ClusterApi
    path: str
    handler: Handler
    timeout_s: float
    """Each watch is asked to end after about so long (jitter is added)."""
    on_trouble: Callable[[str | None], None] = lambda _trouble: None
    """Told in one line what is wrong; None: all is well."""
    heard: float = 0.0
    """Loop time when the server was last known to answer."""
    relists: int = 0
    _version: str | None = field(default=None, init=False)
    _relist_at: float = field(default=0.0, init=False)

    async def run(self) -> None:
        """Watch until cancelled."""
        pause = Pause()
        self.heard = asyncio.get_running_loop().time()
        while True:
            try:
                await self._turn()
            except Refused as refusal:
                if refusal.status == GONE and self._version is not None:
                    self._version = None
                    continue
                self.on_trouble(f"{self.path}: {refusal}")
                await pause.wait(at_least_s=refusal.retry_after_s)
            except BrokenWorld as trouble:
                self.on_trouble(str(trouble))
                await pause.wait()
            else:
                self.on_trouble(None)
                pause.reset()

    async def _turn(self) -> None:
        """List where needed, then watch until the server ends it."""
        loop = asyncio.get_running_loop()
        if self._version is None or loop.time() >= self._relist_at:
            await self._list()
            self._relist_at = loop.time() + random.uniform(0.9, 1.1) * RELIST_S  # noqa: S311 - jitter, not a secret
        timeout = random.uniform(0.8, 1.2) * self.timeout_s  # noqa: S311 - see above
        query = {"resourceVersion": self._version or "", "timeoutSeconds": str(int(timeout) or 1)}
        async for event in self.api.watch(self.path, query, silent_s=timeout + GRACE_S):
            self._hear(loop.time())
            self._take(event)
        self._hear(loop.time())

    async def _list(self) -> None:
        version = ""
        self.handler.listing()
        async for page in self.api.pages(self.path):
            self.handler.page(page.get("items") or [])
            version = str((page.get("metadata") or {}).get("resourceVersion") or "")
        now = asyncio.get_running_loop().time()
        if self._version is None and self.relists > 0:
            self.handler.missed(now - self.heard)
        self.handler.listed()
        self._version = version
        self.relists += 1
        self._hear(now)

    def _take(self, event: Json) -> None:
        item: dict[str, Any] = event.get("object") or {}
        version = (item.get("metadata") or {}).get("resourceVersion")
        kind = str(event.get("type"))
        if kind != "BOOKMARK":
            self.handler.changed(kind, item)
        if version:
            self._version = str(version)

    def _hear(self, now: float) -> None:
        self.heard = now
        self.on_trouble(None)

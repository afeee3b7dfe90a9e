"""List, then watch, for ever: every change of a kind of object, through whatever happens.

In: the API, a path. Out: calls of a handler. A watch that ends goes on from its last version; one
that is too old (410), or that the server refuses again and again, is begun anew with a list, which
the handler compares with what it knows. The list is also made anew now and then: a server restored
from a backup answers a version from the future with silence, not with an error.
"""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from pipeline.errors import BrokenWorld
from pipeline.live.cluster.api import ClusterApi, Json, Refused
from pipeline.live.pause import Pause

RELIST_S = 1800.0
"""A list of 10,000 pods costs the server a second: not more often than twice an hour."""
GRACE_S = 30.0
"""After its own time-out a watch gets so long to end by itself."""
OPEN_S = 12.0
"""A watch says nothing while nothing happens. One that has neither been refused for so long nor
failed to connect (``api.CONNECT_S``) is open: what was wrong is over."""
SHORT_S = 1.0
"""A watch that ends sooner, in good order or not, is not begun anew without a pause."""
STEADY_S = 40.0
"""What went well for so long (longer than any answer is waited for) was well: many load balancers
cut what is silent for a minute, and each cut is a first one."""
IN_VAIN = 3
"""A version that was refused so often in a row is given up: some are refused for ever (500)."""
GONE = 410

_SAYS_NOTHING_OF_THE_VERSION = frozenset({401, 403, 429})


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
    pause: Pause = field(default_factory=Pause)
    """After trouble."""
    heard: float = 0.0
    """Loop time when the server was last known to answer."""
    relists: int = 0
    _version: str | None = field(default=None, init=False)
    _relist_at: float = field(default=0.0, init=False)
    _news: int = field(default=0, init=False)
    """Changes and bookmarks, ever."""
    _refusals: int = field(default=0, init=False)
    """In a row."""

    async def run(self) -> None:
        """Watch until cancelled."""
        try:
            await self._run()
        finally:
            self.on_trouble(None)  # whose it is now, others will tell

    async def _run(self) -> None:
        pause, loop = self.pause, asyncio.get_running_loop()
        self.heard = loop.time()
        while True:
            began, before = loop.time(), self._news
            at_once, asked = False, None
            try:
                await self._turn()
                self.on_trouble(None)
                at_once = loop.time() - began >= SHORT_S
            except Refused as refusal:
                at_once, asked = self._refused(refusal), refusal.retry_after_s
            except BrokenWorld as trouble:
                self.on_trouble(str(trouble))
            if at_once or self._news > before or loop.time() - began >= STEADY_S:
                pause.reset()
            if not at_once:
                await pause.wait(at_least_s=asked)

    def _refused(self, refusal: Refused) -> bool:
        """Give up a version that is no good; return whether to go on without a pause."""
        self._refusals += 1
        if refusal.status == GONE and self._version is not None:
            self._version = None
            return self._refusals == 1  # lists that are too old at once must not become a storm
        if self._refusals >= IN_VAIN and refusal.status not in _SAYS_NOTHING_OF_THE_VERSION:
            self._version = None
        self.on_trouble(f"{self.path}: {refusal}")
        return False

    async def _turn(self) -> None:
        """List where needed, then watch until the server ends it."""
        loop = asyncio.get_running_loop()
        if self._version is None or loop.time() >= self._relist_at:
            await self._list()
            self._relist_at = loop.time() + random.uniform(0.9, 1.1) * RELIST_S  # noqa: S311 - jitter, not a secret
        timeout = random.uniform(0.8, 1.2) * self.timeout_s  # noqa: S311 - see above
        query = {"resourceVersion": self._version or "", "timeoutSeconds": str(int(timeout) or 1)}
        is_open = loop.call_later(OPEN_S, self.on_trouble, None)
        try:
            async for event in self.api.watch(self.path, query, silent_s=timeout + GRACE_S):
                self._hear(loop.time())
                self._take(event)
        finally:
            is_open.cancel()
        self._refusals = 0
        self._hear(loop.time())

    async def _list(self) -> None:
        version = ""
        self.handler.listing()
        async for page in self.api.pages(self.path):
            self.handler.page([self._object(item) for item in page.get("items") or ()])
            version = str((page.get("metadata") or {}).get("resourceVersion") or "")
        now = asyncio.get_running_loop().time()
        if self._version is None and self.relists > 0:
            self.handler.missed(now - self.heard)
        self.handler.listed()
        self._version = version
        self.relists += 1
        self._hear(now)

    def _take(self, event: Json) -> None:
        item = self._object(event.get("object"))
        version = (item.get("metadata") or {}).get("resourceVersion")
        kind = str(event.get("type"))
        if kind != "BOOKMARK":
            self.handler.changed(kind, item)
        if version:
            self._version = str(version)
        self._news += 1
        self._refusals = 0

    def _object(self, item: object) -> Json:
        if not isinstance(item, dict):
            raise BrokenWorld(f"{self.path}: something that is no object stands for one")
        return item

    def _hear(self, now: float) -> None:
        self.heard = now
        self.on_trouble(None)

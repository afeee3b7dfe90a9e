"""One of several processes does what only one may do: leases of the cluster's API.

A lease is held by renewing it, and taken when its holder has not renewed it for its whole duration.
That is judged by our own clock from when we saw the last renewal, so that clocks need not agree.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

from pipeline import clock
from pipeline.errors import BrokenWorld
from pipeline.live.cluster.api import ClusterApi, Json, Refused

DURATION_S = 15
"""A holder that is silent for so long has lost the lease: the usual figure of the API's own
components."""
RENEW_S = 5.0
GIVE_UP_S = 10.0
"""A holder that could not renew for so long stops its work: before another may begin."""
RETRY_S = 1.0
"""After trouble a holder tries again so soon."""
RELEASE_S = 1.0
"""Giving a lease back is a courtesy: it runs out by itself."""

_PEERS = "aftershock/ingest-processes"
"""Label that says in how many the work is shared."""
_NOT_FOUND, _CONFLICT = 404, 409


@dataclass(slots=True, kw_only=True)
class Lease:
    """One lease that this process tries to hold; run :meth:`run` as a task."""

    api: ClusterApi
    namespace: str
    name: str
    holder: str
    """Who we are: unique to this process."""
    peers: int | None = None
    """How many processes share the work. The lease is not taken while processes that share it in
    another number hold theirs: two of them could have the same pod. None: it does not matter."""
    ends_with_work: bool = False
    """The lease is for work that ends by itself."""
    held: bool = False
    on_trouble: Callable[[str | None], None] = lambda _trouble: None
    on_lost: Callable[[str], None] = lambda _why: None
    """Told in one line why the work has to stop."""
    _seen: dict[str, tuple[str, float]] = field(default_factory=dict, init=False)
    """Version of each lease, and the loop time when it was last seen to change."""
    _renewed_at: float = field(default=0.0, init=False)
    _trouble: str | None = field(default=None, init=False)
    """Why it could not be looked at last time."""

    @property
    def path(self) -> str:
        """Where the lease is."""
        return f"{self._collection}/{self.name}"

    @property
    def _collection(self) -> str:
        return f"/apis/coordination.k8s.io/v1/namespaces/{self.namespace}/leases"

    async def run(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do the work whenever the lease is held, stop it when it is lost; until cancelled.

        Who runs this gives the lease back (:meth:`release`) when nothing of the work is left.
        """
        task: asyncio.Task[None] | None = None
        try:
            while True:
                await self._turn()
                if self.held and task is None:
                    task = asyncio.ensure_future(_awaited(work))
                if not self.held and task is not None:
                    self.on_lost(f"lease {self.name} is lost: {self._why_lost}")
                    await _stopped(task)
                    task = None
                await self._until_next(task)
                if task is not None and task.done():
                    task.result()  # what went wrong in it, went wrong here
                    if self.ends_with_work:
                        return
        finally:
            self.on_trouble(None)
            if task is not None:
                await _stopped(task)

    async def release(self) -> None:
        """Let the next one begin at once."""
        if not self.held:
            return
        self.held = False
        with suppress(Refused, BrokenWorld, TimeoutError):
            async with asyncio.timeout(RELEASE_S):
                lease = await self.api.get(self.path)
                if (lease.get("spec") or {}).get("holderIdentity") == self.holder:
                    lease["spec"]["holderIdentity"] = ""
                    await self.api.send("PUT", self.path, lease)

    @property
    def _why_lost(self) -> str:
        if self._trouble is None:
            return "another process has taken our place"
        return f"it could not be renewed, and another process may take our place ({self._trouble})"

    @property
    def _until(self) -> float:
        """Loop time at which a holder gives up."""
        return self._renewed_at + GIVE_UP_S

    async def _until_next(self, task: "asyncio.Task[None] | None") -> None:
        """Wait until the lease is to be looked at again, or the work has ended."""
        seconds = random.uniform(0.8, 1.0) * RENEW_S  # noqa: S311 - jitter, not a secret
        if self.held:
            seconds = RETRY_S if self._trouble is not None else seconds
            seconds = max(0.0, min(seconds, self._until - asyncio.get_running_loop().time()))
        if task is None or task.done():
            await asyncio.sleep(seconds)
        else:
            await asyncio.wait({task}, timeout=seconds)

    async def _turn(self) -> None:
        """Take the lease or renew it, where that may be."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        try:
            async with asyncio.timeout_at(self._until if self.held else now + GIVE_UP_S):
                held = await self._tried(now)
                if self.held and not held:  # or somebody else has only touched it
                    held = await self._tried(now)
        except (Refused, BrokenWorld, TimeoutError) as trouble:
            self._trouble = str(trouble) or "no answer"
            self.on_trouble(f"lease {self.name}: {self._trouble}")
            if loop.time() >= self._until:
                self.held = False
            return
        self._trouble = None
        self.on_trouble(None)
        self.held = held
        if held:
            self._renewed_at = now

    async def _tried(self, now: float) -> bool:
        try:
            lease = await self.api.get(self.path)
        except Refused as refusal:
            if refusal.status != _NOT_FOUND:
                raise
            if await self._others(now):
                return False
            return await self._written("POST", self._collection, self._new())
        spec = lease.get("spec") or {}
        holder = spec.get("holderIdentity") or ""
        if holder != self.holder and (self._is_live(lease, now) or await self._others(now)):
            return False
        stamp = _micro(clock.now())
        if holder != self.holder:
            spec["leaseTransitions"] = int(spec.get("leaseTransitions") or 0) + 1
            spec["acquireTime"] = stamp
        spec |= {
            "holderIdentity": self.holder,
            "renewTime": stamp,
            "leaseDurationSeconds": DURATION_S,
        }
        lease["spec"] = spec
        lease["metadata"]["labels"] = (lease["metadata"].get("labels") or {}) | self._labels
        return await self._written("PUT", self.path, lease)

    async def _others(self, now: float) -> bool:
        """Tell whether somebody shares the work in another number, and is at it."""
        if self.peers is None:
            return False
        found = await self.api.get(self._collection, {"labelSelector": _PEERS})
        number = str(self.peers)
        return any(
            self._is_live(lease, now)
            for lease in found.get("items") or ()
            if (lease["metadata"].get("labels") or {}).get(_PEERS) != number
        )

    def _is_live(self, lease: Json, now: float) -> bool:
        """Tell whether somebody holds a lease, as far as we have seen."""
        name, version = (str(lease["metadata"].get(k)) for k in ("name", "resourceVersion"))
        if self._seen.get(name, ("", 0.0))[0] != version:
            self._seen[name] = version, now
        is_held = bool((lease.get("spec") or {}).get("holderIdentity"))
        return is_held and now - self._seen[name][1] < DURATION_S

    @property
    def _labels(self) -> dict[str, str]:
        return {} if self.peers is None else {_PEERS: str(self.peers)}

    async def _written(self, method: str, path: str, lease: Json) -> bool:
        try:
            await self.api.send(method, path, lease)
        except Refused as refusal:
            if refusal.status == _CONFLICT:
                return False  # another was a moment faster
            raise
        return True

    def _new(self) -> Json:
        stamp = _micro(clock.now())
        return {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {
                "name": self.name,
                "namespace": self.namespace,
                "labels": self._labels,
            },
            "spec": {
                "holderIdentity": self.holder,
                "leaseDurationSeconds": DURATION_S,
                "acquireTime": stamp,
                "renewTime": stamp,
                "leaseTransitions": 0,
            },
        }


async def _awaited(work: Callable[[], Awaitable[None]]) -> None:
    await work()


async def _stopped(task: "asyncio.Task[None]") -> None:
    task.cancel()
    await asyncio.wait({task})  # not the task itself: its end is not to be taken for ours
    if not task.cancelled():
        task.result()


def _micro(time: datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S.%fZ")

"""The role ``ingest``: watches, followers and queries, wired to one outbox.

In: settings and flow. It first finds out what was published before (``positions``), then reads on
from there until it is told to stop; stopping remembers positions, so that the next start goes on.
"""

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress

from pipeline.errors import AftershockError, UsageError
from pipeline.flow import Flow
from pipeline.health import Health
from pipeline.live.at_work import Ingest, Troubles, lease_namespace, lease_of
from pipeline.live.cluster.access import check_access
from pipeline.live.cluster.api import ClusterApi
from pipeline.live.cluster.lease import Lease
from pipeline.live.metrics.queries import Query
from pipeline.live.metrics.reading import queries_of
from pipeline.live.outbox.outbox import Outbox
from pipeline.live.outbox.positions import restore
from pipeline.live.redacting import Redacting
from pipeline.live.seen import Counting
from pipeline.live.shards import Shard, shard_of
from pipeline.live.shared import Shared, path_of
from pipeline.settings import Settings

LOOK_S = 0.1
WAIT_TOLD_S = 5.0
"""A lease that nobody holds is had within moments; longer waiting is told."""


def namespaces_of(settings: Settings) -> tuple[str | None, ...]:
    """Return the namespaces to watch one by one; (None,): all at once."""
    if settings.ingest.cluster.namespaces:
        return settings.ingest.cluster.namespaces
    named = [instance.parameters.get("namespace") for instance in settings.applications]
    return tuple(sorted({name for name in named if name})) if all(named) else (None,)


async def run_ingest(
    settings: Settings,
    flow: Flow,
    *,
    stop: asyncio.Event,
    health: Health,
    say: Callable[[str], None],
) -> None:
    """Read a cluster until told to stop; ``say`` is told in one line what a person should know.

    Raises:
        UsageError: the cluster, the query set, or which process this is, cannot be used.
        AftershockError: we may not read.
        BrokenWorld: at the start no API server, or no broker, answers (later: waited for).
    """
    shard = shard_of(settings.ingest.shard, socket.gethostname())
    if shard.of > 1 and lease_namespace(settings) is None:
        raise UsageError("several ingest processes need a place for leases: ingest.lease_namespace")
    namespaces = namespaces_of(settings)
    queries = queries_of(settings, namespaces)
    async with ClusterApi(settings.ingest.cluster) as api:
        start = Start(settings, flow, api=api, shard=shard, health=health, say=say)
        main = asyncio.ensure_future(start.run(namespaces, queries, stop))
        stopping = asyncio.ensure_future(stop.wait())
        try:
            await asyncio.wait({main, stopping}, return_when=asyncio.FIRST_COMPLETED)
            while not main.done():
                if not start.is_at_work:  # else it looks at `stop` itself, and has things to finish
                    main.cancel()
                await asyncio.wait({main}, timeout=LOOK_S)
            with suppress(asyncio.CancelledError):
                await main
        except BaseExceptionGroup as group:
            _raise_what_is_told(group)
            raise
        finally:
            main.cancel()
            stopping.cancel()


class Start:
    """From nothing to an ingest process at work."""

    def __init__(
        self,
        settings: Settings,
        flow: Flow,
        *,
        api: ClusterApi,
        shard: Shard,
        health: Health,
        say: Callable[[str], None],
    ) -> None:
        self._settings, self._flow, self._api = settings, flow, api
        self._shard, self._health, self._say = shard, health, say
        self._troubles = Troubles()
        self.is_at_work = False
        """Whether something has been read that must be finished."""

    async def run(
        self,
        namespaces: tuple[str | None, ...],
        queries: tuple[Query, ...],
        stop: asyncio.Event,
    ) -> None:
        """Find out whether we may, and whether it is our turn; then work until told to stop."""
        paths = {path_of(what, each): what for what in ("pods", "events") for each in namespaces}
        await check_access(self._api, paths)

        async def work() -> None:
            await self._work(namespaces, queries, stop)

        if self._shard.of == 1:
            await work()
            return
        lease = self._place()
        waiting = asyncio.get_running_loop().call_later(WAIT_TOLD_S, self._tell_waiting, lease)
        try:
            await lease.run(work)
        finally:
            waiting.cancel()
            await lease.release()

    async def _work(
        self,
        namespaces: tuple[str | None, ...],
        queries: tuple[Query, ...],
        stop: asyncio.Event,
    ) -> None:
        """Find out what was published, by now and by whoever had our pods; then read on."""
        settings, source = self._settings, self._source
        restored = await asyncio.to_thread(restore, settings.kafka, source)
        outbox = Outbox(settings, source, offsets=restored.offsets)
        redactor = self._flow.redactor()
        shared = Shared(
            settings=settings,
            flow=self._flow,
            router=self._flow.router(),
            redactor=redactor,
            api=self._api,
            outbox=outbox,
            sink=Counting(Redacting(outbox, redactor)),
            shard=self._shard,
            source=source,
            namespaces=namespaces,
            trouble=self._troubles.note,
            say=self._say,
        )
        ingesting = Ingest(
            shared, restored, health=self._health, troubles=self._troubles, queries=queries
        )
        self.is_at_work = True
        try:
            await ingesting.run(stop)
        finally:
            self.is_at_work = False

    def _place(self) -> Lease:
        """Return the lease on our shard: whoever else has our number must wait."""
        name = f"{self._source}-pods"
        lease = lease_of(self._settings, self._api, name, on_trouble=self._lease_trouble)
        lease.peers = self._shard.of
        lease.ends_with_work = True
        lease.on_lost = self._lost
        return lease

    def _lease_trouble(self, trouble: str | None) -> None:
        self._troubles.note("lease pods", trouble)
        if not self.is_at_work:
            self._health.trouble(trouble)

    def _lost(self, why: str) -> None:
        """Tell that we stop; when it is our turn again, what was published is found out anew."""
        self._say(why)
        self._health.waiting(why)

    def _tell_waiting(self, lease: Lease) -> None:
        if not self.is_at_work and not lease.held:
            what = (
                f"waits: another process is {self._source}, or shares the work in another number"
                f" (lease {lease.name})"
            )
            self._health.waiting(what)
            self._say(what)

    @property
    def _source(self) -> str:
        return f"{self._settings.ingest.source}-{self._shard.number}"


def _raise_what_is_told(group: BaseExceptionGroup[BaseException]) -> None:
    """Raise what a person can act on, out of a group that holds nothing else.

    Raises:
        AftershockError: the first of them.
    """
    told, bugs = group.split(AftershockError)
    while isinstance(told, BaseExceptionGroup) and bugs is None:
        first = told.exceptions[0]
        if isinstance(first, AftershockError):
            raise first from None
        told = first

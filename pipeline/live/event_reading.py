"""Watches of events, by one process at a time; what a long silence has hidden is told as gaps."""

import asyncio
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from pipeline import clock
from pipeline.live.cluster.watch import Watch
from pipeline.live.events import Events
from pipeline.live.outbox.positions import restored_queries, seen_events
from pipeline.live.pause import in_the_end
from pipeline.live.shared import Shared, path_of
from pipeline.records import Gap

KEPT = timedelta(minutes=55)
"""The API server keeps events for an hour: after a longer silence some were never seen."""
EVENTS = "events"
"""Name of the position of events, beside those of queries: up to when they are known to be
complete."""
LOOKED_BACK = timedelta(hours=2)
"""How far back events are looked for that were published: all that the server may still list."""


@dataclass(slots=True, kw_only=True)
class EventReading:
    """Reads events while :meth:`run` runs; it may be run again."""

    shared: Shared
    machine_of: Callable[[str | None, str], str | None]
    nodes: Callable[[], Iterable[str]]
    """All nodes that events may be about, as far as is known."""
    counts: Counter[str] = field(default_factory=Counter)
    is_listed: bool = False
    _watches: list[Watch] = field(default_factory=list, init=False)

    async def run(self) -> None:
        """Watch until cancelled."""
        # asked now and not at the start of the process: others have read since
        kafka, told = self.shared.settings.kafka, partial(self.shared.trouble, EVENTS)
        since = clock.now() - LOOKED_BACK
        published, positions = await asyncio.gather(
            in_the_end(partial(seen_events, kafka, since), told),
            in_the_end(partial(restored_queries, kafka), told),
        )
        seen = OrderedDict(published)
        if EVENTS in positions:
            self._missed((clock.now() - positions[EVENTS]).total_seconds())
        self._watches = [self._watch(namespace, seen) for namespace in self.shared.namespaces]
        try:
            async with asyncio.TaskGroup() as group:
                for watch in self._watches:
                    group.create_task(watch.run())
        finally:
            self._watches = []

    def position(self) -> datetime | None:
        """Return up to when all events are read; None: another process reads them, or none yet."""
        if not self._watches or not all(watch.relists for watch in self._watches):
            return None
        self.is_listed = True
        silent = asyncio.get_running_loop().time() - min(watch.heard for watch in self._watches)
        # a watch is silent while nothing happens, and ends by itself before it can be dead
        alive = silent < 2 * self.shared.settings.ingest.cluster.watch_timeout_s
        return clock.now() - timedelta(seconds=0 if alive else silent)

    def _watch(self, namespace: str | None, seen: OrderedDict[str, int]) -> Watch:
        path = path_of("events", namespace)
        events = Events(
            sink=self.shared.sink,
            router=self.shared.router,
            machine_of=self.machine_of,
            on_missed=self._missed,
            seen=seen,
            counts=self.counts,
        )
        return Watch(
            api=self.shared.api,
            path=path,
            handler=events,
            timeout_s=self.shared.settings.ingest.cluster.watch_timeout_s,
            on_trouble=lambda trouble: self.shared.trouble(path, trouble),
        )

    def _missed(self, seconds: float) -> None:
        """Tell of a gap at all nodes, where the server no longer has what happened meanwhile."""
        now = clock.now()
        since = now - timedelta(seconds=seconds)
        if now - since < KEPT:
            return
        for node in sorted(self.nodes()):
            self.shared.sink.gap(
                Gap(
                    source=self.shared.source,
                    node=node,
                    signal="event",
                    since=since,
                    until=now - KEPT,
                    reason="not-followed",
                    what="events were not watched, and the API server keeps them for an hour only",
                )
            )

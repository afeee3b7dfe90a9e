"""The log of one container → observations, through restarts, rotations and broken connections.

A stream that ends or breaks is opened again from the last known line (``cursor``); what comes twice
is passed over. After a restart of the container the log of the instance before is read to its end
first. News of the pod (it is going, a container has ended) cut every waiting short: the last lines
are the ones that matter, and are there for seconds only. What is lost all the same is a gap.

A log is asked for by the name of its pod, and names come again. So nothing is asked for once the
pod is known to be gone: the answer would be another's. What is open then is read to its end.
"""

import asyncio
import random
from collections import Counter, deque
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from pipeline import clock
from pipeline.errors import BrokenWorld
from pipeline.live.cluster.api import ClusterApi, Refused, Silence
from pipeline.live.logs.cursor import Cursor
from pipeline.live.logs.lines import LiveLog
from pipeline.live.logs.pods import ContainerView, PodView
from pipeline.live.logs.slots import Slots
from pipeline.live.pause import Pause
from pipeline.live.sink import Sink
from pipeline.records import Gap, LogPosition
from pipeline.settings_ingest import LogSettings

SETTLE_S = 3.0
"""A stream has ended, the pod's status says nothing of it yet: so long it is waited for."""
LINGER_S = 12.0
"""A container that has ended may come again at once, and what it is missing is told after
``lines.ROTATED_TOLD_S``; then its follower ends."""
LAST_WORDS_S = 30.0
"""A pod that was deleted by force is gone before its containers are: what they write is read for as
long as they are given by default."""
IN_VAIN = 8
"""Refused so often in a row (over a minute), the log of an ended pod is no longer there."""
QUIET_S = 1.0
"""A stream without a byte for so long holds nothing back: its reader has caught up."""
LAG = timedelta(seconds=2)
"""A line younger than this is no backlog."""
HELD_S = 60.0
"""As long as a silent source is waited for (``windows.source_timeout_s``): one kubelet that is away
must not stop the time of all."""
MAX_OPENINGS = 16
"""Streams that are remembered until the watch of pods tells which instance they were of: it is
seconds late at most while the server answers, and streams are not opened more often than that."""

_BAD_REQUEST, _NOT_FOUND = 400, 404
_NOT_ABOUT_THE_LOG = frozenset({401, 403, 429})


@dataclass(slots=True, kw_only=True)
class Follower:
    """Follows one container of one pod; run :meth:`run` as a task until it returns."""

    api: ClusterApi
    sink: Sink
    log: LiveLog
    """What becomes of its lines."""
    slots: Slots
    settings: LogSettings
    pod: PodView
    container: str
    source: str
    counts: Counter[str]
    gone: bool = False
    """The pod is no more."""
    drained: bool = False
    """The newest instance that we know of has ended, and its log is read to the end."""
    _news: asyncio.Event = field(default_factory=asyncio.Event, init=False)
    _lost_at: datetime | None = field(init=False)
    """Since when we may have missed lines; None: connected."""
    _waited_for: float = field(init=False)
    """Loop time until which its backlog holds the marks back."""
    _last_chunk: float = field(default=0.0, init=False)
    _cut: asyncio.Timeout | None = field(default=None, init=False)
    """Ends the stream that is followed."""
    _openings: deque[tuple[LogPosition | None, datetime | None]] = field(
        default_factory=lambda: deque(maxlen=MAX_OPENINGS), init=False
    )
    """Of the last streams: the position at which each was opened, the time of its first news."""
    _inherited: datetime | None = field(default=None, init=False)
    """Youngest line of the instance before: the log of this one need not have it."""
    _clean: bool = field(default=False, init=False)
    """The last thing done was to read all that the container had written."""
    _blocked: bool = field(default=False, init=False)
    """There is no room for what it reads."""
    _lingered: bool = field(default=False, init=False)
    """Nothing new was heard of a container whose log was read to its end."""
    _vain: int = field(default=0, init=False)
    """Refusals in a row."""
    _known: ContainerView | None = field(init=False)
    """The container as it was last seen: evicted pods may lose their statuses."""

    def __post_init__(self) -> None:
        self._known = self._seen()
        self._lost_at = self._missing_since()
        self._waited_for = asyncio.get_running_loop().time() + HELD_S

    @property
    def cursor(self) -> Cursor:
        """How far it has come."""
        return self.log.cursor

    def position(self) -> LogPosition | None:
        """Return the position to remember; None: no line is known."""
        position = self.cursor.position()
        return None if position is None else position.model_copy(update={"ended": self.drained})

    def update(self, pod: PodView) -> None:
        """Take note of the pod's state."""
        if pod == self.pod:
            return
        self.pod = pod
        self._known = self._seen() or self._known
        self._news.set()
        view = self._view()
        if view is not None and view.restarts > self.cursor.restarts:
            # the stream of the old instance ends by itself; one of the new instance must wait
            # until the last lines of the old one are read
            self._cut_in(SETTLE_S)

    def vanish(self) -> None:
        """Take note that the pod is no more."""
        self.gone = True
        self._news.set()
        self._cut_in(LAST_WORDS_S)

    def make_way(self, began: datetime | None) -> LogPosition | None:
        """End: another pod has the name, and its container ``began`` then.

        While nobody told us of it, we may have read on in its log. Return how far, if we did.
        """
        self.vanish()
        self._cut_in(0.0)
        newest = self.cursor.newest
        if began is None or newest is None or newest < began:
            return None
        return self.cursor.position()

    def behind(self, now: datetime, at: float) -> datetime | None:
        """Return the event time up to which its lines are known; None: it holds nothing back.

        ``now`` is the wall time, ``at`` the loop's. A log that cannot be read for :data:`HELD_S` is
        no longer waited for: what it brings later is late. One that there is no room for is.
        """
        reached = self._lost_at
        if reached is None and (self._blocked or at - self._last_chunk <= QUIET_S):
            reached = self.cursor.newest
        if self.drained or self._blocked or reached is None or reached > now - LAG:
            self._waited_for = at + HELD_S
        if self.drained or reached is None or reached > now - LAG:
            return None
        return reached if at < self._waited_for else None

    async def run(self) -> None:
        """Follow until the container's last line is read, or is out of reach."""
        pause = Pause()
        while not self._finished():
            self._news.clear()
            try:
                await self._turn()
            except Silence:
                self._lost_at = None  # as far as we know nothing has been written
            except (Refused, BrokenWorld) as trouble:
                if self._lost_at is None:
                    pause.reset()  # it was open: this is a new trouble
                self._lost(trouble)
                asked = trouble.retry_after_s if isinstance(trouble, Refused) else None
                if not self.gone:
                    await pause.wait(at_least_s=asked, news=self._news)
            else:
                pause.reset()
                if self._finished():
                    return
                await self._settle()

    async def _turn(self) -> None:
        """Read what there is: the instance before, where it is new to us; then this one."""
        view = self._view()
        if view is None or not view.started:
            return
        if view.restarts > self.cursor.restarts:
            await self._read_previous(view)
        if self.cursor.restarts != view.restarts:
            self._begin(view)
        if self.drained:
            return
        if view.running:
            await self._follow(view)
            latest = self._view()
            if self.gone or (latest is not None and latest.restarts != view.restarts):
                return
        # the API server ends a stream in good order even where the kubelet broke it off; and the
        # last lines may be there for moments only
        async with self.slots.reads:
            await self._stream(view, follow=False)
        self._vain = 0
        self._lost_at = clock.now()
        latest = self._view()
        if latest is not None and latest.restarts == view.restarts:
            self.drained = not view.running

    def _begin(self, view: ContainerView) -> None:
        """Go on to the instance that the pod tells of."""
        if self.drained:
            self._lost_at = self._missing_since()
        self.cursor.restarts = view.restarts
        self._inherited = self.cursor.newest
        self.log.forgive()
        self.drained = False

    async def _follow(self, view: ContainerView) -> None:
        """Read the running instance while it writes, until the stream ends or news cut it."""
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(None) as self._cut, self.slots.stream():
                    await self._stream(view, follow=True)
        finally:
            self._cut = None

    def _cut_in(self, seconds: float) -> None:
        """End the stream that is followed, if there is one, after so long at most."""
        at = asyncio.get_running_loop().time() + seconds
        cut = self._cut
        if cut is None or cut.expired():
            return
        before = cut.when()
        if before is None or at < before:
            cut.reschedule(at)

    async def _read_previous(self, view: ContainerView) -> None:
        """Read the instance before to its end: its last lines say why it ended."""
        skipped = view.restarts - self.cursor.restarts > 1
        if self.drained and not skipped:
            return
        ahead, newest = self.cursor, self.cursor.newest
        self.log.cursor = self._cursor_before(view.began)
        try:
            async with self.slots.reads:
                await self._stream(view, follow=False, previous=True)
        except Refused as refusal:
            if refusal.status not in {_BAD_REQUEST, _NOT_FOUND}:
                raise
            if newest is not None and not skipped:
                self._gap("the log of the instance before is no longer there")
        finally:
            self.log.cursor = ahead
        self._openings.clear()
        if newest is not None and skipped:
            what = "container restarted more than once while its log was not followed"
            self._gap(what, since=newest)

    def _cursor_before(self, began: datetime | None) -> Cursor:
        """Return the cursor as it stood before the running instance's first line.

        A stream may have been opened, and have read on in the new instance, before the watch of
        pods told of the restart. Such a stream's news begin after the instance did.
        """
        for position, news in self._openings:
            if began is not None and news is not None and news >= began:
                cursor = Cursor.of(position)
                cursor.restarts = self.cursor.restarts
                return cursor
        return self.cursor

    async def _stream(self, view: ContainerView, *, follow: bool, previous: bool = False) -> None:
        loop = asyncio.get_running_loop()
        same = self.cursor.restarts == view.restarts - (1 if previous else 0)
        must_overlap = same and self.cursor.newest != self._inherited
        self.log.reread(must_overlap=must_overlap)
        silent = random.uniform(0.8, 1.2) * self.settings.idle_s  # noqa: S311 - jitter, not a secret
        self._clean = False
        before = self.cursor.position()
        query = self._query(view, follow=follow, previous=previous)
        async with AsyncExitStack() as stack:
            stack.callback(self.log.tell_dropped)
            if not previous:
                stack.callback(lambda: self._openings.append((before, self.log.first_news)))
            async with self.slots.opening(self._opened):
                if self.gone:
                    raise BrokenWorld(f"pod {self.pod.key} is gone")
                began = loop.time()
                stream = self.api.log(self.pod.namespace, self.pod.name, query, silent_s=silent)
                try:
                    chunks = await stack.enter_async_context(stream)
                except Silence as silence:
                    if loop.time() - began < silent:  # not even a connection
                        raise BrokenWorld(str(silence)) from silence
                    raise
            self._opened()
            self._last_chunk = loop.time()
            async for chunk in chunks:
                self._last_chunk = loop.time()
                self.log.feed(chunk, self._last_chunk)
                await self._room()
            self.log.end()
        self._clean = not follow

    def _query(self, view: ContainerView, *, follow: bool, previous: bool) -> dict[str, str]:
        query = {"container": self.container, "timestamps": "true"}
        query |= {"follow": "true"} if follow else {}
        query |= {"previous": "true"} if previous else {}
        since = self.cursor.since or self._first_look(None if previous else view.began)
        if since is not None:
            query["sinceTime"] = since.strftime("%Y-%m-%dT%H:%M:%SZ")
        return query

    async def _room(self) -> None:
        self._blocked = True
        try:
            await self.sink.room("log")
        finally:
            self._blocked = False

    def _opened(self) -> None:
        """Note that lines come as they are written."""
        self._lost_at = None

    def _first_look(self, began: datetime | None) -> datetime | None:
        """Return how far back a log is read that was never read; None: from its beginning."""
        earliest = clock.now() - timedelta(seconds=self.settings.first_look_s)
        return None if began is not None and began >= earliest else earliest

    def _missing_since(self) -> datetime:
        """Return since when lines may be missing, before anything is read."""
        now, view = clock.now(), self._view()
        began = None if view is None else view.began
        if self.drained:
            return began or now
        return self.cursor.newest or self._first_look(began) or began or now

    async def _settle(self) -> None:
        """Wait for news of the pod: a moment where a stream has ended, longer where all is read."""
        seconds = LINGER_S if self.drained else SETTLE_S
        view = self._view()
        with suppress(TimeoutError):
            idle = view is None or not view.started
            await asyncio.wait_for(self._news.wait(), None if idle else seconds)
        self._lingered = self.drained and not self._news.is_set()

    def _finished(self) -> bool:
        """Say whether nothing more will come; tell what is out of reach."""
        view = self._view()
        restarted = view is not None and view.restarts > self.cursor.restarts
        read = (self.drained or self._clean) and not restarted
        if self.gone:
            self.log.tell_rotated()
            if view is not None and view.started and not read:
                self._gap("the pod is gone, and its last lines may not have been read")
            return True
        if self.drained and not restarted and (self.pod.ended or self._lingered):
            self.log.tell_rotated()
            return True
        if self.pod.ended and view is not None and self._vain >= IN_VAIN:
            self._gap("the log of a pod that has ended cannot be read any more")
            self.drained, self.cursor.restarts = True, view.restarts
            return True
        return False

    def _lost(self, trouble: Exception) -> None:
        """Remember since when nothing is heard, and why."""
        why = f"refused_{trouble.status}" if isinstance(trouble, Refused) else "broken"
        if isinstance(trouble, Refused) and trouble.status not in _NOT_ABOUT_THE_LOG:
            self._vain += 1
        self.counts[f"log_streams_{why}"] += 1
        if self._lost_at is None:
            self._lost_at = self.cursor.newest or clock.now()

    def _seen(self) -> ContainerView | None:
        return next((c for c in self.pod.containers if c.name == self.container), None)

    def _view(self) -> ContainerView | None:
        """Return the container as it is, as far as we know."""
        view = self._known
        if view is not None and view.running and self.pod.ended:
            return replace(view, running=False)
        return view

    def _gap(self, what: str, *, since: datetime | None = None) -> None:
        node, now = self.log.node, clock.now()
        since = min(since or self.cursor.newest or self._lost_at or now, now)
        self.counts["gaps"] += 1
        if node is not None:
            where = f"{self.pod.namespace}/{self.pod.name}/{self.container}"
            gap = Gap(
                source=self.source,
                node=node,
                signal="log",
                since=since,
                until=now,
                reason="not-followed",
                what=f"{where}: {what}",
            )
            self.sink.gap(gap)

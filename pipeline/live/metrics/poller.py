"""Queries → observations in the sink, again and again: the source of metrics.

A task a query, four questions at once. Where the sink has no room, it waits: Prometheus keeps the
samples. After an interruption a query goes on where it stopped, at most ``back_s`` ago; what is
older is told as a gap. A query that Prometheus refuses is told once, asked again seldom, and holds
nothing up.
"""

import asyncio
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from pipeline import clock
from pipeline.ingest.route import Router, identity_of
from pipeline.live.metrics.answer import Answer
from pipeline.live.metrics.prometheus import Away, BadQuery, Prometheus, TooLarge
from pipeline.live.metrics.queries import Query
from pipeline.live.metrics.samples import Key, Memory, Over, Taken
from pipeline.live.metrics.windows import LONGEST_S, OVERLAP_S, Pace, Window
from pipeline.live.pause import Pause
from pipeline.live.sink import Sink
from pipeline.records import Gap, GapReason
from pipeline.settings_ingest import PrometheusSettings

AT_ONCE = 4
"""Questions; a Prometheus answers 20 at once by default, and others ask too."""
BAD_RETRY_S = 600.0
"""A refused query is asked again after so long: series that clash may have gone."""
HELD_S = 60.0
"""A query that fails is waited for so long (as a silent source is): then time goes on without it,
and what it brings later is late. An hour without Prometheus must not be one without logs."""
SHORTEST_S = 2 * OVERLAP_S
"""A window is cut in half until its answer is small enough, or it is as short as this."""
ROOM_FOR = 500
"""Samples that are put at once, some 10 ms of work, before others have a turn."""
MAX_BLIND = 10_000
"""Nodes that are known to have been told of a gap: some 200 bytes each."""


@dataclass(slots=True)
class _Job:
    """One query on its way through time."""

    query: Query
    pace: Pace
    memory: Memory
    position: datetime
    longest_s: float = LONGEST_S
    bad: str | None = None
    """Why Prometheus will not answer it."""
    failing_since: float | None = None
    """Loop time of the first failure in a row."""
    skipped: Window | None = None
    """Not read and too long ago; told of while catching up: so it is known what it was about."""
    over: dict[Key, str | None] = field(default_factory=dict)
    """Series beyond the limit, with their nodes."""
    series: int = 0
    """Beyond the limit in the last answer."""


@dataclass(kw_only=True)
class MetricsPoller:
    """The source; run :meth:`run` as a task. All of it belongs to the event loop's thread."""

    queries: Sequence[Query]
    prometheus: Prometheus
    settings: PrometheusSettings
    sink: Sink
    router: Router
    source: str
    """Name of the source, for its gaps."""
    start: Mapping[str, datetime] = field(default_factory=dict)
    """Positions to go on from, as :meth:`positions` gave them."""
    on_trouble: Callable[[str | None], None] = lambda _trouble: None
    """Told in one line what is wrong with the server; None: all is well."""
    tell: Callable[[str], None] = lambda _line: None
    """Told in one line, once, what is wrong with a query, and that it is well again."""
    clock: Callable[[], datetime] = clock.now
    counts: Counter[str] = field(default_factory=Counter, init=False)
    """What happened so far: ``observations``, ``unmapped``, ``failed_queries``, ``bad_queries``,
    and whatever :class:`Taken` counts; ``series_over_limit`` is as of now."""
    _jobs: list[_Job] = field(default_factory=list, init=False)
    _troubles: dict[str, str] = field(default_factory=dict, init=False)
    _told: str | None = field(default=None, init=False)
    _progress: datetime | None = field(default=None, init=False)
    _blind: dict[str, datetime] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        target = self._target()
        self._jobs = [self._job(query, target) for query in self.queries]
        self._permits = asyncio.Semaphore(AT_ONCE)

    async def run(self) -> None:
        """Ask until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for job in self._jobs:
                tasks.create_task(self._follow(job), name=f"query {job.query.id}")

    def positions(self) -> dict[str, datetime]:
        """Return the time of each query before which all has been put into the sink."""
        return {job.query.id: job.position for job in self._jobs}

    def progress(self) -> datetime:
        """Return the event time before which nothing more will come, as far as is known.

        A query that has failed for :data:`HELD_S` and refused ones are not waited for.
        """
        held = [job.position for job in self._jobs if self._is_waited_for(job)]
        if not held:
            held = [job.pace.begun(self._target()) for job in self._jobs]
        reached = min(held)
        self._progress = reached if self._progress is None else max(self._progress, reached)
        return self._progress

    def usual_lag(self) -> timedelta:
        """Return how far :meth:`progress` is behind the clock while all is well."""
        longest_s = max((job.pace.every_s for job in self._jobs), default=0.0)
        return timedelta(seconds=longest_s + self.settings.delay_s + OVERLAP_S)

    def bad_queries(self) -> dict[str, str]:
        """Return the queries that are refused, each with Prometheus' own words."""
        return {job.query.id: job.bad for job in self._jobs if job.bad is not None}

    def _job(self, query: Query, target: datetime) -> _Job:
        every_s = query.every_s or self.settings.every_s
        pace = Pace(every_s, self.settings.back_s, aligned=query.kind == "expression")
        labels = frozenset(self.settings.replica_labels)
        memory = Memory(query, labels, every_s)
        position = min(self.start.get(query.id) or pace.begun(target), target)
        return _Job(query, pace, memory, position)

    def _target(self) -> datetime:
        """Return the time up to which samples can be asked for, by the server's own clock."""
        return self.clock() + self.prometheus.ahead - timedelta(seconds=self.settings.delay_s)

    def _is_waited_for(self, job: _Job) -> bool:
        if job.bad is not None:
            return False
        since = job.failing_since
        return since is None or asyncio.get_running_loop().time() - since < HELD_S

    async def _follow(self, job: _Job) -> None:
        """Ask one query for ever: now, and then at moments of its own."""
        pause = Pause()
        while True:
            try:
                await self._catch_up(job)
            except BadQuery as refusal:
                self._refused(job, str(refusal))
                await asyncio.sleep(BAD_RETRY_S)
            except Away as trouble:
                self._failed(job, str(trouble))
                await pause.wait(at_least_s=trouble.retry_after_s)
            else:
                pause.reset()
                self._went_well(job)
                await asyncio.sleep(self._until_next(job))

    def _until_next(self, job: _Job) -> float:
        """Return seconds to the next question; queries are spread over their interval."""
        every_s = job.pace.every_s
        phase = zlib.crc32(job.query.id.encode()) / 2**32
        if job.pace.aligned:  # its times are multiples: soon after one, as far as it goes
            seconds = self._target().timestamp()
            return every_s - seconds % every_s + phase * min(1.0, every_s / 10)
        return every_s - (asyncio.get_running_loop().time() - phase * every_s) % every_s

    async def _catch_up(self, job: _Job) -> None:
        """Ask for all that is due, window by window."""
        target = self._target()
        jumped = job.pace.jumped(job.position, target)
        if jumped > job.position:
            job.skipped = Window(job.skipped.since if job.skipped else job.position, jumped)
            job.position = jumped
        while (window := job.pace.due(job.position, target, job.longest_s)) is not None:
            try:
                async with self._permits:  # for the answer, too: at most so many are in memory
                    await self._read(job, window)
            except TooLarge:
                job.longest_s = _seconds(window) / 2
                if job.longest_s < max(SHORTEST_S, job.pace.every_s if job.pace.aligned else 0.0):
                    raise
                continue
            job.position = job.pace.passed(window.until)
            job.longest_s = min(2 * job.longest_s, LONGEST_S)
        job.skipped = None

    async def _read(self, job: _Job, window: Window) -> None:
        """Ask for a window, and put what it brings into the sink."""
        await self.sink.room("metric")
        answer = await self._ask(job, window)
        # Beside the loop: a large answer takes half a second, and logs are not to wait for it.
        taken = await asyncio.to_thread(job.memory.take, answer.series, window)
        await self._put(job, taken, window)

    async def _ask(self, job: _Job, window: Window) -> Answer:
        if job.query.kind == "select":
            return await self.prometheus.scraped(job.query.promql, window)
        return await self.prometheus.evaluated(job.query.promql, window, job.pace.every_s)

    async def _put(self, job: _Job, taken: Taken, window: Window) -> None:
        """Put what an answer brought into the sink, as there is room."""
        nodes: set[str] = set()
        for number, sample in enumerate(taken.samples):
            if number % ROOM_FOR == 0:
                await self.sink.room("metric")
                await asyncio.sleep(0)
            node = self.router.node_of(sample)
            if node:
                nodes.add(node)
                self.sink.observe(node, sample)
            self.counts["observations" if node else "unmapped"] += 1
        over = taken.counts.pop("series_over_limit", 0)
        self.counts["series_over_limit"] += over - job.series
        job.series = over
        self.counts.update(taken.counts)
        self._tell_of_limit(job, taken, window)
        if job.skipped is not None:
            self._tell_of_skipped(nodes, job.skipped, job.query.id)

    def _tell_of_limit(self, job: _Job, taken: Taken, window: Window) -> None:
        """Tell each node once that series of it are left out, until they are not any more."""
        before = set(job.over.values())
        known = job.over
        job.over = {
            each.key: known[each.key] if each.key in known else self._node_of(each)
            for each in taken.over
        }
        lost: Counter[str] = Counter()
        for each in taken.over:
            node = job.over[each.key]
            if node and node not in before:
                lost[node] += each.samples
        limit = job.query.limit
        for node, samples in lost.items():
            what = f"query {job.query.id}: series of this node left out, it may bring {limit}"
            self._gap(node, window, reason="too-many-series", what=what, lost=samples)

    def _node_of(self, left_out: Over) -> str | None:
        return self.router.resolve(identity_of(left_out.example), left_out.example.time)

    def _tell_of_skipped(self, nodes: Iterable[str], skipped: Window, query: str) -> None:
        """Tell each node once of an interruption, whatever number of queries are about it."""
        if len(self._blind) > MAX_BLIND:
            self._blind.clear()
        for node in sorted(nodes):
            told = self._blind.get(node)
            if told is None or told < skipped.since:
                self._blind[node] = skipped.until
                what = f"metrics ({query} and others) were not read, and are too long ago now"
                self._gap(node, skipped, reason="not-followed", what=what, lost=None)

    def _gap(
        self, node: str, window: Window, *, reason: GapReason, what: str, lost: int | None
    ) -> None:
        self.counts["gaps"] += 1
        self.sink.gap(
            Gap(
                source=self.source,
                node=node,
                signal="metric",
                since=window.since,
                until=window.until,
                lost=lost,
                reason=reason,
                what=what,
            )
        )

    def _refused(self, job: _Job, why: str) -> None:
        self.counts["bad_queries"] += job.bad is None
        if job.bad != why:
            self.tell(f"query {job.query.id} is refused: {why}")
        job.bad = why
        self._well(job)

    def _failed(self, job: _Job, why: str) -> None:
        self.counts["failed_queries"] += 1
        if job.failing_since is None:
            job.failing_since = asyncio.get_running_loop().time()
        self._troubles[job.query.id] = why
        self._tell_trouble()

    def _went_well(self, job: _Job) -> None:
        if job.bad is not None:
            self.counts["bad_queries"] -= 1
            self.tell(f"query {job.query.id} is answered again")
        job.bad = None
        self._well(job)

    def _well(self, job: _Job) -> None:
        """Note that the server answered, whatever it said."""
        job.failing_since = None
        self._troubles.pop(job.query.id, None)
        self._tell_trouble()

    def _tell_trouble(self) -> None:
        """Tell what is wrong, where that is something else than before."""
        now = min(self._troubles.values(), default=None)
        if now != self._told:
            self._told = now
            self.on_trouble(now)


def _seconds(window: Window) -> float:
    return (window.until - window.since).total_seconds()

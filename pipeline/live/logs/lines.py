"""Bytes of one container's log → observations; pure but for the sink it hands them to.

In: chunks of the API's log stream, each line with its stamp. Out: log observations, in the order of
the log, each once; lines beyond the container's budget are dropped and told as a gap; what is no
stamped line (the kubelet writes its own complaints into the stream) is rejected with its bytes.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from pipeline.ingest.cluster import Unusable, instant_of
from pipeline.ingest.files import MAX_LINE_BYTES
from pipeline.ingest.route import Router
from pipeline.live.logs.budget import Budget
from pipeline.live.logs.cursor import Cursor
from pipeline.live.sink import Sink
from pipeline.records import Gap, Log, Rejected, RejectionCode
from pipeline.redact import Redactor
from pipeline.rejection import LongPart, full_parts, in_parts, last_parts

DROPPED_TOLD_S = 5.0
"""Dropped lines are told together, so often."""


ROTATED_TOLD_S = 10.0
"""A known line did not come again: so long the watch of pods has to tell of a restart instead."""


@dataclass(slots=True)
class _Missing:
    """Lines that have not been told to be missing yet."""

    since: datetime
    until: datetime
    told_at: float
    """When they are to be told, in the seconds of :meth:`LiveLog.feed`."""
    count: int = 0


@dataclass(slots=True, kw_only=True)
class LiveLog:
    """One container's log while it is read."""

    namespace: str
    pod: str
    pod_uid: str
    container: str
    cluster_node: str | None
    node: str | None
    """Of the container as a whole; single lines may belong elsewhere."""
    source: str
    cursor: Cursor
    budget: Budget
    router: Router
    sink: Sink
    counts: Counter[str]
    redactor: Redactor = field(default_factory=Redactor)
    """A line is known as it was published, without its secrets: it is read back from there."""
    first_news: datetime | None = field(default=None, init=False)
    """Time of the first line of this stream that was not known before."""
    _tail: bytes = field(default=b"", init=False)
    _parts: int = field(default=0, init=False)
    """Of the line in ``_tail`` that were rejected as too long already."""
    _overlaps_with: datetime | None = field(default=None, init=False)
    """Time of the line that must come again; None: none must, or it has."""
    _dropped: _Missing | None = field(default=None, init=False)
    _rotated: _Missing | None = field(default=None, init=False)
    _now: float = field(default=0.0, init=False)

    def tick(self, now: float) -> None:
        """Tell what has been missing for long enough; ``now`` as in :meth:`feed`."""
        if self._dropped is not None and now >= self._dropped.told_at:
            self.tell_dropped()
        if self._rotated is not None and now >= self._rotated.told_at:
            self.tell_rotated()

    def reread(self, *, must_overlap: bool) -> None:
        """A stream begins, at the cursor's position or before it.

        ``must_overlap``: it is the log that the newest known line is in, so that this line must
        come again; where it does not, the log was rotated away under us, or the container has
        restarted and the watch of pods has not told yet (then: :meth:`forgive`).
        """
        self._tail, self._parts = b"", 0
        self.first_news = None
        self._overlaps_with = self.cursor.newest if must_overlap else None
        self.cursor.reread()

    def feed(self, chunk: bytes, now: float) -> None:
        """Take bytes as they come; ``now`` is in seconds and only grows."""
        self._now = now
        *whole, self._tail = (self._tail + chunk).split(b"\n")
        if self._parts and whole:
            self._long(last_parts(whole.pop(0), self._parts))
            self._parts = 0
        allowed = self.budget.take(len(whole), now)
        for line in whole[:allowed]:
            self._line(line)
        if allowed < len(whole):
            self._drop(whole[allowed:], now)
        if self._parts or len(self._tail) > MAX_LINE_BYTES:
            full, self._tail = full_parts(self._tail, self._parts)
            self._parts += len(full)
            self._long(full)

    def end(self) -> None:
        """Take what stands behind the last line end: the log has ended."""
        if self._parts:
            self._long(last_parts(self._tail, self._parts))
        elif self._tail:
            self._line(self._tail)
        self._tail, self._parts = b"", 0

    def forgive(self) -> None:
        """It was another instance whose log did not have the known line: nothing is lost."""
        self._rotated = None

    def tell_rotated(self) -> None:
        """Tell of what was rotated away before it was read."""
        rotated, self._rotated = self._rotated, None
        if rotated is not None:
            what = "the log was rotated away before it was read"
            self._gap(rotated.since, rotated.until, lost=None, what=what)

    def tell_dropped(self) -> None:
        """Tell of the lines that were dropped."""
        dropped, self._dropped = self._dropped, None
        if dropped is None:
            return
        self.counts["lost"] += dropped.count
        self._gap(
            dropped.since,
            dropped.until,
            lost=dropped.count,
            what="more lines than one container may write",
        )

    def _line(self, line: bytes) -> None:
        if len(line) > MAX_LINE_BYTES:
            self._long(last_parts(line, 0))
            return
        text = line.decode("utf-8", "backslashreplace")  # no byte is lost, none breaks JSON
        stamp, _, message = text.partition(" ")
        try:
            time = instant_of(stamp)
        except Unusable as trouble:
            if line.strip():
                self._reject(line, str(trouble))
            return
        message = self.redactor.message(message)
        news = self.cursor.take(time, message)
        if self._overlaps_with is not None:
            if news and time > self._overlaps_with:
                told_at = self._now + ROTATED_TOLD_S
                self._rotated = _Missing(self._overlaps_with, time, told_at)
            self._overlaps_with = None
        if not news:
            self.counts["duplicate"] += 1
            return
        self.first_news = self.first_news or time
        self.counts["observations"] += 1
        log = Log(
            time=time,
            namespace=self.namespace,
            pod=self.pod,
            pod_uid=self.pod_uid,
            container=self.container,
            cluster_node=self.cluster_node,
            message=message,
        )
        node = self.router.node_of(log)
        if node is None:
            self.counts["unmapped"] += 1
        else:
            self.sink.observe(node, log)

    def _drop(self, lines: Sequence[bytes], now: float) -> None:
        times = [time for time in (_time_of(lines[0]), _time_of(lines[-1])) if time is not None]
        if not times:
            times = [self.cursor.newest] if self.cursor.newest is not None else []
        if not times:
            return
        self.cursor.skip(max(times))
        known = self._dropped
        if known is None:
            told_at = now + DROPPED_TOLD_S
            self._dropped = _Missing(min(times), max(times), told_at, len(lines))
        else:
            known.count += len(lines)
            known.since, known.until = min(known.since, *times), max(known.until, *times)

    def _gap(self, since: datetime, until: datetime, *, lost: int | None, what: str) -> None:
        if self.node is None:
            return
        self.sink.gap(
            Gap(
                source=self.source,
                node=self.node,
                signal="log",
                since=since,
                until=until,
                lost=lost,
                reason="not-followed" if lost is None else "rate-limited",
                what=f"{self._where}: {what}",
            )
        )

    def _reject(self, line: bytes, what: str) -> None:
        self.counts["rejected"] += 1
        for part in in_parts(line):
            self._rejected(part, "invalid", what)

    def _long(self, parts: Sequence[LongPart]) -> None:
        for part in parts:
            self.counts["rejected"] += part.last
            self._rejected(part, "too-long", f"longer than {MAX_LINE_BYTES} bytes")

    def _rejected(self, part: LongPart, code: RejectionCode, what: str) -> None:
        self.sink.rejected(
            Rejected(
                code=code,
                where=f"log {self._where}",
                what=what,
                value=part.content,
                part=part.part,
                last=part.last,
            )
        )

    @property
    def _where(self) -> str:
        return f"{self.namespace}/{self.pod}/{self.container}"


def _time_of(line: bytes) -> datetime | None:
    try:
        return instant_of(line.partition(b" ")[0].decode("ascii", "replace"))
    except Unusable:
        return None

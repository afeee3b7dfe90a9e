"""The log files of one container as a kubelet keeps them; pure: no I/O, no clock.

A container has the log it is writing and at most one of the run before. A reader has a place of its
own in one file, so that a slow one holds up nobody; what it has not read when the file overflows is
out of its reach, as with a real file that is rotated away.
"""

import asyncio
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice

_SECOND = 1_000_000_000
_KNOWN = {"follow", "timestamps", "sinceSeconds", "sinceTime", "tailLines", "previous"}
KEEP_LINES = 100_000
"""Of one file: with lines of 100 bytes about 20 MB, where real kubelets rotate at 10 MiB."""


class Asked(ValueError):  # noqa: N818 - an answer (400), no error of ours
    """A log was asked for in a way that a kubelet refuses."""


def stamp(time_ns: int) -> bytes:
    """Return a time as a kubelet writes it: RFC 3339 with nine digits of a second."""
    seconds, nanoseconds = divmod(time_ns, _SECOND)
    whole = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{whole}.{nanoseconds:09d}Z".encode()


def nanoseconds(time: datetime) -> int:
    """Return a time as whole nanoseconds since 1970."""
    since = time - datetime(1970, 1, 1, tzinfo=UTC)
    return ((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds) * 1_000


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of a log."""

    follow: bool = False
    timestamps: bool = False
    previous: bool = False
    tail: int | None = None
    since_ns: int | None = None
    """Lines from then on."""

    @classmethod
    def parsed(cls, query: Mapping[str, str], *, now_ns: int) -> "Question":
        """Read a query; ``sinceTime`` counts in whole seconds, as on the real way.

        Raises:
            Asked: something in it is unknown here, or is no number or time.
        """
        unknown = set(query) - _KNOWN
        if unknown:
            raise Asked(f"this kubelet does not know: {', '.join(sorted(unknown))}")
        try:
            return cls(
                follow=query.get("follow") == "true",
                timestamps=query.get("timestamps") == "true",
                previous=query.get("previous") == "true",
                tail=int(query["tailLines"]) if "tailLines" in query else None,
                since_ns=_since(query, now_ns),
            )
        except ValueError as trouble:
            raise Asked(str(trouble)) from None


def _since(query: Mapping[str, str], now_ns: int) -> int | None:
    if "sinceTime" in query:
        time = datetime.fromisoformat(query["sinceTime"])
        return nanoseconds(time.replace(microsecond=0))
    if "sinceSeconds" in query:
        return now_ns - int(query["sinceSeconds"]) * _SECOND
    return None


@dataclass(slots=True)
class LogFile:
    """Lines with their times, oldest first; numbered for ever, also when old ones have gone."""

    keep: int = KEEP_LINES
    lines: deque[tuple[int, bytes, int]] = field(default_factory=deque)
    """(time, ``<stamp> <text>\\n``, length of the stamp and the blank)."""
    first: int = 0
    """Number of the oldest line that is kept."""
    ended: bool = False
    """Whether nothing more is to come."""
    waiting: list[asyncio.Future[None]] = field(default_factory=list)
    """Readers that have read everything."""

    @property
    def end(self) -> int:
        """Number of the next line."""
        return self.first + len(self.lines)

    def append(self, time_ns: int, text: bytes) -> None:
        """Append what was written, with its newline if it has one."""
        begin = stamp(time_ns) + b" "
        self.lines.append((time_ns, begin + text, len(begin)))
        if len(self.lines) > self.keep:
            self.lines.popleft()
            self.first += 1
        self.wake()

    def finish(self) -> None:
        """Say that nothing more is to come: followers end after the last line."""
        self.ended = True
        self.wake()

    def wake(self) -> None:
        """Let waiting readers look again."""
        for waiter in self.waiting:
            if not waiter.done():
                waiter.set_result(None)
        self.waiting.clear()

    def begin(self, question: Question) -> int:
        """Return the number of the first line that answers a question."""
        place = self.first
        if question.tail is not None:
            place = max(place, self.end - question.tail)
        if question.since_ns is None:
            return place
        young = (
            place + index
            for index, line in enumerate(islice(self.lines, place - self.first, None))
            if line[0] >= question.since_ns
        )
        return next(young, self.end)

    def read(self, place: int, *, most: int, timestamps: bool) -> tuple[int, bytes]:
        """Return up to ``most`` lines from a place on, and the place after them."""
        begin = max(place - self.first, 0)
        end = min(begin + most, len(self.lines))
        found = [self.lines[index] for index in range(begin, end)]  # cheap at either end
        text = b"".join(line if timestamps else line[cut:] for _, line, cut in found)
        return self.first + end, text


@dataclass(slots=True)
class ContainerLogs:
    """A container's log, and that of the run before."""

    current: LogFile = field(default_factory=LogFile)
    previous: LogFile | None = None
    left: list[LogFile] = field(default_factory=list)
    """Files of this run that were rotated away under the eyes of their followers."""

    def rotate(self, *, stalls: bool) -> None:
        """Go on in an empty file: what was written is out of reach.

        With ``stalls``, who follows waits for ever on the old file, over an open connection, as
        with real kubelets; else he is given what comes into the new one.
        """
        if stalls:
            self.left.append(self.current)
            self.current = LogFile(self.current.keep)
        else:
            self.current.first = self.current.end
            self.current.lines.clear()

    def end(self) -> None:
        """The container ends: all followers end, after the last line."""
        for file in (self.current, *self.left):
            file.finish()
        self.left.clear()

    def restart(self) -> None:
        """The container ends and begins anew; at most one earlier run is kept."""
        self.end()
        self.previous, self.current = self.current, LogFile(self.current.keep)

    def file(self, question: Question) -> LogFile | None:
        """Return the file that a question is about; None: there is no earlier run."""
        return self.previous if question.previous else self.current

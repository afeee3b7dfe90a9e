"""Health: whether a role can do its work now (``/ready``), and whether it ever will (``/live``).

In: what the role tells (the broker answered, how far it has come, what it waits for). Out: JSON and
200 or 503 over HTTP, for probes; and a role's numbers for Prometheus (``/metrics``), if it has any.
Not ready: the broker has not answered for a while, partitions are being handed over or restored,
publishing fails, or there is work and no progress. Not live: not ready for minutes without a break,
so that a restart is the better bet. It never asks the broker itself: the role does, with the
connections that the work depends on.
"""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler

from pipeline.clock import monotonic
from pipeline.serving import answering

BROKER_SILENT_S = 15.0
"""No answer for so long: a restart of a broker takes less, a lost one longer."""
STUCK_S = 30.0
"""Work is there and nothing has moved: five times the longest batch that was ever measured."""
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
DEAD_S = 300.0
"""Not ready for so long: restart. Longer than a rolling restart of the brokers."""


@dataclass(frozen=True, slots=True)
class Report:
    """The truth at one moment."""

    role: str
    ready: bool
    live: bool
    problems: list[str]
    position: int
    """Messages handled, over all own partitions (sum of offsets)."""
    end: int
    """Messages there are, likewise."""
    counts: dict[str, int]
    """What happened since the start: dead letters, failures, dropped sources, hand-overs."""

    def as_json(self) -> bytes:
        """Return the report as one JSON line."""
        body = {
            "role": self.role,
            "ready": self.ready,
            "live": self.live,
            "problems": self.problems,
            "position": self.position,
            "end": self.end,
            "lag": max(0, self.end - self.position),
            "counts": dict(sorted(self.counts.items())),
        }
        return json.dumps(body).encode() + b"\n"


@dataclass(slots=True)
class Health:
    """What a role says about itself; safe to use from several threads."""

    role: str
    clock: Callable[[], float] = monotonic
    """Seconds that only grow."""
    metrics: Callable[[], str | None] | None = None
    """What ``/metrics`` answers (OpenMetrics text; None: not now), asked in a thread of its own.
    None: there is no such page."""
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)
    _answered: float = field(init=False)
    _moved: float = field(init=False)
    _waits: tuple[str, float] | None = field(init=False)
    _trouble: tuple[str, float] | None = field(default=None, init=False)
    _position: int = field(default=0, init=False)
    _end: int = field(default=0, init=False)
    _counts: dict[str, int] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        now = self.clock()
        self._answered = self._moved = now
        self._waits = ("starting", now)

    def beat(self) -> None:
        """Note that the broker has answered."""
        with self._lock:
            self._answered = self.clock()

    def waiting(self, what: str | None) -> None:
        """Note what must end before work can go on (``rebalancing``), or None: at work."""
        with self._lock:
            now = self.clock()
            if what is None:
                self._waits = None
                self._moved = now
            elif self._waits is None:
                self._waits = (what, now)
            else:  # one wait after another is one long wait
                self._waits = (what, self._waits[1])

    def trouble(self, what: str | None) -> None:
        """Note that an action fails and is tried again (in one line), or None: it went well."""
        with self._lock:
            if what is None:
                self._trouble = None
            else:
                since = self.clock() if self._trouble is None else self._trouble[1]
                self._trouble = (what, since)

    def progress(self, position: int, end: int) -> None:
        """Note how many messages have been handled, and how many there are."""
        with self._lock:
            if position != self._position or position >= end:
                self._moved = self.clock()
            self._position, self._end = position, end

    def count(self, what: str, by: int = 1) -> None:
        """Count something that an operator wants to see."""
        with self._lock:
            self._counts[what] = self._counts.get(what, 0) + by

    def report(self) -> Report:
        """Return the truth at this moment."""
        with self._lock:
            now = self.clock()
            problems = list(self._problems(now))
            since = min((start for _, start in problems), default=now)
            return Report(
                role=self.role,
                ready=not problems,
                live=now - since < DEAD_S,
                problems=[what for what, _ in problems],
                position=self._position,
                end=self._end,
                counts=dict(self._counts),
            )

    def _problems(self, now: float) -> Iterator[tuple[str, float]]:
        if self._waits is not None:
            yield self._waits
        if self._trouble is not None:
            yield self._trouble
        if now - self._answered > BROKER_SILENT_S:
            yield f"no answer from the broker for {now - self._answered:.0f} s", self._answered
        if self._position < self._end and now - self._moved > STUCK_S:
            behind = self._end - self._position
            yield (
                f"{behind} messages behind, no progress for {now - self._moved:.0f} s",
                self._moved,
            )


def served(health: Health, host: str, port: int | None) -> AbstractContextManager[int | None]:
    """Answer ``/ready`` and ``/live`` while the context lasts; it gives the port (None: off).

    Raises:
        AftershockError: the port cannot be had.
    """
    return answering(_handler_of(health), "health", host, port)


def _handler_of(health: Health) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        """Answers probes; everything else is 404."""

        def do_GET(self) -> None:
            ask = health.metrics
            if self.path == "/metrics" and ask is not None:
                text = ask()
                self._answer(503 if text is None else 200, OPENMETRICS, (text or "").encode())
                return
            report = health.report()
            fine = {"/ready": report.ready, "/live": report.live}.get(self.path)
            status = 404 if fine is None else 200 if fine else 503
            self._answer(status, "application/json", report.as_json())

        def _answer(self, status: int, kind: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing: probes come every few seconds."""

    return Handler

"""Where Alertmanager posts its alerts: HTTP in, answers only after the broker has them.

In: ``POST /alertmanager`` with a body of version "4". Out: alerts in the inbox, which the role
empties. 200: they are published. 503: not now; Alertmanager tries again, and what comes twice is
recognised. 4xx: this body will never do, and one line says why; Alertmanager gives it up.
"""

import hmac
import queue
import threading
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import ClassVar

from pipeline import clock
from pipeline.adapt.alertmanager import Alerts, alerts_in
from pipeline.adapt.decoded import Undecodable
from pipeline.serving import answering
from pipeline.settings_ingest import AdaptSettings

PATH = "/alertmanager"
MAX_BODY_BYTES = 4 * 1024 * 1024
"""A group of 1,000 alerts has some 1 MB."""
MAX_WAITING = 16
"""Bodies that wait for the broker: 64 MiB at worst; further ones are told to come again."""
ANSWER_S = 9.0
"""Alertmanager waits 10 s by default."""
READ_S = 10.0
"""For a request to come in: longer than that, the other side hangs."""
MAX_UNREAD_BYTES = 16 * 1024 * 1024
"""Of a body that is refused, so much is read and thrown away: who is still writing would not see
the answer."""
_MAX_DIGITS = 9
"""Of a length: no need to read on."""
_CHUNK_BYTES = 64 * 1024


@dataclass(slots=True)
class Posted:
    """A body that has come in, and what became of it."""

    alerts: Alerts
    body: bytes
    published: bool = False
    settled: threading.Event = field(default_factory=threading.Event)

    def settle(self, *, published: bool) -> None:
        """Say what became of it; whoever posted it is answered."""
        self.published = published
        self.settled.set()


class Inbox:
    """Bodies that wait to be published; safe to use from several threads."""

    def __init__(self, *, patience_s: float = ANSWER_S) -> None:
        self._patience_s = patience_s
        self._waiting: queue.Queue[Posted] = queue.Queue(MAX_WAITING)

    def post(self, alerts: Alerts, body: bytes) -> bool:
        """Put a body in; return whether it was published in time."""
        posted = Posted(alerts, body)
        try:
            self._waiting.put_nowait(posted)
        except queue.Full:
            return False
        return clock.wait(posted.settled, self._patience_s) and posted.published

    def take(self) -> list[Posted]:
        """Return all that waits."""
        taken: list[Posted] = []
        while not self._waiting.empty():
            taken.append(self._waiting.get_nowait())
        return taken


def listening(
    settings: AdaptSettings, inbox: Inbox, *, open_s: float
) -> AbstractContextManager[int | None]:
    """Answer Alertmanager while the context lasts; it gives the port (None: off).

    ``open_s`` before now, event time is surely still open.

    Raises:
        AftershockError: the port cannot be had.
    """
    handler = _handler_of(settings, inbox, open_s)
    return answering(handler, "webhook", settings.webhook_host, settings.webhook_port)


class _Refused(Exception):  # noqa: N818 - an answer, not an error of ours
    """A request that is not taken."""

    def __init__(self, status: int, what: str) -> None:
        super().__init__(what)
        self.status = status
        self.what = what


class _Handler(BaseHTTPRequestHandler):
    """Takes the posts of Alertmanager; everything else is refused in one line."""

    timeout = READ_S
    token: ClassVar[str | None]
    inbox: ClassVar[Inbox]
    open_s: ClassVar[float]
    _read = False
    """Whether the body has been read."""

    def do_POST(self) -> None:
        """Take a body, and answer when it is published."""
        try:
            body = self._body()
            alerts = _alerts(body, self.open_s)
        except _Refused as refused:
            self._let_write()
            self._answer(refused.status, refused.what)
            return
        if self.inbox.post(alerts, body):
            self._answer(200, f"{len(alerts.alerts)} alerts published")
        else:
            self._answer(503, "the broker does not have them yet: come again")

    def do_GET(self) -> None:
        """Say what is to be done instead."""
        self._answer(405, f"POST to {PATH}")

    def log_message(self, *_: object) -> None:
        """Say nothing: what is refused is told to whoever asked."""

    def _body(self) -> bytes:
        if self.path != PATH:
            raise _Refused(404, f"POST to {PATH}")
        if self.token is not None and not self._shows(self.token):
            raise _Refused(401, "wrong or missing bearer token (adapt.webhook_token)")
        length = self._length()
        if length is None:
            raise _Refused(411, "Content-Length is missing")
        if length > MAX_BODY_BYTES:
            raise _Refused(413, f"more than {MAX_BODY_BYTES} bytes: set max_alerts in Alertmanager")
        self._read = True
        try:
            body = self.rfile.read(length)
        except OSError:  # also what its patience ends with
            raise _Refused(408, "the body did not come") from None
        if len(body) < length:
            raise _Refused(400, "the body ended too early")
        return body

    def _length(self) -> int | None:
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdecimal() and len(length) <= _MAX_DIGITS):
            return None
        return int(length)

    def _let_write(self) -> None:
        """Read what is refused, and throw it away."""
        left = 0 if self._read else min(self._length() or 0, MAX_UNREAD_BYTES)
        with suppress(OSError):
            while left > 0 and (chunk := self.rfile.read(min(left, _CHUNK_BYTES))):
                left -= len(chunk)

    def _shows(self, wanted: str) -> bool:
        scheme, _, shown = self.headers.get("Authorization", "").partition(" ")
        same = hmac.compare_digest(shown.strip().encode(), wanted.encode())
        return scheme.lower() == "bearer" and same

    def _answer(self, status: int, line: str) -> None:
        body = line.encode(errors="replace") + b"\n"
        self.close_connection = True  # what was not read of a body is no next request
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        if status == 401:  # noqa: PLR2004 - HTTP wants it told how
            self.send_header("WWW-Authenticate", "Bearer")
        with suppress(OSError):  # whoever asked is gone
            self.end_headers()
            self.wfile.write(body)


def _handler_of(settings: AdaptSettings, inbox: Inbox, open_s: float) -> type[_Handler]:
    secret = settings.webhook_token
    token = None if secret is None else secret.get_secret_value()
    return type("Handler", (_Handler,), {"token": token, "inbox": inbox, "open_s": open_s})


def _alerts(body: bytes, open_s: float) -> Alerts:
    try:
        return alerts_in(body, received=clock.now(), open_s=open_s)
    except Undecodable as trouble:
        raise _Refused(400, trouble.what) from None

"""Answers as Elasticsearch is documented to, where the real engine at hand lacks something.

That is lifecycle policies, and refusals that cannot be had on demand (429, 413, 502). The requests
are real: the client's own.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

from pipeline.serving import answering

TYPE = "application/vnd.elasticsearch+json;compatible-with=9"


@dataclass(frozen=True)
class Asked:
    """A request."""

    method: str
    path: str
    body: bytes

    @property
    def operations(self) -> list[dict[str, Any]]:
        """Of a bulk request: what to do with each document."""
        lines = [json.loads(line) for line in self.body.splitlines()]
        return [line for line in lines if line.keys() <= {"index", "delete"}]


Answer = tuple[int, object]
BREAK_OFF = 0
"""As a status: it hangs up without a word."""


@dataclass
class StandIn:
    """What it was asked; what it answers is the test's own, by default ``{}``."""

    answer: Callable[[Asked], Answer] = lambda _: (200, {})
    asked: list[Asked] = field(default_factory=list)
    url: str = ""

    def paths(self, method: str) -> list[str]:
        """Return the paths that were asked for by a method, without their queries."""
        return [one.path.partition("?")[0] for one in self.asked if one.method == method]


@contextmanager
def standing_in(answer: Callable[[Asked], Answer]) -> Iterator[StandIn]:
    """Answer on a loopback port while the context lasts."""
    standin = StandIn(answer)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # one packet: in two, the body waits 40 ms for the ACK of the head

        def _any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            asked = Asked(self.command, self.path, body)
            standin.asked.append(asked)
            status, told = standin.answer(asked)
            if status == BREAK_OFF:
                self.close_connection = True
                return
            content = b"" if told is None or self.command == "HEAD" else json.dumps(told).encode()
            self.send_response(status)
            self.send_header("X-Elastic-Product", "Elasticsearch")
            self.send_header("Content-Type", TYPE)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _any  # noqa: N815 - the base class's

        def log_message(self, *_: object) -> None:
            """Be quiet."""

    with answering(Handler, "stand-in", "127.0.0.1", 0) as port:
        standin.url = f"http://127.0.0.1:{port}"
        yield standin

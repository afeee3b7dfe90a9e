"""Stands in for Kibana: takes an import only in the form that Kibana's documentation asks for.

It knows spaces, stamps and references, answers as documented, and keeps what it was given. Like
Kibana it takes an import into any space, also one that does not exist.
"""

import email.policy
import json
import re
import ssl
from dataclasses import dataclass, field
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

from servers.certificates import Pair

Json = dict[str, Any]
Reply = tuple[int, Json | bytes]

_IMPORT = re.compile(r"(/s/(?P<space>[a-z0-9_-]+))?/api/saved_objects/_import")
DOCUMENT = (
    'Document "x" belongs to a more recent version of Kibana [8.9.0] when the last known version'
    " is [8.0.0]."
)


@dataclass
class KibanaStandIn:
    """A server on loopback; :meth:`close` ends it."""

    version: str | None = "9.1.0"
    base_path: str = ""
    """What its own paths begin with."""
    authorization: str | None = None
    """What this header must be; None: nobody need say who they are."""
    tls: Pair | None = None
    """With what it serves HTTPS."""
    instead: dict[str, Reply] = field(default_factory=dict)
    """Path → what is answered there, whatever is asked."""
    spaces: tuple[str, ...] = ("default", "ops")
    saved: dict[tuple[str, str, str], Json] = field(default_factory=dict)
    """What was imported, by space, type and id."""
    asked: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        stand_in = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer(stand_in.get(urlsplit(self.path).path))

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"] or 0))
                self._answer(stand_in.post(self, body))

            def _answer(self, otherwise: Reply) -> None:
                path = urlsplit(self.path).path
                stand_in.asked.append(f"{self.command} {self.path}")
                known = stand_in.authorization in {None, self.headers["Authorization"]}
                status, content = stand_in.instead.get(path, otherwise if known else _refused(401))
                body = content if isinstance(content, bytes) else json.dumps(content).encode()
                self.send_response(status)
                if status == 302:
                    self.send_header("Location", "/login?next=%2F")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if self.tls is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self.tls.certificate, self.tls.key)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def url(self) -> str:
        """Where it answers."""
        return (
            f"http{'s' if self.tls else ''}://127.0.0.1:{self._server.server_port}{self.base_path}"
        )

    def close(self) -> None:
        """End it."""
        self._server.shutdown()
        self._server.server_close()

    def get(self, path: str) -> Reply:
        """Answer to a question."""
        if not path.startswith(self.base_path):
            return _refused(404)
        path = path.removeprefix(self.base_path)
        if path == "/api/status":
            told = {} if self.version is None else {"version": {"number": self.version}}
            return 200, {"status": {"overall": {"level": "available"}}, **told}
        space = path.removeprefix("/api/spaces/space/")
        return (200, {"id": space}) if space in self.spaces else _refused(404)

    def post(self, request: BaseHTTPRequestHandler, body: bytes) -> Reply:
        """Take an import."""
        url = urlsplit(request.path)
        place = _IMPORT.fullmatch(url.path.removeprefix(self.base_path))
        if place is None or parse_qs(url.query) != {"overwrite": ["true"]}:
            return _refused(404)
        if not request.headers["kbn-xsrf"]:
            return _refused(400, "Request must contain a kbn-xsrf header.")
        kind = f"Content-Type: {request.headers['Content-Type']}\r\n\r\n".encode()
        (part,) = BytesParser(policy=email.policy.HTTP).parsebytes(kind + body).iter_parts()
        if part.get_param("name", header="Content-Disposition") != "file":
            return _refused(400, "[request body.file]: expected value of type [Stream]")
        if not (part.get_filename() or "").endswith(".ndjson"):
            return _refused(400, f"Invalid file extension {part.get_filename()}")
        lines = part.get_payload(decode=True).splitlines()
        return self._import(place["space"] or "default", [json.loads(line) for line in lines])

    def _import(self, space: str, objects: list[Json]) -> Reply:
        if self.version is not None and tuple(map(int, self.version.split(".")[:2])) < (8, 9):
            return _refused(422, DOCUMENT)
        known = {(each["type"], each["id"]) for each in objects}
        done, errors = [], []
        for each in objects:
            named = {"type": each["type"], "id": each["id"]}
            meta = {"meta": {"title": each["attributes"]["title"]}}
            missing = [to for to in each["references"] if (to["type"], to["id"]) not in known]
            if missing:
                error = {"type": "missing_references", "references": missing}
                errors.append({**named, **meta, "error": error})
                continue
            key = (space, each["type"], each["id"])
            done.append({**named, **meta, **({"overwrite": True} if key in self.saved else {})})
            self.saved[key] = each
        answer: Json = {"success": not errors, "successCount": len(done), "successResults": done}
        return 200, {**answer, "errors": errors} if errors else answer


def _refused(status: int, message: str = "") -> Reply:
    names = {400: "Bad Request", 401: "Unauthorized", 404: "Not Found", 422: "Unprocessable Entity"}
    error = names[status]
    return status, {"statusCode": status, "error": error, "message": message or error}

"""A small HTTP server in a thread of its own, while a context lasts.

In: where, and what answers requests. Out: the port. It must not know what is served.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from pipeline.errors import AftershockError

_POLL_S = 0.05
"""How often the server looks whether it shall stop: whoever stops a role waits for as long."""


class _Server(ThreadingHTTPServer):
    request_queue_size = 128
    """Connections that wait to be taken: with the usual five, a burst is reset unanswered."""
    daemon_threads = True


@contextmanager
def answering(
    handler: type[BaseHTTPRequestHandler], name: str, host: str, port: int | None
) -> Iterator[int | None]:
    """Answer requests while the context lasts; yield the port (None: off).

    Raises:
        AftershockError: the port cannot be had.
    """
    if port is None:
        yield None
        return
    try:
        server = _Server((host, port), handler)
    except OSError as trouble:
        raise AftershockError(
            f"{name} port {host}:{port}: {trouble.strerror}: choose another, or none"
        ) from trouble
    thread = threading.Thread(target=server.serve_forever, args=(_POLL_S,), name=name, daemon=True)
    thread.start()
    try:
        yield int(server.server_address[1])
    finally:
        server.shutdown()
        server.server_close()

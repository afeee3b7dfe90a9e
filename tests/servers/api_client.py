"""One user of a real Kubernetes API server: JSON over HTTPS, and streams line by line.

Small on purpose: the tests see the server through it, not through the code under test.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import urllib3

from servers.waiting import until

Json = dict[str, Any]
Query = Mapping[str, str]

APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"
_ANSWER_S = 30.0


_RETRIES = urllib3.Retry(
    total=2, connect=0, read=2, status=0, redirect=0, allowed_methods=None, raise_on_status=False
)
"""A connection that stood idle may be that to a server which has been killed since."""


class Refused(Exception):  # noqa: N818 - an answer, which tests ask for
    """The API server said no (``status`` as in HTTP), or nothing at all (``status`` 0)."""

    def __init__(self, status: int, message: str, retry_after: str | None = None) -> None:
        super().__init__(f"{status} {message}")
        self.status = status
        self.retry_after = retry_after


class ApiClient:
    """Asks one server as one user; connections are kept and shared by threads."""

    def __init__(self, server: str, authority: Path, token: str) -> None:
        """Ask ``https://host:port`` with a bearer token; nothing is sent yet."""
        self.server = server
        self.authority = authority
        self.token = token
        self._pool = urllib3.PoolManager(
            ca_certs=str(authority), maxsize=4, retries=_RETRIES, timeout=_ANSWER_S
        )

    def ask(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        query: Query | None = None,
        as_type: str = "application/json",
    ) -> Json:
        """Send an object and return the answer.

        Raises:
            Refused: the server said no, or did not answer.
        """
        content = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": as_type}
        answer = self._asked(method, path, query, {"body": content, "headers": headers})
        found: Json = json.loads(answer.data)
        return found

    def text(self, path: str, query: Query | None = None) -> str:
        """Return what is no JSON, as a log; raises as :meth:`ask`."""
        return self._asked("GET", path, query, {}).data.decode()

    @contextmanager
    def lines(
        self, path: str, query: Query | None = None, *, silent_s: float = _ANSWER_S
    ) -> Iterator[Iterator[bytes]]:
        """Open a watch or a followed log and give its lines, without newline, as they come.

        The last line is given even when no newline ends it. ``silent_s`` without a byte raises
        ``urllib3.exceptions.ReadTimeoutError``, a broken connection ``ProtocolError``; otherwise it
        raises as :meth:`ask`.
        """
        streamed = {"preload_content": False, "timeout": silent_s}
        answer = self._asked("GET", path, query, streamed)
        try:
            yield _split(answer)
        finally:
            answer.close()

    def watch(
        self, path: str, *, since: str, for_s: int = 2, query: Query | None = None
    ) -> list[Json]:
        """Return what a watch from a resourceVersion gives in so many seconds, ERRORs too."""
        asked = {**(query or {}), "watch": "true", "resourceVersion": since}
        with self.lines(path, {**asked, "timeoutSeconds": str(for_s)}) as lines:
            return [json.loads(line) for line in lines]

    def may(self, verb: str, resource: str, namespace: str = "") -> bool:
        """Return whether the server would allow something, in a namespace or everywhere.

        ``resource`` is ``group/plural`` or ``group/plural/subresource``: ``/pods/log``.
        """
        group, plural, *sub = resource.split("/")
        asked = {"verb": verb, "group": group, "resource": plural, "namespace": namespace}
        attributes = asked | ({"subresource": sub[0]} if sub else {})
        path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
        answer = self.ask("POST", path, {"spec": {"resourceAttributes": attributes}})
        return bool(answer["status"]["allowed"])

    def await_right(self, verb: str, resource: str, namespace: str = "") -> None:
        """Wait until a right that was just given is known to the server (about 10 ms)."""
        what = f"the right to {verb} {resource}"
        until(lambda: self.may(verb, resource, namespace), within_s=10, what=what)

    def close(self) -> None:
        """Close all connections; asking again opens new ones."""
        self._pool.clear()

    def _asked(
        self, method: str, path: str, query: Query | None, how: Mapping[str, Any]
    ) -> urllib3.BaseHTTPResponse:
        url = f"{self.server}{path}?{urlencode(query or {})}"
        proof = {"Authorization": f"Bearer {self.token}"}
        headers = {**how.get("headers", {}), **proof}
        try:
            answer = self._pool.request(method, url, **{**how, "headers": headers})
        except urllib3.exceptions.HTTPError as trouble:
            raise Refused(0, str(trouble)) from None
        if answer.status >= 400:
            wait = answer.headers.get("Retry-After")
            raise Refused(answer.status, answer.data.decode(), wait)
        return answer


def _split(answer: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
    rest = b""
    for chunk in answer.stream():
        *lines, rest = (rest + chunk).split(b"\n")
        yield from lines
    if rest:
        yield rest

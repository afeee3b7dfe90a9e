"""The cluster's API over HTTP: get, list, watch, follow a log.

``kubernetes`` finds the server and proves who we are (kubeconfig, service account, exec plug-ins);
aiohttp carries thousands of streams without a thread each. Objects stay JSON: the typed models
refuse what real clusters send.
"""

import asyncio
import json
import ssl
from asyncio.sslproto import SSLProtocol
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp
from kubernetes import config as kubernetes_config
from kubernetes.client import Configuration
from yarl import URL

from pipeline.errors import BrokenWorld, UsageError
from pipeline.live.cluster.tap import TLS_BYTES, gathered
from pipeline.settings_ingest import ClusterSettings

Json = dict[str, Any]
Query = Mapping[str, str]

CONNECT_S = 10.0
ANSWER_S = 30.0
"""For an answer that is no stream."""
PAGE = 500
"""Objects of a list in one answer: as the API server's own clients ask."""
MAX_OBJECT_BYTES = 4 * 1024 * 1024
"""One line of a watch; etcd itself takes 1.5 MiB an object."""
READ_BYTES = 16 * 1024
"""Of one stream that are buffered before its sender must wait: twice that, and with what TLS holds
(``tap``) 50 KiB; 2,000 streams, 100 MiB at worst."""

CLOSING_S = 0.1
"""Connections that were cut are gone some turns of the loop after they are closed; nothing tells
when."""

_IN_CLUSTER = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")


class Refused(Exception):  # noqa: N818 - an answer, not an error of ours
    """The API server answered, and not with success."""

    def __init__(
        self, status: int, reason: str, message: str, *, retry_after_s: float | None = None
    ) -> None:
        """Take the answer; ``status`` is that of HTTP, or of an ERROR object in a watch."""
        super().__init__(f"{status} {reason}: {' '.join(message.split())[:300]}")
        self.status = status
        self.reason = reason
        self.message = message
        self.retry_after_s = retry_after_s


class Silence(BrokenWorld):
    """A stream that was open has been silent for as long as its reader would wait."""


class ClusterApi:
    """One cluster; use it as an asynchronous context manager."""

    def __init__(self, cluster: ClusterSettings) -> None:
        """Find the server and the credentials.

        Raises:
            UsageError: there are none, or they cannot be used.
        """
        self._configuration = _configuration(cluster)
        self._ssl = _ssl_context(self._configuration)
        self._base = URL(self._configuration.host)
        self._session: aiohttp.ClientSession | None = None

    @property
    def server(self) -> str:
        """The address, for people."""
        return str(self._base)

    async def __aenter__(self) -> Self:
        """Open the connections' pool."""
        # asyncio gives each TLS connection 256 KiB and has no parameter for it: 500 streams alone
        # would take 125 MiB
        SSLProtocol.max_size = TLS_BYTES
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ssl=self._ssl),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S),
            read_bufsize=READ_BYTES,
            auto_decompress=True,
            trust_env=True,
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        trouble: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()
            await asyncio.sleep(CLOSING_S)

    async def get(self, path: str, query: Query | None = None) -> Json:
        """Return an object.

        Raises:
            Refused: the server says no.
            BrokenWorld: it does not answer, or breaks off.
        """
        async with self._asked("GET", path, query or {}, answer_s=ANSWER_S) as answer:
            return _object(await answer.read())

    async def send(self, method: str, path: str, body: Mapping[str, Any]) -> Json:
        """Send an object (JSON) and return the answer; raises as :meth:`get`."""
        async with self._asked(method, path, {}, body=body, answer_s=ANSWER_S) as answer:
            return _object(await answer.read())

    async def pages(self, path: str, query: Query | None = None) -> AsyncIterator[Json]:
        """Yield a list in pages, each with ``items`` and ``metadata``; raises as :meth:`get`.

        A 410 in the middle means that the list must be begun anew.
        """
        more: str | None = None
        while more is None or more:
            asked = {**(query or {}), "limit": str(PAGE)} | ({"continue": more} if more else {})
            page = await self.get(path, asked)
            yield page
            more = (page.get("metadata") or {}).get("continue") or ""

    async def watch(self, path: str, query: Query, *, silent_s: float) -> AsyncIterator[Json]:
        """Yield the events of a watch until the server ends it; raises as :meth:`get`.

        An ERROR object is raised as :class:`Refused`. ``silent_s`` without a byte breaks it off.
        """
        asked = {**query, "watch": "true", "allowWatchBookmarks": "true"}
        rest = b""
        async with self._asked("GET", path, asked, silent_s=silent_s) as answer:
            async for chunk in _chunks(answer):
                *lines, rest = (rest + chunk).split(b"\n")
                if len(rest) > MAX_OBJECT_BYTES:
                    raise BrokenWorld(f"{self.server}{path}: an object beyond all bounds")
                for line in lines:
                    yield _event(line)

    @asynccontextmanager
    async def log(
        self, namespace: str, pod: str, query: Query, *, silent_s: float | None = None
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """Open the log of a container, give its chunks as they come; raises as :meth:`get`.

        What is followed may come a moment late, in fewer chunks (``tap``).
        """
        path = f"/api/v1/namespaces/{namespace}/pods/{pod}/log"
        async with self._asked("GET", path, query, silent_s=silent_s) as answer:
            transport = answer.connection and answer.connection.transport
            if "follow" not in query or transport is None:
                yield _chunks(answer)
                return
            async with aclosing(gathered(_chunks(answer), transport)) as chunks:
                yield chunks

    @asynccontextmanager
    async def _asked(
        self,
        method: str,
        path: str,
        query: Query,
        *,
        body: Mapping[str, Any] | None = None,
        answer_s: float | None = None,
        silent_s: float | None = None,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        if self._session is None:
            raise RuntimeError("use the API as a context manager")
        timeout = aiohttp.ClientTimeout(total=answer_s, sock_connect=CONNECT_S, sock_read=silent_s)
        try:
            async with self._session.request(
                method,
                self._base.join(URL(self._base.path.rstrip("/") + path)),
                params=query,
                json=body,
                headers=self._credentials(),
                timeout=timeout,
            ) as answer:
                if answer.status >= 400:  # noqa: PLR2004 - HTTP's own line between yes and no
                    raise _refusal(answer, await answer.content.read(MAX_OBJECT_BYTES))
                yield answer
        except TimeoutError:
            kind = Silence if silent_s is not None else BrokenWorld
            raise kind(f"{self.server}: no answer for {silent_s or answer_s} s") from None
        except (aiohttp.ClientError, OSError, ssl.SSLError) as trouble:
            raise BrokenWorld(f"{self.server}: {_one_line(trouble)}") from trouble

    def _credentials(self) -> dict[str, str]:
        try:
            settings = self._configuration.auth_settings()
        except (OSError, kubernetes_config.ConfigException) as trouble:
            raise BrokenWorld(f"credentials cannot be renewed: {_one_line(trouble)}") from trouble
        return {
            str(each["key"]): str(each["value"]) for each in settings.values() if each.get("value")
        }


def own_namespace() -> str | None:
    """Return the namespace of the pod that this process runs in; None outside a cluster."""
    try:
        return _IN_CLUSTER.with_name("namespace").read_text(encoding="utf-8").strip() or None
    except OSError:
        return None


def _configuration(cluster: ClusterSettings) -> Any:  # noqa: ANN401 - an untyped library's
    configuration = Configuration()
    try:
        if cluster.kubeconfig is None and cluster.context is None and _IN_CLUSTER.exists():
            kubernetes_config.load_incluster_config(  # type: ignore[no-untyped-call]
                client_configuration=configuration
            )
        else:
            kubernetes_config.load_kube_config(  # type: ignore[no-untyped-call]
                config_file=None if cluster.kubeconfig is None else str(cluster.kubeconfig),
                context=cluster.context,
                client_configuration=configuration,
                persist_config=False,
            )
    except (kubernetes_config.ConfigException, OSError, ValueError) as trouble:
        raise UsageError(
            f"no cluster to read from ({_one_line(trouble)}): name a kubeconfig in"
            " AFTERSHOCK_INGEST__CLUSTER__KUBECONFIG (ingest.cluster.kubeconfig)"
        ) from None
    return configuration


def _ssl_context(configuration: Any) -> ssl.SSLContext:  # noqa: ANN401 - see above
    try:
        context = ssl.create_default_context(cafile=configuration.ssl_ca_cert)
        if configuration.cert_file:
            context.load_cert_chain(configuration.cert_file, configuration.key_file)
    except (OSError, ssl.SSLError) as trouble:
        raise UsageError(f"the cluster's certificate or key cannot be used ({trouble})") from None
    if not configuration.verify_ssl:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


async def _chunks(answer: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    async for chunk in answer.content.iter_any():
        yield chunk


def _object(content: bytes) -> Json:
    try:
        found = json.loads(content)
    except ValueError:
        raise BrokenWorld("the cluster's API answered with something that is not JSON") from None
    if not isinstance(found, dict):
        raise BrokenWorld("the cluster's API answered with something that is no object")
    return found


def _event(line: bytes) -> Json:
    event = _object(line)
    if event.get("type") == "ERROR":
        status = event.get("object") or {}
        raise Refused(
            int(status.get("code") or 0), status.get("reason", ""), status.get("message", "")
        )
    return event


def _refusal(answer: aiohttp.ClientResponse, body: bytes) -> Refused:
    try:
        status = json.loads(body)
        reason, message = str(status["reason"]), str(status["message"])
    except (ValueError, KeyError, TypeError):
        reason, message = answer.reason or "", body.decode(errors="replace")
    wait = answer.headers.get("Retry-After", "")
    seconds = float(wait) if wait.isdecimal() else None
    return Refused(answer.status, reason, message, retry_after_s=seconds)


def _one_line(trouble: BaseException) -> str:
    return " ".join(str(trouble).split())[:300] or type(trouble).__name__

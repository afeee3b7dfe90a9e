"""One Prometheus or Thanos over HTTP: a question in PromQL → the answer's series.

It asks once and says how it went; when to ask again is the poller's business. It does not judge
samples, and remembers nothing but how its clock differs from ours.
"""

import asyncio
import ssl
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from types import TracebackType
from typing import Self

import aiohttp
from yarl import URL

from pipeline import clock
from pipeline.errors import BrokenWorld, UsageError
from pipeline.ingest.cluster import Unusable
from pipeline.live.metrics.answer import Answer, answer_of, error_of
from pipeline.live.metrics.windows import Window
from pipeline.settings_ingest import PrometheusSettings

MAX_ANSWER_BYTES = 16 * 1024 * 1024
"""20,000 series with labels of 500 bytes and ten samples of 30. Four answers are read at once; as
Python objects each takes some four times as much: 256 MiB at the very worst, 10 as a rule."""
MAX_ERROR_BYTES = 64 * 1024
MAX_TEXT = 300
"""Of another's words in a line of ours."""
CONNECT_S = 10.0
SKEW = timedelta(seconds=2)
"""Clocks that differ by less are taken as equal: the header counts in whole seconds."""

_BAD = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY})
_TOO_MANY = "too many samples"
"""Prometheus' own words where a query would take more memory than it is allowed."""
_NO_TOKEN = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})


class BadQuery(Exception):  # noqa: N818 - an answer, not an error of ours
    """Prometheus understood, and will not answer this query; the text is its own."""


class TooLarge(BadQuery):
    """The answer is larger than what is read; a shorter window may do."""


class Away(BrokenWorld):
    """Prometheus does not answer, or cannot now; ``retry_after_s`` is what it asked for."""

    def __init__(self, what: str, retry_after_s: float | None = None) -> None:
        super().__init__(what)
        self.retry_after_s = retry_after_s


class Prometheus:
    """One server; use it as an asynchronous context manager."""

    def __init__(self, settings: PrometheusSettings) -> None:
        """Take note of where it is.

        Raises:
            UsageError: there is no address, or it or the authorities' file cannot be used.
        """
        self._settings = settings
        self._base = _base(settings.url)
        self._ssl = _ssl_context(settings)
        self._session: aiohttp.ClientSession | None = None
        self.warnings = 0
        """Answers that may be a part only, as Thanos said."""
        self.ahead = timedelta()
        """By how much its clock is ahead of ours."""

    @property
    def server(self) -> str:
        """The address, for people."""
        return str(self._base)

    async def __aenter__(self) -> Self:
        """Open the connections' pool."""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=self._ssl),
            timeout=aiohttp.ClientTimeout(total=self._settings.timeout_s, sock_connect=CONNECT_S),
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

    async def scraped(self, selector: str, window: Window) -> Answer:
        """Return all samples that were scraped of the selected series within a window.

        Replicas are asked for one by one (Thanos would merge them anew in every window).

        Raises:
            BadQuery: it will not answer this query.
            Away: it does not answer, or cannot now.
        """
        length = (window.until - window.since) // timedelta(milliseconds=1)
        asked = {"query": f"{selector}[{length}ms]", "time": _seconds(window.until)}
        return await self._asked("query", {**asked, "dedup": "false"})

    async def evaluated(self, promql: str, window: Window, step_s: float) -> Answer:
        """Return an expression's values at the window's beginning and each step; raises as above.

        Replicas are merged by the server: an expression over all of them counts twice.
        """
        start, end = _seconds(window.since), _seconds(window.until)
        asked = {"query": promql, "start": start, "end": end, "step": f"{step_s:.3f}"}
        return await self._asked("query_range", asked)

    async def _asked(self, what: str, form: Mapping[str, str]) -> Answer:
        if self._session is None:
            raise RuntimeError("use Prometheus as a context manager")
        try:
            async with self._session.post(
                self._base.joinpath("api", "v1", what),
                data={**form, "timeout": f"{self._settings.timeout_s:.3f}"},
                headers=self._credentials(),
                allow_redirects=False,
            ) as reply:
                content = await self._content(reply)
        except TimeoutError:
            raise Away(f"{self.server}: no answer for {self._settings.timeout_s:g} s") from None
        except (aiohttp.ClientError, OSError, ssl.SSLError) as trouble:
            raise Away(f"{self.server}: {_one_line(trouble)}") from trouble
        try:
            answer = await asyncio.to_thread(answer_of, content)  # a tenth of a second at worst
        except Unusable as trouble:
            raise Away(f"{self.server}: {trouble}") from None
        self.warnings += bool(answer.warnings)
        return answer

    async def _content(self, reply: aiohttp.ClientResponse) -> bytes:
        self._compare_clocks(reply)
        if reply.status != HTTPStatus.OK:
            raise _refusal(self.server, reply, await _read(reply, MAX_ERROR_BYTES))
        content = await _read(reply, MAX_ANSWER_BYTES + 1)
        if len(content) > MAX_ANSWER_BYTES:
            raise TooLarge(f"its answer is larger than {MAX_ANSWER_BYTES >> 20} MiB: narrow it")
        return content

    def _credentials(self) -> dict[str, str]:
        token = self._settings.token.get_secret_value() if self._settings.token else ""
        if self._settings.token_file is not None:
            try:
                token = self._settings.token_file.read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError) as trouble:
                raise Away(f"token file: {_one_line(trouble)}") from None
        if not token.isprintable():
            raise Away("the token for Prometheus has characters that no header can carry")
        return {"Authorization": f"Bearer {token}"} if token else {}

    def _compare_clocks(self, reply: aiohttp.ClientResponse) -> None:
        try:
            there = parsedate_to_datetime(reply.headers.get("Date", "")).astimezone(UTC)
        except (ValueError, OverflowError):
            return
        # The header is cut to the second: half of one is lost on average.
        ahead = there + timedelta(milliseconds=500) - clock.now()
        self.ahead = ahead if abs(ahead) > SKEW else timedelta()


def _base(url: str | None) -> URL:
    hint = "set ingest.prometheus.url to http(s)://host:port, with any path before /api/v1"
    if url is None:
        raise UsageError(f"no Prometheus is set: {hint}")
    try:
        base = URL(url.rstrip("/"))
    except ValueError as trouble:
        raise UsageError(f"{url!r} is no address ({trouble}): {hint}") from None
    if base.scheme not in {"http", "https"} or not base.host:
        raise UsageError(f"{url!r} is no address of a Prometheus: {hint}")
    return base


def _ssl_context(settings: PrometheusSettings) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(
            cafile=None if settings.cafile is None else str(settings.cafile)
        )
    except (OSError, ssl.SSLError) as trouble:
        raise UsageError(
            f"authorities of Prometheus: {settings.cafile}: {_one_line(trouble)}: name a PEM file"
            " in ingest.prometheus.cafile"
        ) from None


async def _read(reply: aiohttp.ClientResponse, most: int) -> bytes:
    """Return the body, or its first ``most`` bytes, unpacked."""
    parts: list[bytes] = []
    size = 0
    async for part in reply.content.iter_any():
        parts.append(part)
        size += len(part)
        if size >= most:
            break
    return b"".join(parts)[:most]


def _refusal(server: str, reply: aiohttp.ClientResponse, body: bytes) -> Exception:
    told = error_of(body)
    said = (told or " ".join(body.decode(errors="replace").split()) or reply.reason or "")[
        :MAX_TEXT
    ]
    if reply.status in _BAD and told is not None:
        return TooLarge(said) if _TOO_MANY in told else BadQuery(said)
    if reply.status in _NO_TOKEN:
        return Away(f"{server}: does not take our token ({reply.status} {said})")
    if reply.headers.get("Location"):
        where = reply.headers["Location"][:MAX_TEXT]
        return Away(f"{server}: sends us on to {where}: set the address that answers itself")
    wait = reply.headers.get("Retry-After", "")
    return Away(f"{server}: {reply.status} {said}", float(wait) if wait.isdecimal() else None)


def _seconds(time: datetime) -> str:
    return f"{time.timestamp():.3f}"


def _one_line(trouble: BaseException) -> str:
    return " ".join(str(trouble).split())[:MAX_TEXT] or type(trouble).__name__

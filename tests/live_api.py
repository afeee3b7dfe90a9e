"""A stand-in for the cluster's API in one process: for what a real one does once in a blue moon."""

import json
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import web

from pipeline.live.cluster.api import ClusterApi
from pipeline.settings_ingest import ClusterSettings

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def answering(answer: Answer) -> AsyncIterator[ClusterApi]:
    """Yield the API of a cluster that answers all requests as told (plain HTTP)."""

    async def answered(request: web.Request) -> web.StreamResponse:
        return await answer(request)

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", answered)
    runner = web.AppRunner(application, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = runner.addresses[0][1]
    with tempfile.TemporaryDirectory() as folder:
        kubeconfig = Path(folder) / "config"
        kubeconfig.write_text(json.dumps(_config(f"http://127.0.0.1:{port}")), encoding="utf-8")
        async with ClusterApi(ClusterSettings(kubeconfig=kubeconfig)) as api:
            try:
                yield api
            finally:
                await runner.cleanup()


async def streamed(request: web.Request, *parts: bytes, broken: bool = False) -> web.StreamResponse:
    """Answer with parts, then end: in good order, or by breaking the connection."""
    response = web.StreamResponse()
    response.enable_chunked_encoding()
    await response.prepare(request)
    for part in parts:
        await response.write(part)
    if broken and request.transport is not None:
        request.transport.abort()
    return response


def refused(status: int, message: str = "no") -> web.Response:
    """Return a refusal as the API server writes it."""
    body = {"kind": "Status", "code": status, "reason": "Told", "message": message}
    return web.json_response(body, status=status)


def line(event: dict[str, Any]) -> bytes:
    """Return an event of a watch."""
    return json.dumps(event).encode() + b"\n"


def _config(server: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "c",
        "clusters": [{"name": "c", "cluster": {"server": server}}],
        "users": [{"name": "u", "user": {"token": "t"}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
    }

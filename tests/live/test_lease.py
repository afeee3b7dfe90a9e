"""A lease whose API hangs, refuses or is touched by others: never two holders, never a hang."""

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from aiohttp import web

from live_api import answering, refused
from pipeline.live.cluster import lease as module
from pipeline.live.cluster.api import ClusterApi
from pipeline.live.cluster.lease import Lease


class Server:
    """Keeps one lease; may hang, and may be touched just before a write."""

    def __init__(self) -> None:
        self.kept: dict[str, Any] | None = None
        self.version = 0
        self.hangs = False
        self.touched = 0
        """So many writes come too late."""

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        """Answer."""
        if self.hangs:
            await asyncio.Event().wait()
        if request.method == "GET":
            return refused(404) if self.kept is None else web.json_response(self.kept)
        if self.touched:
            self.touched -= 1
            return refused(409)
        self.version += 1
        self.kept = await request.json()
        self.kept["metadata"]["resourceVersion"] = str(self.version)
        return web.json_response(self.kept)


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Everything twenty times faster."""
    for name in ("RENEW_S", "GIVE_UP_S", "RETRY_S", "RELEASE_S"):
        monkeypatch.setattr(module, name, getattr(module, name) / 20)
    return iter(())


def lease(api: ClusterApi, lost: list[str] | None = None, *, ends: bool = False) -> Lease:
    told = [] if lost is None else lost
    return Lease(
        api=api,
        namespace="ns",
        name="events",
        holder="us",
        ends_with_work=ends,
        on_lost=told.append,
    )


async def held(ours: Lease) -> None:
    async with asyncio.timeout(5):
        while not ours.held:
            await asyncio.sleep(0.01)


async def while_set(working: asyncio.Event) -> None:
    working.set()
    try:
        await asyncio.Event().wait()
    finally:
        working.clear()


async def for_ever() -> None:
    await asyncio.Event().wait()


def test_a_holder_gives_up_in_time_though_the_api_hangs() -> None:
    async def story() -> None:
        server = Server()
        async with answering(server) as api:
            lost: list[str] = []
            ours, working = lease(api, lost), asyncio.Event()
            running = asyncio.create_task(ours.run(lambda: while_set(working)))
            await held(ours)
            server.hangs = True
            await asyncio.sleep(module.GIVE_UP_S + 0.3)
            assert "could not be renewed" in lost[0]
            assert not working.is_set()
            server.hangs = False
            await held(ours)
            await asyncio.wait_for(working.wait(), 2)  # and goes on when it may
            running.cancel()

    asyncio.run(story())


def test_a_holder_that_another_has_replaced_says_so() -> None:
    async def story() -> None:
        server = Server()
        async with answering(server) as api:
            lost: list[str] = []
            ours = lease(api, lost)
            running = asyncio.create_task(ours.run(for_ever))
            await held(ours)
            assert server.kept is not None
            server.kept["spec"]["holderIdentity"] = "another"
            await asyncio.sleep(2 * module.RENEW_S)
            assert "another process has taken our place" in lost[0]
            running.cancel()

    asyncio.run(story())


def test_a_lease_that_somebody_touches_is_not_lost() -> None:
    async def story() -> None:
        server = Server()
        async with answering(server) as api:
            ours = lease(api)
            running = asyncio.create_task(ours.run(for_ever))
            await held(ours)
            server.touched = 1
            await asyncio.sleep(2 * module.RENEW_S)
            assert (server.touched, ours.held, running.done()) == (0, True, False)
            running.cancel()

    asyncio.run(story())


def test_a_stop_while_the_work_is_being_stopped_is_a_stop() -> None:
    async def slow() -> None:
        try:
            await for_ever()
        finally:
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(0.3)

    async def story() -> None:
        server = Server()
        async with answering(server) as api:
            ours = lease(api)
            running = asyncio.create_task(ours.run(slow))
            await held(ours)
            assert server.kept is not None
            server.kept["spec"]["holderIdentity"] = "another"
            while ours.held:
                await asyncio.sleep(0.01)
            running.cancel()
            await asyncio.wait({running}, timeout=2)
            assert running.cancelled()

    asyncio.run(story())


def test_giving_a_lease_back_does_not_take_long_and_is_seen() -> None:
    async def story() -> None:
        server = Server()
        async with answering(server) as api:
            first, second = lease(api, ends=True), lease(api, ends=True)
            for ours, hangs in ((first, False), (second, True)):
                await asyncio.wait_for(ours.run(lambda: asyncio.sleep(0)), 2)  # its work ends
                server.hangs = hangs
                await asyncio.wait_for(ours.release(), module.RELEASE_S + 0.3)
                assert server.kept is not None
                assert bool(server.kept["spec"]["holderIdentity"]) == hangs

    asyncio.run(story())

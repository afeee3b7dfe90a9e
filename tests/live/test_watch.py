"""A watch through what servers and load balancers do seldom."""

import asyncio
from collections import Counter
from contextlib import suppress

import pytest
from aiohttp import web

from live_api import Answer, answering, line, refused, streamed
from pipeline.live.cluster import watch as module
from pipeline.live.cluster.api import Json
from pipeline.live.cluster.watch import Watch
from pipeline.live.pause import Pause

GONE = {"type": "ERROR", "object": {"code": 410, "reason": "Expired", "message": "too old"}}
BROKEN = {"type": "ERROR", "object": {"code": 500, "reason": "Internal", "message": "no PrevKv"}}


class Heard:
    """A handler that keeps names."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.lists = 0

    def listing(self) -> None:
        """Nothing to forget."""

    def page(self, items: list[Json]) -> None:
        """Keep what is listed."""
        self.names += [item["metadata"]["name"] for item in items]

    def listed(self) -> None:
        """Count lists."""
        self.lists += 1

    def changed(self, kind: str, item: Json) -> None:
        """Keep what has changed."""
        del kind
        self.names.append(item["metadata"]["name"])

    def missed(self, seconds: float) -> None:
        """Lists tell."""


def pod(name: str, version: int) -> Json:
    """An event of a watch."""
    return {"type": "ADDED", "object": {"metadata": {"name": name, "resourceVersion": version}}}


def watched(answer: Answer, for_s: float) -> tuple[Heard, list[str | None]]:
    """Watch for a while; return what was heard, and the troubles told."""
    heard, troubles = Heard(), list[str | None]()

    async def story() -> None:
        async with answering(answer) as api:
            watch = Watch(
                api=api,
                path="/api/v1/pods",
                handler=heard,
                timeout_s=60,
                pause=Pause(first_s=0.05, longest_s=3.0),  # a tenth of the real ones
                on_trouble=troubles.append,
            )
            with suppress(TimeoutError):
                await asyncio.wait_for(watch.run(), for_s)

    asyncio.run(story())
    return heard, troubles


class Server:
    """Answers lists with nothing, watches as told; counts both."""

    def __init__(self, *, events: list[Json], broken: bool = False, items: object = ()) -> None:
        self.asked: Counter[str] = Counter()
        self.events, self.broken, self.items = events, broken, items

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        """Answer."""
        what = "watch" if "watch" in request.query else "list"
        self.asked[what] += 1
        if what == "list":
            return web.json_response({"metadata": {"resourceVersion": "5"}, "items": self.items})
        return await streamed(request, *map(line, self.events), broken=self.broken)


def test_versions_that_are_too_old_at_once_are_no_storm_of_lists() -> None:
    server = Server(events=[GONE])
    watched(server, 0.4)
    assert 2 <= server.asked["list"] <= 6


def test_watches_that_end_at_once_are_no_storm_of_watches() -> None:
    server = Server(events=[])
    watched(server, 0.4)
    assert 2 <= server.asked["watch"] <= 6


def test_a_connection_that_is_cut_again_and_again_is_a_new_trouble_each_time() -> None:
    server = Server(events=[pod("a", 6)], broken=True)
    watched(server, 0.6)
    assert server.asked["watch"] >= 7  # with a back-off that grows: at most five


def test_a_version_that_is_refused_for_ever_is_given_up() -> None:
    server = Server(events=[BROKEN])
    heard, troubles = watched(server, 1.0)
    assert heard.lists >= 2
    assert "no PrevKv" in next(filter(None, troubles))


def test_a_throttled_watch_is_not_answered_with_lists() -> None:
    server = Server(events=[])

    async def throttled(request: web.Request) -> web.StreamResponse:
        if "watch" in request.query:
            server.asked["watch"] += 1
            return refused(429, "too many requests")
        return await server(request)

    watched(throttled, 1.0)
    assert server.asked["watch"] >= 4
    assert server.asked["list"] == 1


def test_what_is_no_object_is_trouble_and_no_end() -> None:
    heard, troubles = watched(Server(events=[], items=["a pod"]), 0.2)
    assert "no object" in next(filter(None, troubles))
    assert heard.lists == 0


def test_a_watch_that_is_open_again_and_silent_is_no_trouble(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "OPEN_S", 0.1)
    asked: list[str] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        if "watch" not in request.query:
            return web.json_response({"metadata": {"resourceVersion": "5"}})
        asked.append("watch")
        if len(asked) == 1:
            return refused(500)
        await asyncio.Event().wait()
        raise AssertionError

    _, troubles = watched(answer, 0.5)
    assert len(troubles) > 1
    assert troubles[-1] is None


def test_a_watch_that_ends_leaves_no_trouble_behind() -> None:
    async def answer(_: web.Request) -> web.StreamResponse:
        return refused(500)

    assert watched(answer, 0.1)[1][-1] is None

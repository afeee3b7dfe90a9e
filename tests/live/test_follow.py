"""Followers through what happens to pods and their logs seldom: every line once, and no end."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from aiohttp import web

from live_api import Answer, refused, streamed
from live_fleet import HUB, Site, ended, fleet_on, for_ever, logged, pod, stamp
from pipeline import clock
from pipeline.live.cluster.api import ClusterApi, Silence
from pipeline.live.logs import follow, slots
from pipeline.live.pause import Pause
from pipeline.settings_ingest import LogSettings


def told(answer: Answer, story: Callable[[Site], Awaitable[None]], **site: Any) -> Site:  # noqa: ANN401
    """Tell a story of a fleet; return what is left."""

    async def telling() -> Site:
        async with fleet_on(answer, **site) as at_work:
            await story(at_work)
        return at_work

    return asyncio.run(telling())


def test_a_restart_after_a_broken_stream_is_read_on() -> None:
    first, second = logged("one"), logged("two")

    async def answer(request: web.Request) -> web.StreamResponse:
        if restarted.is_set():
            return await for_ever(request, second)
        return await streamed(request, first, broken=True)

    async def story(site: Site) -> None:
        site.fleet.take(pod())
        await site.until(lambda: site.fleet.counts["log_streams_broken"] > 0)
        restarted.set()
        site.fleet.take(pod(restarts=1, last=ended()))
        await site.until(lambda: site.sink.texts()[-1:] == ["two"])

    restarted = asyncio.Event()
    told(answer, story)


def test_nothing_is_asked_of_a_pod_that_is_gone_and_a_gap_is_told_once() -> None:
    asked: list[str] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        asked.append(request.path)
        return await streamed(request, logged("one"), broken=True)

    async def story(site: Site) -> None:
        gone = site.fleet.take(pod())
        assert gone is not None
        await site.until(lambda: site.fleet.counts["log_streams_broken"] > 0)
        count = len(asked)
        site.fleet.vanish(gone)
        await site.until(lambda: not site.fleet.followers)
        assert len(asked) == count

    assert len(told(answer, story).sink.gaps) == 1


def test_a_pod_that_takes_over_a_name_is_followed_once_and_its_lines_come_once() -> None:
    lines = logged("one", "two")
    streams = [0]

    async def answer(request: web.Request) -> web.StreamResponse:
        streams[0] += 1
        try:
            return await for_ever(request, lines)
        finally:
            streams[0] -= 1

    async def story(site: Site) -> None:
        began = {"running": {"startedAt": stamp(clock.now() - timedelta(seconds=5))}}
        old = site.fleet.take(pod(uid="u1"))
        assert old is not None
        await site.read("one", "two")  # of the new pod: the watch is late
        site.fleet.vanish(old)
        site.fleet.take(pod(uid="u2", state=began))
        await site.until(lambda: list(site.fleet.followers) == [f"ns/{HUB}/u2/main"])
        await site.until(lambda: streams == [1])
        assert site.sink.texts() == ["one", "two"]

    told(answer, story)


def test_silent_containers_keep_nobody_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slots, "OPENING_S", 0.1)

    async def answer(request: web.Request) -> web.StreamResponse:
        return await for_ever(request, *([logged("one")] if HUB in request.path else []))

    async def story(site: Site) -> None:
        for number in range(70):
            site.fleet.take(pod(f"jupyterhub-nb-u{number}"))
        site.fleet.take(pod())
        await site.read("one")
        await site.until(lambda: not list(site.fleet.behind(clock.now(), 0.0)))

    told(answer, story)


def test_without_even_a_connection_the_mark_is_held(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    @asynccontextmanager
    async def nobody(*_: object, **__: object) -> AsyncIterator[None]:
        if not asked:
            raise Silence("no answer for 10 s")
        yield

    async def story(site: Site) -> None:
        monkeypatch.setattr(ClusterApi, "log", nobody)
        site.fleet.take(pod())
        await site.until(lambda: site.fleet.counts["log_streams_broken"] > 0)
        (later,) = site.fleet.behind(clock.now() + timedelta(seconds=9), 0.0)
        assert later <= clock.now()

    told(partial(for_ever), story)


def test_what_there_is_no_room_for_holds_the_mark_however_long() -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        return await for_ever(request, logged("one"))

    async def story(site: Site) -> None:
        site.sink.full = {"log"}
        site.fleet.take(pod())
        await site.read("one")
        now, at = clock.now(), asyncio.get_running_loop().time()
        for later in (10, 70, 700):
            (reached,) = site.fleet.behind(now + timedelta(seconds=later), at + later)
            assert reached <= now

    told(answer, story)


def test_logs_that_are_read_to_their_end_do_not_wait_for_those_that_are_followed() -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        if "follow" in request.query:
            return await for_ever(request, logged("runs"))
        return await streamed(request, logged("ended"))

    async def story(site: Site) -> None:
        site.fleet.take(pod())
        await site.read("runs")
        site.fleet.take(pod("jupyterhub-nb-alice", state=ended(), phase="Failed"))
        await site.read("runs", "ended")
        site.fleet.take(pod("jupyterhub-nb-bob"))
        await site.until(lambda: bool(site.fleet.troubles()))
        assert "1 logs are not followed" in site.fleet.troubles()[0]

    told(answer, story, logs=LogSettings(max_streams=1))


def test_a_container_that_crashes_for_days_is_read_each_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(follow, "LINGER_S", 0.05)
    runs: list[bytes] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        return await streamed(request, runs[-2 if "previous" in request.query else -1])

    async def story(site: Site) -> None:
        for number in range(6):
            runs.append(logged(f"run {number}"))
            last = ended() if number else None
            site.fleet.take(pod(restarts=number, last=last))
            await site.until(lambda: len(site.sink.texts()) == len(runs))
            site.fleet.take(pod(restarts=number, state={"waiting": {}}, last=ended()))
            await site.until(lambda: not site.fleet.followers)
        assert sum(not task.done() for task in site.tasks) == 0

    site = told(answer, story)
    assert site.sink.texts() == [f"run {number}" for number in range(6)]
    assert site.sink.gaps == []


def test_a_pod_that_loses_its_statuses_is_read_to_its_end_and_forgotten() -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        return await streamed(request, one, *([two] if evicted.is_set() else []))

    async def story(site: Site) -> None:
        site.fleet.take(pod())
        await site.read("one")
        evicted.set()
        failed = pod(phase="Failed")
        failed["status"]["containerStatuses"] = []
        gone = site.fleet.take(failed)
        assert gone is not None
        await site.until(lambda: not site.fleet.followers)
        assert site.sink.texts() == ["one", "two"]
        site.fleet.vanish(gone)
        assert not any(site.fleet.position_parts().values())

    one, two, evicted = logged("one"), logged("two"), asyncio.Event()
    told(answer, story)


def test_the_log_of_an_ended_pod_that_is_no_longer_there_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(follow, "IN_VAIN", 2)

    async def answer(_: web.Request) -> web.StreamResponse:
        return refused(404, "container not found")

    async def story(site: Site) -> None:
        site.fleet.take(pod(state=ended(), phase="Failed"))
        await site.until(lambda: not site.fleet.followers)

    (gap,) = told(answer, story).sink.gaps
    assert "cannot be read any more" in gap.what


def test_what_ended_before_the_first_look_is_not_even_asked_for() -> None:
    async def answer(_: web.Request) -> web.StreamResponse:
        raise AssertionError("asked")

    async def story(site: Site) -> None:
        long_ago = clock.now() - timedelta(hours=1)
        site.fleet.take(pod(state=ended(long_ago), phase="Succeeded"))
        assert not site.tasks

    told(answer, story)


def test_a_stream_that_was_open_is_opened_again_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "Pause", partial(Pause, first_s=0.02, longest_s=5.0))
    asked: list[float] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        asked.append(asyncio.get_running_loop().time())
        if len(asked) <= 6:
            return refused(500, "the kubelet is away")
        return await streamed(request, logged("one"), broken=True)

    async def story(site: Site) -> None:
        site.fleet.take(pod())
        await site.until(lambda: len(asked) >= 8)
        assert asked[7] - asked[6] < 0.3 < asked[6] - asked[5] + 0.1

    told(answer, story)

"""What a server may answer, and what becomes of it; over real HTTP, with prepared answers."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import web

from pipeline import clock
from pipeline.errors import UsageError
from pipeline.ingest.route import Router
from pipeline.live.metrics import poller as poller_module
from pipeline.live.metrics import prometheus as prometheus_module
from pipeline.live.metrics.answer import Answer
from pipeline.live.metrics.poller import MetricsPoller
from pipeline.live.metrics.prometheus import Away, BadQuery, Prometheus, TooLarge
from pipeline.live.metrics.queries import Query
from pipeline.live.metrics.windows import Window
from pipeline.records import EPOCH, Gap, Observation, Rejected, Signal
from pipeline.settings_ingest import PrometheusSettings

NOW = clock.now()
WINDOW = Window(NOW - timedelta(seconds=30), NOW)
UP = Query(id="up", title="U", kind="select", promql="up")
NOTHING = '{"status":"success","data":{"resultType":"matrix","result":[]}}'
Reply = Callable[[], web.Response]


async def served(reply: Reply, asked: list[dict[str, str]]) -> tuple[web.AppRunner, str]:
    async def answer(request: web.Request) -> web.Response:
        form = {name: str(value) for name, value in (await request.post()).items()}
        asked.append({"path": request.path, **form})
        return reply()

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    return runner, f"http://127.0.0.1:{port}"


def ask(
    reply: Reply, asked: list[dict[str, str]] | None = None, **settings: object
) -> tuple[Answer, Prometheus]:
    async def main() -> tuple[Answer, Prometheus]:
        runner, url = await served(reply, [] if asked is None else asked)
        given = PrometheusSettings.model_validate({"url": f"{url}/prefix", **settings})
        try:
            async with Prometheus(given) as client:
                return await client.scraped("up", WINDOW), client
        finally:
            await runner.cleanup()

    return asyncio.run(main())


def test_the_question_is_a_form_that_has_a_whole_window() -> None:
    asked: list[dict[str, str]] = []
    ask(lambda: web.Response(text=NOTHING), asked)
    [form] = asked
    assert (form["path"], form["query"]) == ("/prefix/api/v1/query", "up[30000ms]")
    assert (float(form["time"]), form["dedup"]) == (round(NOW.timestamp(), 3), "false")


def test_partial_answers_are_counted() -> None:
    partial = NOTHING.replace('"data"', '"warnings":["a store is away"],"data"')
    assert ask(lambda: web.Response(text=partial))[1].warnings == 1
    assert ask(lambda: web.Response(text=NOTHING))[1].warnings == 0


def test_a_clock_that_differs_is_noticed() -> None:
    def late() -> web.Response:
        return web.Response(text=NOTHING, headers={"Date": "Mon, 02 Mar 2026 10:00:00 GMT"})

    ahead = ask(late)[1].ahead
    assert abs(clock.now() + ahead - clock.now().replace(2026, 3, 2, 10, 0, 0)) < timedelta(
        seconds=2
    )
    assert ask(lambda: web.Response(text=NOTHING))[1].ahead == timedelta()


REPLIES: dict[str, tuple[Reply, type[Exception], str]] = {
    "bad": (
        lambda: web.Response(status=400, text='{"status":"error","error":"parse\\nerror"}'),
        BadQuery,
        "parse error",
    ),
    "too much": (
        lambda: web.Response(
            status=422,
            text='{"status":"error","error":"query processing would load too many samples"}',
        ),
        TooLarge,
        "too many samples",
    ),
    "a proxy's own 400": (lambda: web.Response(status=400, text="<html>"), Away, "400 <html>"),
    "no token": (lambda: web.Response(status=403, text="no\n"), Away, "does not take our token"),
    "a login": (
        lambda: web.Response(status=302, headers={"Location": "/login"}),
        Away,
        "sends us on to /login",
    ),
    "a page": (lambda: web.Response(text="<html>"), Away, "not an answer of Prometheus' API"),
    "nothing": (web.Response, Away, "not an answer of Prometheus' API"),
    "a failure": (lambda: web.Response(status=502, text="bad gateway"), Away, "502 bad gateway"),
}


@pytest.mark.parametrize("name", REPLIES)
def test_anything_but_a_matrix_is_one_line(name: str) -> None:
    reply, kind, text = REPLIES[name]
    with pytest.raises(kind, match=text) as found:
        ask(reply)
    assert type(found.value) is kind
    assert "\n" not in str(found.value)


def test_what_the_server_asks_for_is_passed_on() -> None:
    with pytest.raises(Away) as found:
        ask(lambda: web.Response(status=429, headers={"Retry-After": "7"}))
    assert found.value.retry_after_s == 7


def test_an_answer_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prometheus_module, "MAX_ANSWER_BYTES", len(NOTHING))
    ask(lambda: web.Response(text=NOTHING))
    with pytest.raises(TooLarge):
        ask(lambda: web.Response(text=NOTHING + " "))


def test_a_token_file_that_is_missing_is_no_crash(tmp_path: Path) -> None:
    with pytest.raises(Away, match=r"token file: .*No such file"):
        ask(lambda: web.Response(text=NOTHING), token_file=tmp_path / "none")


@pytest.mark.parametrize(
    "settings", [{}, {"url": "prometheus:9090"}, {"url": "http://p", "cafile": "/nowhere.pem"}]
)
def test_settings_that_cannot_work_are_one_line(settings: dict[str, str]) -> None:
    with pytest.raises(UsageError, match=r"ingest\.prometheus\.") as found:
        Prometheus(PrometheusSettings.model_validate(settings))
    assert "\n" not in str(found.value)


class NoSink:
    """Is given nothing in these tests."""

    def observe(self, node: str, observation: Observation) -> None:
        """Fail."""
        raise AssertionError((node, observation))

    def gap(self, gap: Gap) -> None:
        """Fail."""
        raise AssertionError(gap)

    def rejected(self, rejected: Rejected) -> None:
        """Fail."""
        raise AssertionError(rejected)

    async def room(self, signal: Signal) -> None:
        """Have room."""


@dataclass
class Polled:
    """What a poller did in some seconds."""

    asked: list[dict[str, str]] = field(default_factory=list)
    positions: dict[str, datetime] = field(default_factory=dict)
    bad: dict[str, str] = field(default_factory=dict)
    progress: datetime = EPOCH


def polled(reply: Callable[[str], web.Response], seconds: float, back_s: float = 60) -> Polled:
    """Let a poller ask for ``up`` from some time ago on; ``reply`` is given the question."""

    async def main() -> Polled:
        found = Polled()
        runner, url = await served(lambda: reply(found.asked[-1]["query"]), found.asked)
        settings = PrometheusSettings(url=url, every_s=1, delay_s=0)
        async with Prometheus(settings) as client:
            poller = MetricsPoller(
                queries=[UP],
                prometheus=client,
                settings=settings,
                sink=NoSink(),
                router=Router([]),
                source="ingest-0",
                start={"up": clock.now() - timedelta(seconds=back_s)},
            )
            task = asyncio.create_task(poller.run())
            await asyncio.sleep(seconds)
            found.progress, found.bad = poller.progress(), poller.bad_queries()
            found.positions = poller.positions()
            task.cancel()
            await asyncio.wait([task])
        await runner.cleanup()
        return found

    return asyncio.run(main())


def test_a_busy_server_is_left_alone_for_as_long_as_it_asks() -> None:
    def busy(_query: str) -> web.Response:
        return web.Response(status=503, headers={"Retry-After": "30"})

    assert len(polled(busy, 2.0).asked) == 1


def test_time_goes_on_without_a_server_that_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(_query: str) -> web.Response:
        return web.Response(status=502)

    held = polled(away, 1.0)
    assert held.progress == held.positions["up"]
    monkeypatch.setattr(poller_module, "HELD_S", 0.3)
    gone_on = polled(away, 1.0)
    assert gone_on.progress > gone_on.positions["up"] + timedelta(seconds=30)


def test_an_answer_that_is_too_large_is_asked_for_in_parts() -> None:
    too_many = '{"status":"error","error":"would load too many samples into memory"}'

    def at_most_a_minute(query: str) -> web.Response:
        length = int(query.removeprefix("up[").removesuffix("ms]"))
        if length > 60_000:
            return web.Response(status=422, text=too_many)
        return web.Response(text=NOTHING)

    whole = polled(at_most_a_minute, 1.0, back_s=600)
    assert whole.bad == {}
    assert clock.now() - whole.positions["up"] < timedelta(seconds=20)


def test_a_query_that_is_too_large_whatever_its_window_is_refused() -> None:
    too_many = '{"status":"error","error":"would load too many samples into memory"}'
    found = polled(lambda _query: web.Response(status=422, text=too_many), 1.0, back_s=600)
    assert list(found.bad) == ["up"]
    assert len(found.asked) < 8

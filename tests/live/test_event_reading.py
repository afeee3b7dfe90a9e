"""Who takes over the reading of events knows how far others have come; floods cost little."""

import asyncio
import random
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiohttp import web

from live_api import answering
from live_sink import KeptSink
from pipeline import clock
from pipeline.errors import BrokenWorld
from pipeline.ingest.route import Router
from pipeline.live import event_reading, events
from pipeline.live.event_reading import EVENTS, EventReading
from pipeline.live.events import Events
from pipeline.live.shared import Shared
from topology.load import load
from topology.versions import Timeline

HUB = "jupyterhub-124-x7k2p"


def event(uid: str, count: int = 1) -> dict[str, Any]:
    """Return an event object of the hub."""
    return {
        "metadata": {"namespace": "ns", "name": uid, "uid": uid},
        "involvedObject": {"kind": "Pod", "namespace": "ns", "name": HUB},
        "reason": "Unhealthy",
        "count": count,
        "lastTimestamp": "2026-03-02T10:00:00Z",
    }


def read_for(seconds: float) -> tuple[KeptSink, list[str | None]]:
    """Read the events of a server that has one, for a while."""
    sink, troubles = KeptSink(), list[str | None]()

    async def answer(request: web.Request) -> web.StreamResponse:
        if "watch" in request.query:
            await asyncio.Event().wait()
        return web.json_response({"metadata": {"resourceVersion": "1"}, "items": [event("e")]})

    async def story() -> None:
        async with answering(answer) as api:
            settings = SimpleNamespace(
                kafka=None, ingest=SimpleNamespace(cluster=SimpleNamespace(watch_timeout_s=60))
            )
            shared = SimpleNamespace(
                settings=settings,
                api=api,
                outbox=sink,
                sink=sink,
                router=Router([Timeline.of([load("jupyterhub-openshift", {})])]),
                namespaces=("ns",),
                source="test",
                trouble=lambda _who, what: troubles.append(what),
            )
            reading = EventReading(
                shared=cast("Shared", shared),
                machine_of=lambda _namespace, _pod: None,
                nodes=lambda: {"jupyterhub/hub"},
            )
            with suppress(TimeoutError):
                await asyncio.wait_for(reading.run(), seconds)

    asyncio.run(story())
    return sink, troubles


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime], None]:
    """Say up to when events were read, by whoever read them last."""

    def until(time: datetime) -> None:
        monkeypatch.setattr(event_reading, "seen_events", lambda _kafka, _since: {})
        monkeypatch.setattr(event_reading, "restored_queries", lambda _kafka: {EVENTS: time})

    return until


def test_who_takes_over_after_hours_tells_no_gap_that_others_have_read(
    known: Callable[[datetime], None],
) -> None:
    known(clock.now() - timedelta(minutes=1))
    sink, _ = read_for(0.3)
    assert (len(sink.events()), sink.gaps) == (1, [])


def test_what_nobody_has_read_and_the_server_no_longer_has_is_a_gap(
    known: Callable[[datetime], None],
) -> None:
    known(clock.now() - timedelta(hours=3))
    (gap,) = read_for(0.3)[0].gaps
    assert (gap.node, gap.signal) == ("jupyterhub/hub", "event")
    assert gap.until - gap.since == pytest.approx(timedelta(hours=2), abs=timedelta(minutes=6))


def test_a_broker_that_is_away_at_a_take_over_is_waited_for(
    known: Callable[[datetime], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    known(clock.now())
    tries = [0]

    def away(_kafka: object, _since: datetime) -> dict[str, int]:
        tries[0] += 1
        if tries[0] == 1:
            raise BrokenWorld("no broker")
        return {"e": 1}

    monkeypatch.setattr(event_reading, "seen_events", away)
    monkeypatch.setattr(random, "uniform", lambda low, _high: low / 10)
    sink, troubles = read_for(0.5)
    assert troubles[:2] == ["no broker", None]
    assert sink.events() == []  # the new reader knows what was published


@pytest.mark.long
def test_what_was_seen_is_bounded_and_a_flood_costs_no_more_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(events, "MAX_SEEN", 20_000)
    sink = KeptSink()
    taking = Events(
        sink=sink,
        router=Router([]),
        machine_of=lambda _namespace, _pod: None,
        on_missed=lambda _seconds: None,
    )
    costs = []
    for batch in range(5):
        before = clock.monotonic()
        taking.page([event(f"{batch}-{number}") for number in range(10_000)])
        costs.append(clock.monotonic() - before)
    assert len(taking.seen) == 20_000
    assert min(costs[2:]) < 2 * min(costs[:2])

"""Readiness and liveness tell the truth, by the clock that they are given."""

import json
import urllib.request
from dataclasses import dataclass

import pytest

from pipeline.errors import AftershockError
from pipeline.health import BROKER_SILENT_S, DEAD_S, STUCK_S, Health, served


@dataclass
class Clock:
    """A clock that goes when told."""

    now: float = 1000.0

    def __call__(self) -> float:
        """Return the time in seconds."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def working(clock: Clock) -> Health:
    """A role at work, with nothing left to do."""
    health = Health("detect", clock=clock)
    health.waiting(None)
    health.progress(10, 10)
    return health


def test_a_role_is_not_ready_before_its_state_is_restored(clock: Clock) -> None:
    health = Health("detect", clock=clock)
    assert health.report().problems == ["starting"]
    health.waiting(None)
    assert health.report().ready


def test_a_silent_broker_makes_it_not_ready_and_an_answer_ready(
    working: Health, clock: Clock
) -> None:
    clock.now += BROKER_SILENT_S + 1
    assert not working.report().ready
    working.beat()
    assert working.report().ready


def test_lag_is_fine_as_long_as_there_is_progress(working: Health, clock: Clock) -> None:
    for position in range(10, 20):
        clock.now += STUCK_S - 1
        working.beat()
        working.progress(position + 1, 1000)
        assert working.report().ready


def test_lag_without_progress_makes_it_not_ready(working: Health, clock: Clock) -> None:
    working.progress(10, 11)
    clock.now += STUCK_S + 1
    working.beat()
    working.progress(10, 12)
    assert working.report().problems == ["2 messages behind, no progress for 31 s"]


def test_no_lag_needs_no_progress(working: Health, clock: Clock) -> None:
    clock.now += 100 * STUCK_S
    working.beat()
    working.progress(10, 10)
    assert working.report().ready


def test_it_lives_until_it_was_not_ready_for_minutes_without_a_break(
    working: Health, clock: Clock
) -> None:
    working.trouble("cannot publish")
    clock.now += DEAD_S - 1
    working.beat()
    assert (working.report().ready, working.report().live) == (False, True)
    clock.now += 2
    assert not working.report().live
    working.trouble(None)
    working.beat()
    assert working.report().live


def test_one_wait_after_another_is_one_long_wait(working: Health, clock: Clock) -> None:
    for what in ("rebalancing", "restoring state", "rebalancing"):
        working.waiting(what)
        clock.now += DEAD_S / 2
        working.beat()
    assert not working.report().live


def test_the_page_says_what_the_report_says(working: Health) -> None:
    with served(working, "127.0.0.1", 0) as port:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/ready", timeout=5) as answer:
            assert json.load(answer)["role"] == "detect"
        working.trouble("cannot publish")
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/ready", timeout=5)
        with refused.value as answer:
            assert (answer.code, json.load(answer)["problems"]) == (503, ["cannot publish"])


def test_a_taken_port_is_one_clear_line(working: Health) -> None:
    with (
        served(working, "127.0.0.1", 0) as port,
        pytest.raises(AftershockError, match=f"health port 127.0.0.1:{port}"),
        served(working, "127.0.0.1", port),
    ):
        pass

"""A source is dead when it was silent in time that we could have heard it in."""

from pipeline.worker.silence import LONGEST_STEP_S, Silence

HERE = ("logs", 0)
TIMEOUT = 60.0


def listen(silence: Silence, seconds: float, *, position: int = 5, start: float = 0.0) -> list:
    """Look at an end of 5 once a second; return who was found dead."""
    found: list = []
    for second in range(int(seconds) + 1):
        silence.looked({HERE: 5}, start + second)
        found += silence.dead({HERE: position}, {0: ("ingest-1", "ingest-2")})
    return found


def test_a_source_that_is_heard_is_not_dead() -> None:
    silence = Silence(TIMEOUT)
    for minute in range(5):
        assert listen(silence, 50, start=minute * 50) == []
        silence.heard(0, "ingest-1")
        silence.heard(0, "ingest-2")


def test_a_silent_source_is_dead_once() -> None:
    silence = Silence(TIMEOUT)
    listen(silence, 30)
    silence.heard(0, "ingest-2")
    assert listen(silence, 50, start=31) == [(0, "ingest-1")]


def test_time_behind_the_end_does_not_count() -> None:
    assert listen(Silence(TIMEOUT), 1000, position=4) == []


def test_time_without_a_broker_does_not_count() -> None:
    silence = Silence(TIMEOUT)
    listen(silence, 50)
    assert listen(silence, TIMEOUT - 50 - LONGEST_STEP_S - 2, start=10_000) == []


def test_new_partitions_begin_anew() -> None:
    silence = Silence(TIMEOUT)
    listen(silence, 50)
    silence.reset()
    assert listen(silence, 50, start=51) == []

"""Each log format is read to the level and the time that it has, and no more."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detect_laws import at, run
from pipeline.detect.detector import Detector
from pipeline.formats import FullTime, Level, MonthDay, Stamp, TimeOfDay, parse
from pipeline.records import Log, Signal


def full(*parts: int, zoned: bool = False) -> FullTime:
    return FullTime(datetime(*parts, tzinfo=UTC), zoned)  # type: ignore[arg-type]


def clock(hours: int, minutes: int, seconds: int, milliseconds: int = 0) -> timedelta:
    return timedelta(hours=hours, minutes=minutes, seconds=seconds, milliseconds=milliseconds)


EXAMPLES: list[tuple[str, Level | None, Stamp | None, str]] = [
    (
        "[E 2021-04-28 12:59:59.936 JupyterHub log:189] 500 GET /",
        Level.ERROR,
        full(2021, 4, 28, 12, 59, 59, 936_000),
        "500 GET /",
    ),
    (
        "[I 250212 16:20:06 auth:835] Logged-in",
        Level.INFO,
        full(2025, 2, 12, 16, 20, 6),
        "Logged-in",
    ),
    ("INFO:alembic.runtime:up", Level.INFO, None, "alembic.runtime:up"),
    (
        'INFO:     10.1.2.3:40260 - "GET / HTTP/1.1" 200 OK',
        Level.INFO,
        None,
        '10.1.2.3:40260 - "GET / HTTP/1.1" 200 OK',
    ),
    (
        "2018-05-14 07:06:44,694 WARNING Connection pool is full",
        Level.WARNING,
        full(2018, 5, 14, 7, 6, 44, 694_000),
        "Connection pool is full",
    ),
    (
        "2025-02-12 22:21:23,364      INFO jhub_apps.auth:  26: x",
        Level.INFO,
        full(2025, 2, 12, 22, 21, 23, 364_000),
        "jhub_apps.auth:  26: x",
    ),
    (
        "2025-02-12 16:21:12,576 - tornado.access - INFO - 200 GET",
        Level.INFO,
        full(2025, 2, 12, 16, 21, 12, 576_000),
        "- 200 GET",
    ),
    (
        "2021-08-17 07:40:00.545983 W | etcdserver: took too long",
        Level.WARNING,
        FullTime(datetime(2021, 8, 17, 7, 40, 0, 545_983, tzinfo=UTC), zoned=False),
        "| etcdserver: took too long",
    ),
    (
        "12:59:59.477 [ConfigProxy] \x1b[32minfo\x1b[39m: 201 POST /api",
        Level.INFO,
        TimeOfDay(clock(12, 59, 59, 477)),
        "201 POST /api",
    ),
    (
        "12:59:59.477 - error: [ConfigProxy] Proxy error",
        Level.ERROR,
        TimeOfDay(clock(12, 59, 59, 477)),
        "[ConfigProxy] Proxy error",
    ),
    (
        "E0817 07:40:00.545983       1 status.go:64] apiserver received",
        Level.ERROR,
        MonthDay(8, 17, clock(7, 40, 0) + timedelta(microseconds=545_983)),
        "apiserver received",
    ),
    (
        'time="2022-02-27T10:42:33Z" level=debug msg="a \\"b\\""',
        Level.DEBUG,
        full(2022, 2, 27, 10, 42, 33, zoned=True),
        'a \\"b\\"',
    ),
    (
        "2024-04-03 17:02:47.173 UTC [202508] FATAL:  the database system is starting up",
        Level.CRITICAL,
        full(2024, 4, 3, 17, 2, 47, 173_000, zoned=True),
        "the database system is starting up",
    ),
    ("ERROR:  relation does not exist", Level.ERROR, None, "relation does not exist"),
    ("LOG:  redirecting log output", Level.INFO, None, "redirecting log output"),
    ("DETAIL:  Key exists", None, None, "DETAIL:  Key exists"),
    (
        "\x1b[0m\x1b[33m22:11:55,098 WARN  [org.keycloak.events] type=LOGIN_ERROR",
        Level.WARNING,
        TimeOfDay(clock(22, 11, 55, 98)),
        "[org.keycloak.events] type=LOGIN_ERROR",
    ),
    (
        '{"level":50,"time":1739377206000,"msg":"no"}',
        Level.ERROR,
        full(2025, 2, 12, 16, 20, 6, zoned=True),
        "no",
    ),
    (
        '{"level":"warn","timestamp":"2025-02-12T16:20:06+01:00","message":"no"}',
        Level.WARNING,
        full(2025, 2, 12, 15, 20, 6, zoned=True),
        "no",
    ),
    (
        '10.1.2.3 - - [12/Feb/2025:22:21:23 +0100] "GET / HTTP/1.1" 200 5',
        None,
        full(2025, 2, 12, 21, 21, 23, zoned=True),
        '"GET / HTTP/1.1" 200 5',
    ),
    ("    raise exc", None, None, "    raise exc"),
    ("Traceback (most recent call last):", None, None, "Traceback (most recent call last):"),
    ("", None, None, ""),
    ("[E 2021-13-45 99:59:59.936 JupyterHub log:1] x", Level.ERROR, None, "x"),
]


@pytest.mark.parametrize(("line", "level", "stamp", "message"), EXAMPLES)
def test_a_line_says_its_level_and_its_time(
    line: str, level: Level | None, stamp: Stamp | None, message: str
) -> None:
    assert parse(line) == (level, stamp, message)


@given(
    st.text()
    | st.sampled_from([e[0] for e in EXAMPLES]).flatmap(
        lambda e: st.text().map(lambda t: e[: len(e) // 2] + t)
    )
)
def test_no_text_breaks_the_parser(line: str) -> None:
    assert parse(line) == parse(line)


def test_a_deep_json_line_is_only_a_message() -> None:
    line = "{" * 5 + '"a":' + "[" * 100_000
    assert parse(line) == (None, None, line)


@pytest.mark.parametrize(
    "line",
    ['{"level": true, "time": "soon"}', '{"level": 55, "time": 1e300}', "[1, 2]", '{"level": 7}'],
)
def test_json_that_says_nothing_known_is_all_message(line: str) -> None:
    assert parse(line) == (None, None, line)


@pytest.mark.parametrize(
    ("number", "level"), [(20, Level.DEBUG), (40, Level.WARNING), (60, Level.CRITICAL)]
)
def test_pino_numbers_its_levels(number: int, level: Level) -> None:
    assert parse(f'{{"level":{number},"msg":"x"}}') == (level, None, "x")


def test_a_zone_west_of_greenwich_is_added() -> None:
    stamp = parse("2025-02-12T16:20:06-05:00 INFO x").stamp
    assert stamp == FullTime(datetime(2025, 2, 12, 21, 20, 6, tzinfo=UTC), zoned=True)


@pytest.mark.timeout(5)
@pytest.mark.parametrize("part", ["psql ", 'msg="', "x could not connect to server: ", "5 [1] "])
def test_no_line_takes_long(part: str, by_signal: dict[Signal, Detector[Any]]) -> None:
    """A megabyte that every pattern begins to like must not hold up the node's log."""
    line = f"2025-02-12 16:20:06 {part * (1_000_000 // len(part))}could not connect to server ERROR"
    for text in (line, f"time={line}", f"[E {line}"):
        assert run(by_signal["log"], [Log(time=at(0), message=text)]).counts["received"] == 1

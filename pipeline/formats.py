"""One log line → its level, its own time as far as it has one, and its message.

In: the text of a line as the container wrote it. Out: a :class:`Line`. The formats are those of
JupyterHub's parts and their neighbours; a look at the first character chooses which few patterns
are tried. Must not guess: what a line does not say is ``None``, a time of day stays a time of day,
and continuation lines (tracebacks, ``DETAIL:``) have neither level nor time.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from typing import NamedTuple

import msgspec


class Level(IntEnum):
    """Severity that a line claims for itself; comparable."""

    DEBUG = 10
    INFO = 20
    WARNING = 30
    ERROR = 40
    CRITICAL = 50


class FullTime(NamedTuple):
    """Date and time. ``zoned`` is false where the line named no zone and UTC was assumed."""

    when: datetime
    zoned: bool


class TimeOfDay(NamedTuple):
    """A time without a date (configurable-http-proxy, Keycloak)."""

    since_midnight: timedelta


class MonthDay(NamedTuple):
    """A date without a year (klog)."""

    month: int
    day: int
    since_midnight: timedelta


Stamp = FullTime | TimeOfDay | MonthDay


class Line(NamedTuple):
    """What a log line says."""

    level: Level | None
    stamp: Stamp | None
    message: str


_LEVELS: dict[str, Level] = {
    **dict.fromkeys(["d", "debug", "trace", "fine", "finer", "finest"], Level.DEBUG),
    **dict.fromkeys(["debug1", "debug2", "debug3", "debug4", "debug5"], Level.DEBUG),
    **dict.fromkeys(["i", "info", "notice", "log", "information"], Level.INFO),
    **dict.fromkeys(["w", "warn", "warning"], Level.WARNING),
    **dict.fromkeys(["e", "error", "err", "severe"], Level.ERROR),
    **dict.fromkeys(["c", "f", "critical", "fatal", "panic", "crit", "alert"], Level.CRITICAL),
}
_CONTINUES = frozenset({"DETAIL", "HINT", "CONTEXT", "STATEMENT", "QUERY", "LOCATION"})
"""PostgreSQL's words for further lines of the record before."""

_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_DAY = r"(?P<Y>\d{4})-(?P<m>\d\d)-(?P<d>\d\d)"
_CLOCK = r"(?P<H>\d\d):(?P<M>\d\d):(?P<S>\d\d)(?:[.,](?P<f>\d{1,9}))?"
_ZONE = r"(?: ?(?P<z>Z|UTC|GMT|[+-]\d\d:?\d\d)(?![\w:]))?"
_WORD = r"(?P<level>[A-Za-z]{1,11}\d?)"

_JUPYTER = re.compile(rf"\[(?P<level>[DIWEC]) {_DAY} {_CLOCK} [^\]]*\] ?")
_TORNADO = re.compile(
    rf"\[(?P<level>[DIWEC]) (?P<y>\d\d)(?P<m>\d\d)(?P<d>\d\d) {_CLOCK} [^\]]*\] ?"
)
_PROXY = re.compile(rf"{_CLOCK} \[ConfigProxy\] {_WORD}: ?")
_OLD_PROXY = re.compile(rf"{_CLOCK} - {_WORD}: (?=\[ConfigProxy\])")
_LOGBACK = re.compile(
    rf"{_CLOCK} +(?:\[[^\]]{{1,80}}\] +)?"
    r"(?P<level>TRACE|DEBUG|INFO|WARN|WARNING|ERROR|FATAL|SEVERE) +"
)
"""Logback's and JBoss' own pattern, with and without the thread."""
_DATED_POSTGRES = re.compile(rf"{_DAY} {_CLOCK}{_ZONE} ?\[\d+\](?: [^ :]+)*? {_WORD}: +")
_DATED = re.compile(
    rf"{_DAY}[ T]{_CLOCK}{_ZONE}"
    r"(?:(?:[ \t]+-[ \t]+[\w.]+)?[ \t|\-]+(?:\[?(?P<level>(?i:debug|info|notice|warn|warning|error"
    r"|fatal|critical|severe|trace|log|panic|err)|[DIWEC](?= \|))\]?)(?=[\s:|\]]|$):?)?[ \t]*"
)
"""Standard logging and its relatives, with and without a logger's name before the level."""
_KLOG = re.compile(rf"(?P<level>[DIWEF])(?P<m>\d\d)(?P<d>\d\d) {_CLOCK} +\d+ [^\]\s]+\] ?")
_LEVELLED = re.compile(
    r"(?P<level>DEBUG[1-5]?|INFO|NOTICE|WARNING|WARN|ERROR|CRITICAL|FATAL|PANIC|LOG|TRACE):[ \t]*"
)
_POSTGRES_MORE = re.compile(r"(?P<more>DETAIL|HINT|CONTEXT|STATEMENT|QUERY|LOCATION):  ")
_LOGFMT = re.compile(
    r'(?:^|\s)(?P<key>time|ts|t|level|lvl|msg)=(?:"(?P<q>(?:[^"\\]|\\.)*)"|(?P<v>\S*))'
)
_ACCESS = re.compile(
    r"\S+ \S+ [^\[]{1,200}?\[(?P<d>\d\d)/(?P<mon>[A-Z][a-z]{2})/(?P<Y>\d{4}):"
    r"(?P<H>\d\d):(?P<M>\d\d):(?P<S>\d\d) (?P<z>[+-]\d{4})\] "
)
_ISO = re.compile(rf"{_DAY}[ T]{_CLOCK}{_ZONE}$")
_MONTHS = dict(
    zip(
        ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
        range(1, 13),
        strict=True,
    )
)

_LOOKED_AT = 4096
"""Characters of a line in which pairs are looked for, so that no line can take long."""
_PINO_STEP = 10
"""pino and bunyan number their levels 10 trace, 20 debug, 30 info, 40 warn, 50 error, 60 fatal."""


def parse(line: str) -> Line:
    """Return what the line says about itself. Never fails: an unknown form is all message."""
    text = _ANSI.sub("", line) if "\x1b" in line else line
    for reader in _READERS.get(text[:1], ()):
        found = reader(text)
        if found is not None:
            return found
    return Line(None, None, text)


def _level(word: str | None) -> Level | None:
    return None if word is None else _LEVELS.get(word.lower())


def _since_midnight(parts: Mapping[str, str | None]) -> timedelta | None:
    hour, minute, second = (int(parts[key] or 0) for key in "HMS")
    if hour > 23 or minute > 59 or second > 60:  # noqa: PLR2004 - a clock face, leap second included
        return None
    fraction = int(((parts.get("f") or "") + "000000")[:6])
    return timedelta(hours=hour, minutes=minute, seconds=second, microseconds=fraction)


def _offset(zone: str | None) -> timedelta:
    if zone is None or zone[0] not in "+-":
        return timedelta()
    digits = zone[1:].replace(":", "")
    east = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return east if zone[0] == "+" else -east


def _full(parts: Mapping[str, str | None]) -> FullTime | None:
    """Return the time of named groups; ``None`` where they name no real date."""
    since_midnight = _since_midnight(parts)
    if since_midnight is None:
        return None
    year = int(parts.get("Y") or f"20{parts['y']}")
    month = _MONTHS.get(parts.get("mon") or "") or int(parts.get("m") or 0)
    zone = parts.get("z")
    try:
        day = datetime(year, month, int(parts["d"] or 0), tzinfo=UTC)
        return FullTime(day + since_midnight - _offset(zone), zone is not None)
    except (ValueError, OverflowError):
        return None


def _dated(pattern: re.Pattern[str]) -> Callable[[str], Line | None]:
    def read(text: str) -> Line | None:
        match = pattern.match(text)
        if match is None:
            return None
        parts = match.groupdict()
        return Line(_level(parts.get("level")), _full(parts), text[match.end() :])

    return read


def _clocked(pattern: re.Pattern[str]) -> Callable[[str], Line | None]:
    def read(text: str) -> Line | None:
        match = pattern.match(text)
        if match is None:
            return None
        parts = match.groupdict()
        since_midnight = _since_midnight(parts)
        stamp = None if since_midnight is None else TimeOfDay(since_midnight)
        return Line(_level(parts["level"]), stamp, text[match.end() :])

    return read


def _klog(text: str) -> Line | None:
    match = _KLOG.match(text)
    if match is None:
        return None
    parts = match.groupdict()
    since_midnight = _since_midnight(parts)
    stamp = None
    if since_midnight is not None:
        stamp = MonthDay(int(parts["m"]), int(parts["d"]), since_midnight)
    return Line(_level(parts["level"]), stamp, text[match.end() :])


def _levelled(text: str) -> Line | None:
    """Read ``LEVEL:logger:message``, uvicorn's ``INFO:     …`` and PostgreSQL without a prefix."""
    match = _LEVELLED.match(text)
    if match is None:
        return None
    return Line(_level(match["level"]), None, text[match.end() :])


def _logfmt(text: str) -> Line | None:
    found: dict[str, str] = {}
    for match in _LOGFMT.finditer(text[:_LOOKED_AT]):
        found.setdefault(match["key"], match["q"] if match["q"] is not None else match["v"])
    level = _level(found.get("level") or found.get("lvl"))
    stamp = _iso(found.get("time") or found.get("ts") or found.get("t"))
    if level is None and stamp is None:
        return None
    return Line(level, stamp, found.get("msg", text))


def _iso(text: str | None) -> FullTime | None:
    match = None if text is None else _ISO.match(text)
    return None if match is None else _full(match.groupdict())


def _json(text: str) -> Line | None:
    try:
        fields = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return None
    if not isinstance(fields, dict):
        return None
    level = _first(fields, "level", "levelname", "severity", "log.level", "lvl")
    stamp = _first(fields, "time", "timestamp", "@timestamp", "ts")
    message = _first(fields, "msg", "message", "event")
    return Line(
        _json_level(level), _json_time(stamp), message if isinstance(message, str) else text
    )


def _first(fields: Mapping[str, object], *names: str) -> object:
    return next((fields[name] for name in names if name in fields), None)


def _json_level(value: object) -> Level | None:
    if isinstance(value, str):
        return _level(value)
    if isinstance(value, bool) or not isinstance(value, int) or value % _PINO_STEP:
        return None
    return {10: Level.DEBUG, 20: Level.DEBUG, 30: Level.INFO, 40: Level.WARNING}.get(
        value,
        Level.ERROR if value == 50 else Level.CRITICAL if value == 60 else None,  # noqa: PLR2004 - pino's numbers
    )


def _json_time(value: object) -> FullTime | None:
    """Read RFC 3339 text, or seconds or milliseconds since 1970."""
    if isinstance(value, str):
        return _iso(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    seconds = value / 1000 if value > 1e11 else value  # noqa: PLR2004 - 1e11 s is the year 5138
    try:
        return FullTime(datetime.fromtimestamp(seconds, UTC), zoned=True)
    except (ValueError, OverflowError, OSError):
        return None


_BRACKET = (_dated(_JUPYTER), _dated(_TORNADO))
_DIGIT = (
    _clocked(_PROXY),
    _clocked(_OLD_PROXY),
    _clocked(_LOGBACK),
    _dated(_DATED_POSTGRES),
    _dated(_DATED),
    _dated(_ACCESS),
)
_READERS: dict[str, tuple[Callable[[str], Line | None], ...]] = {
    "[": _BRACKET,
    "{": (_json,),
    **dict.fromkeys("0123456789", _DIGIT),
    **dict.fromkeys("CNPT", (_levelled,)),
    **dict.fromkeys("DIWEF", (_klog, _levelled)),
    "L": (_levelled,),
    **dict.fromkeys("tlm", (_logfmt,)),
}

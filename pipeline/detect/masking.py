"""One log line → what kind of line it is, with everything masked that differs from time to time.

In: the text of a line as the container wrote it. Out: a :class:`Look`. Each line is looked at
alone, so the order of arrival cannot matter: that a line goes on with the record before it is told
by its own form. Digits are made alike first; all that follows is a function of the text without
them, so what was found for one line holds for all that differ from it in digits only, and a cache
saves most of the work (under 1 µs a line where it hits, 25 where not).
"""

import re
from functools import lru_cache
from typing import NamedTuple

from pipeline.formats import Level, parse

LENGTH = 160
"""Longest key."""
LOOKED_AT = 500
"""Characters of a line that are looked at: more than a key, with a prefix, can hold."""
CACHED = 1 << 14
"""Lines remembered without their digits: up to 16 MB in a process, half a kB each as a rule."""


class Look(NamedTuple):
    """What is seen in a line."""

    key: str
    """Letter of its level, then its masked message; empty for a line that goes on with a record."""
    trace: bool = False
    """It is part of a stack trace."""
    goodbye: bool = False
    """It says that what writes here is about to end."""
    personal: bool = False
    """It answers a person (``(alice@10.1.2.3)``): that such lines stop says nothing."""
    traced: bool = False
    """It may say to which request it belongs; of a JSON record only its message is looked at."""


LETTERS: dict[Level | None, str] = {
    Level.CRITICAL: "C",
    Level.ERROR: "E",
    Level.WARNING: "W",
    None: "-",
    Level.INFO: "I",
    Level.DEBUG: "D",
}
"""First letters of keys, the worst first."""

_ALIKE = bytes.maketrans(b"123456789", b"000000000")
_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")

_GOES_ON = re.compile(
    r"[\s}\])]"
    r'|Traceback \(most recent call last|File "'
    r"|During handling of the above exception|The above exception was the direct cause"
    r"|Caused by: |Exception in thread |\.\.\. 0+ more"
    r"|goroutine 0+ \[|created by |exit status 0|\[signal |\[SQL: |\[parameters: "
    r"|\(Background on this error|Trace\[0+\]: "
    r"|(?:DETAIL|HINT|CONTEXT|STATEMENT|QUERY|LOCATION): "
    r"|(?:[A-Za-z_]\w*\.)*[A-Z]?[A-Za-z_]*"
    r"(?:[a-z]Error|Error|Exception|Interrupt|Exit|[a-z]Warning|Timeout|Failure|Refused)"
    r"(?:: |:?$)"
    r"|(?:main|runtime|[\w.\-]+/[\w./\-]+)\.[\w.*()]+\([^()]*\)$"
)
"""Lines that start no record: indented ones, and what Python, Java, JavaScript, Go, SQLAlchemy,
PostgreSQL and klog write at the margin in the midst of one."""
_MORE_OF_POSTGRES = re.compile(r"\] (?:DETAIL|HINT|CONTEXT|STATEMENT|QUERY|LOCATION): {2}")
_TRACE = re.compile(
    r"Traceback \(most recent call last|\s*File \".*, line 0"
    r"|\s+at [\w.$<>/\[\]]+ ?[(\w]|Exception in thread |Caused by: |goroutine 0+ \[|panic: "
)
_IDS = re.compile(r"(?i)\b(?:span|trace)[_-]?id\W")
_GOODBYES = (
    "SIGTERM",
    "SIGINT",
    "signal 0",
    "hutting down",
    "hut down",
    "shutdown",
    "erver stopped",
    "topping server",
    ", stopping",
    "xiting",
    "erminating gracefully",
)
_PERSON = re.compile(r"\(([^\s()@]*)@[^\s()]+\)")
_QUOTED = re.compile(
    r'(?<!^)"(?!(?:GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS) )(?:[^"\\]|\\.)*"'
    r"|(?<![\w<])'[^']*'(?!\w)"
)
"""Not that with which a line begins: that is klog's message; and not a request."""
_USER = re.compile(r"/(users?|spawn(?:-pending)?|activity)/[^/\s?&\"'()]+")
_EMAIL = re.compile(r"[\w.+\-]+@[\w\-]+\.[\w.\-]+")
_QUERY = re.compile(r"(?<=[\w/>])\?[^\s\"')]+")
_HEX = re.compile(
    r"\b(?:(?:[a-f]{1,7}0|0(?=[0\-]*[a-fx]))[0a-fx\-]{4,}"
    r"|(?=[a-f][a-f\-]{7,31}0)[0a-f\-]{15,})[0a-f]\b"
)
"""Hexadecimal numbers and UUIDs: some letters among the digits; of long ones the first digit may
come late (eight letters first in one of 2,500)."""
_IP4 = re.compile(r"0{1,3}(?:\.0{1,3}){3}(?::0+)?\b")
_IP6 = re.compile(r"(?<![\w:])\[?(?:[0a-f]{1,4})?(?::[0a-f]{0,4}){2,7}\b\]?(?:<ip>|:0+)?")
_TIME = re.compile(
    r"\b0{4}-00-00(?:[T ]00:00:00(?:[.,]0+)?(?: ?(?:Z|UTC)|[+\-]00:?00)?)?"
    r"|\b00?:00:00(?:[.,]0+)?"
)
_ENDING = re.compile(r"(?<=-)(?=[a-z]*0)[a-z0]{5}\b")
"""What Kubernetes adds to the names of pods."""
_STEP = re.compile(r"(?<=/)[\w.%~@:+\-]*0[\w.%~@:+\-]*")
"""A step of a path with a number in it."""
_NUMBER = re.compile(r"0+(?:[.,:]0+)*")


def look(line: str, form: bytes | None = None) -> Look:
    """Return what is seen in a line; ``form`` is its :func:`alike`, if the caller has it."""
    if line[:1] == "{":
        said = parse(line)  # digits made alike would be no JSON any more
        if said.level is not None or said.stamp is not None:
            return _of_record(LETTERS[said.level], alike(said.message))
    return _of_line(alike(line) if form is None else form)


def alike(text: str) -> bytes:
    """Return as much of a text as is looked at, with all digits alike (``0``)."""
    return text[:LOOKED_AT].encode("utf-8", "surrogatepass").translate(_ALIKE)


@lru_cache(maxsize=CACHED)
def _of_line(alike: bytes) -> Look:
    text = _text(alike)
    trace = _TRACE.match(text) is not None
    if _goes_on(text):
        return Look("", trace=trace, goodbye=_is_goodbye(text))
    said = parse(text)
    traced = _IDS.search(text) is not None
    letter = "C" if trace else LETTERS[said.level]
    return _looked_at(letter, said.message, trace=trace, traced=traced)


@lru_cache(maxsize=CACHED)
def _of_record(letter: str, alike: bytes) -> Look:
    text = _text(alike)
    trace = "Traceback (most recent call last" in text
    return _looked_at(letter, text, trace=trace, traced=True)


def _text(alike: bytes) -> str:
    text = alike.decode("utf-8", "replace")
    return _ANSI.sub("", text) if "\x1b" in text else text


def _goes_on(text: str) -> bool:
    if not text or _GOES_ON.match(text) is not None:
        return True
    return ":  " in text and _MORE_OF_POSTGRES.search(text) is not None


def _is_goodbye(text: str) -> bool:
    return any(words in text for words in _GOODBYES)


def _looked_at(letter: str, message: str, *, trace: bool, traced: bool) -> Look:
    person = _PERSON.search(message) if "@" in message else None
    return Look(
        f"{letter} {masked(message)}"[:LENGTH],
        trace=trace,
        goodbye=_is_goodbye(message),
        personal=person is not None and person[1] != "",
        traced=traced,
    )


def masked(message: str) -> str:
    """Return a message whose digits are alike (all ``0``) without what differs each time."""
    text = message
    if '"' in text or "'" in text:
        text = _QUOTED.sub("<text>", text)
    if "/" in text:
        text = _USER.sub(r"/\1/<user>", text)
    if "@" in text:
        text = _PERSON.sub(_without_name, text)
        if text.count("@") > text.count("@<ip>)"):
            text = _EMAIL.sub("<user>", text)
    if "?" in text:
        text = _QUERY.sub("?<query>", text)
    if "0" in text:
        text = _without_numbers(text)
    return " ".join(text.split())


def _without_name(person: re.Match[str]) -> str:
    return "(<user>@<ip>)" if person[1] else "(@<ip>)"


def _without_numbers(text: str) -> str:
    if ":00" in text or "-00" in text:
        text = _TIME.sub("<time>", text)
    text = _HEX.sub("<hex>", text)
    if "0.0" in text:
        text = _IP4.sub("<ip>", text)
    if "::" in text:
        text = _IP6.sub("<ip>", text)
    if "-" in text:
        text = _ENDING.sub("<id>", text)
    if "/" in text:
        text = _STEP.sub("<id>", text)
    return _NUMBER.sub("<n>", text)

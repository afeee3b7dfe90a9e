"""Requests that stop half-way, by a log whose lines say to which request they belong.

Where programs write the ids of traces into their logs (OpenTelemetry, Sleuth and others have them
do so), all lines of a node with one id show the steps of one request. Steps that nearly always come
together and now do not are a defect that may write no error, change no metric and be felt in other
services only. In: lines with an id; closed minutes, in order. Out: occurrences. A request that goes
on past the end of a minute is two short ones: how often that happens, too, is learned. Pure.
"""

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache, reduce
from itertools import chain
from operator import or_
from typing import NamedTuple

import msgspec

from pipeline.detect.masking import CACHED, LOOKED_AT
from pipeline.detect.open_minutes import MAX_STEPS, MINUTE, Minute
from pipeline.detect.rules import Rule
from pipeline.detect.tallies import Occurrence

LEARNING = 5
"""Minutes with requests, and …"""
KNOWN = 20
"""… so many requests with a step, before it is known what comes with it."""
NEARLY_ALWAYS = 0.8
"""What comes along with a step in so many of its requests is expected; more often would leave a
defect that comes for the third time unseen, as it has become part of what is usual."""
MISSING = 0.2
"""Share of the requests of now in which it is missing, at least …"""
TIMES_MORE = 2.0
"""… and so many times as often as usual …"""
UNLIKELY = 1e-8
"""… and no chance: a node has some hundred pairs of steps and 1,440 minutes a day, so that chance
alone makes less than one false occurrence in a hundred days of a node."""
_SURPRISING = -math.log(UNLIKELY)
WINDOW = 3
"""Minutes that make up now."""
MAX_SETS = 256
"""Different sets of steps of requests that are remembered, 20 bytes each: the most frequent."""
FADES_AT = 4_000
"""Requests that are remembered; then each set counts half: a new release has its own steps."""

RULE = Rule(
    id="requests-stop-half-way",
    title="requests stop half-way",
    symptom_class="error",
    severity="major",
    quiet=5 * MINUTE,
    resolution=100_000,
    grain=MINUTE,
)

_SPAN = re.compile(r"(?i)\bspan[_-]?id\W{1,5}((?!0+\b)[0-9a-f]{16})\b")
_TRACE = re.compile(r"(?i)\btrace[_-]?id\W{1,5}((?!0+\b)[0-9a-f]{16,32})\b")
_MASKED_IDS = re.compile(r"(?i)\W{0,2}\b(?:span|trace)[_-]?id\W{1,5}[\w<>]+\W{0,2}")
_PLACE = re.compile(r"[A-Za-z_\])][#:](\d{1,5})\b")
"""The line of a program that writes the line, as ``OrderService#42`` or ``handlers.py:42``."""
_CALM = "ID-"
"""First letters of lines that claim no trouble (``masking.LETTERS``)."""
_VARIES = re.compile(r"[=:{(<]")
"""What follows differs from request to request, as a rule."""


class Alike(msgspec.Struct, array_like=True):
    """Requests of a minute with the same steps."""

    count: int
    first: int
    """Time of the first line of them."""


class Step(msgspec.Struct, array_like=True):
    """A step of a node's requests."""

    bit: int
    """The number of the bit that stands for it in a set."""
    since: int
    """Minutes with requests before it first came."""


class Steps(msgspec.Struct):
    """What is known of the steps of one node's requests."""

    known: dict[str, Step] = msgspec.field(default_factory=dict)
    """By what it says; bounded by ``MAX_STEPS``, and those that nothing remembered has make way."""
    minutes: int = 0
    """Minutes with requests that are closed."""
    past: dict[int, int] = msgspec.field(default_factory=dict)
    """How many requests had which set of steps, before the recent minutes."""
    recent: dict[int, dict[int, Alike]] = msgspec.field(default_factory=dict)
    """The latest minutes, by number; less than ``WINDOW``."""


class _Missing(NamedTuple):
    surprise: float
    """Natural logarithm of how unlikely it is, at least, that chance does this."""
    after: str
    step: str
    among: int
    without: int
    usual: float
    sets: frozenset[int]
    """Those with the one step, without the other."""


def request_of(line: str) -> str | None:
    """Return the id of the request that a line says it belongs to: of its span, else its trace."""
    text = line[:LOOKED_AT]
    found = _SPAN.search(text) or _TRACE.search(text)
    return None if found is None else found[1]


def step_of(line: str, key: str) -> str:
    """Return which step of a request a line is, ``key`` being the line masked.

    It is the place in the program where it tells that, and the beginning of what it says.
    """
    place = _PLACE.search(line[:LOOKED_AT])
    said = _said(key)
    return said if place is None else f"{said} #{place[1]}"


@lru_cache(maxsize=CACHED)
def _said(key: str) -> str:
    ids = list(_MASKED_IDS.finditer(key))
    if not ids:  # they stand beside the message
        return _VARIES.split(key, maxsplit=1)[0]
    before, said = key[: ids[0].start()], key[ids[-1].end() :]
    end = said.find("]")
    if ids[0][0].startswith(("[", " [")) and end >= 0:
        said = said[end + 1 :]
    if not said.strip():
        return _VARIES.split(before, maxsplit=1)[0]
    return f"{before.split('#')[0]} {_VARIES.split(said, maxsplit=1)[0]}".strip()


def closes(steps: Steps, number: int, minute: Minute) -> Iterator[Occurrence]:
    """Take a closed minute; yield what was missing most surprisingly from its requests."""
    if not minute.requests:
        return
    for old in [n for n in steps.recent if n <= number - WINDOW]:
        _remember(steps, steps.recent.pop(old))
    now = _sets(steps, minute)
    steps.recent[number] = now
    if steps.minutes >= LEARNING:
        missing = _missing(steps)
        if missing is not None and not missing.sets.isdisjoint(now):
            yield _occurrence(steps, now, missing)
    steps.minutes += 1


def _sets(steps: Steps, minute: Minute) -> dict[int, Alike]:
    """Return the requests of a minute by their steps, in the node's numbers."""
    new = sorted(minute.steps.keys() - steps.known.keys())
    if len(steps.known) + len(new) > MAX_STEPS:
        _forget(steps)
    free = sorted(set(range(MAX_STEPS)) - {step.bit for step in steps.known.values()})
    for said, bit in zip(new, free, strict=False):
        steps.known[said] = Step(bit, steps.minutes)
    bits = {own: steps.known[said].bit for said, own in minute.steps.items() if said in steps.known}
    sets: dict[int, Alike] = {}
    for request in minute.requests.values():
        mask = sum(1 << bit for own, bit in bits.items() if request.steps >> own & 1)
        known = sets.setdefault(mask, Alike(0, request.first))
        known.count += 1
        known.first = min(known.first, request.first)
    return sets


def _forget(steps: Steps) -> None:
    """Forget the steps that no request had which is remembered."""
    used = _all_of([*steps.past, *chain.from_iterable(steps.recent.values())])
    steps.known = {said: step for said, step in steps.known.items() if used >> step.bit & 1}


def _all_of(sets: Iterable[int]) -> int:
    return reduce(or_, sets, 0)


def _remember(steps: Steps, gone: Mapping[int, Alike]) -> None:
    past = steps.past
    for mask, alike in gone.items():
        past[mask] = past.get(mask, 0) + alike.count
    if sum(past.values()) > FADES_AT:
        steps.past = past = {mask: count // 2 for mask, count in past.items() if count > 1}
    if len(past) > MAX_SETS:
        kept = sorted(past.items(), key=lambda item: (-item[1], item[0]))[:MAX_SETS]
        steps.past = dict(kept)


def _missing(steps: Steps) -> _Missing | None:
    """Return the step whose absence from the requests of now is the least likely to be chance."""
    window: dict[int, int] = {}
    for sets in steps.recent.values():
        for mask, alike in sets.items():
            window[mask] = window.get(mask, 0) + alike.count
    found = chain.from_iterable(_missing_with(steps, window, after) for after in steps.known)
    return max(found, key=lambda one: (one.surprise, one.after, one.step), default=None)


def _missing_with(steps: Steps, window: Mapping[int, int], after: str) -> Iterator[_Missing]:
    """Yield what is missing from the requests that have one step."""
    bit = steps.known[after].bit
    now = _with_each(window, bit)
    past = _with_each(steps.past, bit) if now else {}
    among, before = now.get(bit, 0), past.get(bit, 0)
    if before < KNOWN:
        return
    for said, step in steps.known.items():
        missing, missed = among - now.get(step.bit, 0), before - past.get(step.bit, 0)
        if missed > (1 - NEARLY_ALWAYS) * before:
            continue
        usual = (missed + 1) / (before + 2)  # Laplace's rule of succession
        if _surprise(missing, among, usual) < _SURPRISING:
            continue
        without = (mask for mask in window if mask >> bit & 1 and not mask >> step.bit & 1)
        instead = _instead_of(steps, window, after, said)
        sets = frozenset(mask for mask in without if not mask & instead)
        missing = sum(window[mask] for mask in sets)
        surprise = _surprise(missing, among, usual)
        if surprise >= _SURPRISING:
            yield _Missing(surprise, after, said, among, missing, usual, sets)


def _instead_of(steps: Steps, window: Mapping[int, int], after: str, missing: str) -> int:
    """Return the set of steps that a new release may have in place of one that is missing.

    They claim no trouble, are younger than both steps, and were never seen with the missing one.
    """
    gone = steps.known[missing]
    beside = _all_of(mask for mask in (*steps.past, *window) if mask >> gone.bit & 1)
    born = max(LEARNING - 1, gone.since, steps.known[after].since)
    return sum(
        1 << step.bit
        for said, step in steps.known.items()
        if said[0] in _CALM and step.since > born and not beside >> step.bit & 1
    )


def _with_each(sets: Mapping[int, int], bit: int) -> dict[int, int]:
    """Return how many of the requests with one step have each step, that one included."""
    counts: dict[int, int] = {}
    for mask, count in sets.items():
        if mask >> bit & 1:
            rest = mask
            while rest:
                lowest = (rest & -rest).bit_length() - 1
                counts[lowest] = counts.get(lowest, 0) + count
                rest &= rest - 1
    return counts


def _surprise(missing: int, among: int, usual: float) -> float:
    """Return -ln of Chernoff's bound of that many or more (Hoeffding 1963, theorem 1).

    0 where it is not worth a word, whatever chance may be.
    """
    if missing < MISSING * among or missing <= TIMES_MORE * usual * among:
        return 0.0
    share = missing / among
    more = share * math.log(share / usual)
    less = (1 - share) * math.log((1 - share) / (1 - usual)) if share < 1 else 0.0
    return among * (more + less)


def _occurrence(steps: Steps, now: Mapping[int, Alike], missing: _Missing) -> Occurrence:
    own = [now[mask] for mask in missing.sets if mask in now]
    every = [
        sets[mask].first for sets in steps.recent.values() for mask in missing.sets if mask in sets
    ]
    text = (
        f"“{missing.step}” is missing from {missing.without} of {missing.among} requests with "
        f"“{missing.after}”; usually from {missing.usual:.1%}"
    )
    return Occurrence(
        time=min(alike.first for alike in own),
        text=text,
        onset=min(every),
        count=sum(alike.count for alike in own),
        observations=0,
    )

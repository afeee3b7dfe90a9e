"""What goes wrong with the taking down: between the recorder and the file; pure.

In: records as the recorder takes them down. Out: fewer, more, shifted or later ones. It must not
touch what happens in the world, and must not look at what a record means: a collector that fails
fails for a pod, a machine or a share of all records.
"""

import heapq
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from random import Random
from typing import Literal

from pipeline.simulate.recorder import Fields, Sink, rfc3339

Chance = Callable[..., Random]
"""Gives the random stream of a name (``Kernel.chance``)."""

Signal = Literal["logs", "events", "metrics"]

LATE_SHARE = 0.2
"""Share of the records that come late at all, where any do."""
REPLICA_SHIFT_S = 2.0
"""The second Prometheus scrapes a target up to so much later than the first."""

_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)
_MILLISECOND = timedelta(milliseconds=1)
_HEAD = 48
"""Characters of a log line among which its time stands."""
_STAMP = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d|\b\d{6}|\b[IWEF]\d{4})?[ T]?"
    r"(?P<clock>\d\d:\d\d:\d\d)(?:(?P<point>[.,])(?P<fraction>\d{1,6}))?"
)
_FAR_S = 60.0
"""A time in a line that is further from the record's own is not its stamp, but part of a text."""
_BY_MASTERS = frozenset(
    {
        "FailedAttachVolume",
        "FailedScheduling",
        "NodeNotReady",
        "Preempted",
        "Scheduled",
        "SuccessfulAttachVolume",
        "TaintManagerEviction",
    }
)
"""Reasons of events that are stamped by a master's clock, not by that of the pod's machine."""


@dataclass(frozen=True, slots=True)
class Missing:
    """Records that never arrive."""

    signal: Signal
    where: str
    """Pattern (``jupyterhub-db-*``, ``wrk-2``) of what they are about: the name of a pod or of
    another object, a machine, or the value of a label that names one."""


@dataclass(frozen=True, slots=True)
class Disturbances:
    """What goes wrong; by default nothing."""

    no_logs_of: float = 0.0
    """Share (0 to 1) of the pods whose logs nobody collects."""
    without: tuple[Missing, ...] = ()
    skew_s: float = 0.0
    """Clocks of machines are off by up to so many seconds, each by an amount of its own."""
    late_s: float = 0.0
    """Some records come up to so many seconds after others of their time."""
    duplicates: float = 0.0
    """Share (0 to 1) of the records that come twice."""
    replicas: bool = False
    """Two Prometheus replicas: each sample comes twice, the second slightly shifted."""


class Disturbed:
    """A sink that disturbs what it takes and passes it on to another."""

    def __init__(self, sink: Sink, disturbances: Disturbances, chance: Chance) -> None:
        self._late = _Late(sink, disturbances.late_s, chance) if disturbances.late_s else None
        sink = self._late or sink
        if disturbances.duplicates:
            sink = _twice(sink, disturbances.duplicates, chance)
        if disturbances.replicas:
            sink = _replicated(sink, chance)
        if disturbances.skew_s:
            sink = _skewed(sink, disturbances.skew_s, chance)
        if disturbances.no_logs_of:
            sink = _without_logs(sink, disturbances.no_logs_of, chance)
        for missing in disturbances.without:
            sink = _without(sink, missing)
        self.take: Sink = sink

    def close(self) -> None:
        """Pass on what is still held back."""
        if self._late is not None:
            self._late.flush()


def _without_logs(sink: Sink, share: float, chance: Chance) -> Sink:
    lost: dict[object, bool] = {}

    def take(time: datetime, fields: Fields) -> None:
        if fields["signal"] == "log":
            pod = fields["pod"]
            if pod not in lost:
                lost[pod] = chance("disturb", "no-logs", str(pod)).random() < share
            if lost[pod]:
                return
        sink(time, fields)

    return take


def _without(sink: Sink, missing: Missing) -> Sink:
    signal = missing.signal.removesuffix("s")
    known: dict[str, bool] = {}

    def is_meant(value: object) -> bool:
        text = str(value)
        if text not in known:
            known[text] = fnmatchcase(text, missing.where)
        return known[text]

    def take(time: datetime, fields: Fields) -> None:
        if fields["signal"] != signal or not any(map(is_meant, _places(fields))):
            sink(time, fields)

    return take


def _places(fields: Fields) -> list[object]:
    """Return the names of what a record is about."""
    if fields["signal"] == "metric":
        labels = fields["labels"]
        return list(labels.values()) if isinstance(labels, dict) else []
    return [fields[key] for key in ("pod", "name", "cluster_node") if key in fields]


def _skewed(sink: Sink, most_s: float, chance: Chance) -> Sink:
    skews: dict[object, timedelta] = {}

    def skew_of(machine: object) -> timedelta:
        if machine not in skews:
            off_s = chance("disturb", "skew", str(machine)).uniform(-most_s, most_s)
            skews[machine] = round(off_s * 1000) * _MILLISECOND
        return skews[machine]

    def take(time: datetime, fields: Fields) -> None:
        machine = fields.get("cluster_node")
        if machine is None or fields.get("reason") in _BY_MASTERS:
            sink(time, fields)  # samples too: Prometheus stamps them by a clock of its own
            return
        skew = skew_of(machine)
        shifted = dict(fields)
        if fields["signal"] == "log":
            shifted["message"] = _stamped(str(fields["message"]), time, skew)
            sink(time + skew, shifted)
            return
        first = datetime.fromisoformat(str(fields["first_time"])) + skew
        shifted["first_time"] = rfc3339(first.replace(microsecond=0))
        sink((time + skew).replace(microsecond=0), shifted)

    return take


def _stamped(text: str, time: datetime, skew: timedelta) -> str:
    """Return a log line with the time that it begins with shifted: one clock writes both."""
    found = _STAMP.search(text, 0, _HEAD)
    written = None if found is None else _written(found, time)
    if found is None or written is None:
        return text
    shown = written + skew
    begin, day = found.start("clock"), ""
    if found["day"] is not None:
        begin = found.start("day")
        day = _day(found["day"], shown) + text[found.end("day") : found.start("clock")]
    digits = len(found["fraction"] or "")
    fraction = found["point"] + f"{shown:%f}"[:digits] if digits else ""
    return f"{text[:begin]}{day}{shown:%H:%M:%S}{fraction}{text[found.end() :]}"


def _written(found: re.Match[str], time: datetime) -> datetime | None:
    """Return the instant that a line says it is from; None when that is not the record's."""
    hour, minute, second = map(int, found["clock"].split(":"))
    if hour > 23 or minute > 59 or second > 59:  # noqa: PLR2004 - what clocks show
        return None
    fraction = found["fraction"]
    micros = time.microsecond if fraction is None else int(fraction.ljust(6, "0"))
    written = time.replace(hour=hour, minute=minute, second=second, microsecond=micros)
    written += round((time - written) / _DAY) * _DAY  # midnight may lie between the two
    return written if abs((written - time).total_seconds()) <= _FAR_S else None


def _day(like: str, time: datetime) -> str:
    """Return a day as another one is written: 2026-03-02, 260302 or klog's I0302."""
    if "-" in like:
        return f"{time:%Y-%m-%d}"
    return f"{time:%y%m%d}" if like.isdigit() else f"{like[0]}{time:%m%d}"


def _replicated(sink: Sink, chance: Chance) -> Sink:
    shifts: dict[tuple[object, ...], timedelta] = {}

    def shift_of(fields: Fields) -> timedelta:
        labels = fields["labels"]
        target = (labels.get("job"), labels.get("instance")) if isinstance(labels, dict) else ()
        if target not in shifts:
            name = ("disturb", "replica", *map(str, target))
            late_s = chance(*name).uniform(0.05, REPLICA_SHIFT_S)
            shifts[target] = round(late_s * 1000) * _MILLISECOND
        return shifts[target]

    def take(time: datetime, fields: Fields) -> None:
        sink(time, fields)
        if fields["signal"] == "metric":
            sink(time + shift_of(fields), fields)

    return take


def _twice(sink: Sink, share: float, chance: Chance) -> Sink:
    stream = chance("disturb", "duplicates")

    def take(time: datetime, fields: Fields) -> None:
        sink(time, fields)
        if stream.random() < share:
            sink(time, fields)

    return take


class _Late:
    """Holds records back. Time goes on by the records themselves."""

    def __init__(self, sink: Sink, most_s: float, chance: Chance) -> None:
        self._sink = sink
        self._most_s = most_s
        self._stream = chance("disturb", "late")
        self._held: list[tuple[datetime, int, datetime, Fields]] = []
        self._number = 0

    def __call__(self, time: datetime, fields: Fields) -> None:
        while self._held and self._held[0][0] <= time:
            self._pass_on()
        if self._stream.random() < LATE_SHARE:
            due = time + self._stream.uniform(0, self._most_s) * _SECOND
            self._number += 1
            heapq.heappush(self._held, (due, self._number, time, fields))
        else:
            self._sink(time, fields)

    def flush(self) -> None:
        """Pass on all that is held."""
        while self._held:
            self._pass_on()

    def _pass_on(self) -> None:
        _, _, time, fields = heapq.heappop(self._held)
        self._sink(time, fields)

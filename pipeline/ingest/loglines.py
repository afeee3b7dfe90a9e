"""The lines of a container's log, with or without stamps → log records; pure.

Stamps are what the kubelet puts in front of each line (``kubectl logs --timestamps``), also in the
runtime's own files. Without them, a line's own full date is its time; a line that has none belongs
to the time before it, one microsecond later than the line before, so that lines keep their order.
A line before the first date has no place in time. Nothing is invented: no date, no record.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pipeline.formats import FullTime, parse
from pipeline.ingest.cluster import instant_of, stamped
from pipeline.ingest.pods import Facts, Pods, Whose
from pipeline.records import EARLIEST, LATEST, Log

SAMPLE_LINES = 20
"""First lines of a log by which its form is told."""

START = re.compile(
    r"==== START logs for container (?P<container>\S+) of pod (?P<namespace>[^/\s]+)/(?P<pod>\S+)"
    r" ====\r?$"
)
"""How ``kubectl cluster-info dump`` begins the log of a container."""
_PREFIX = re.compile(r"\[pod/(?P<pod>[^/\]\s]+)/(?P<container>[^\]\s]+)\] ?")
_STAMP = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.(?P<fraction>\d{1,9}))?(?:Z|[+-]\d\d:\d\d)(?: |\r?$)",
    re.ASCII,
)
_RUNTIME = re.compile(r"(?:stdout|stderr) [FP](?::\S*)? ?")
"""What a container runtime writes between stamp and line in its own files."""
_MICROSECOND = timedelta(microseconds=1)
_NANO_DIGITS = 7
"""So many digits of a second are the kubelet's: applications write six at most."""


def end_of(whose: Whose) -> str:
    """Return how ``kubectl cluster-info dump`` ends the log of a container."""
    return (
        f"==== END logs for container {whose.container} of pod {whose.namespace}/{whose.pod} ===="
    )


def has_prefix(lines: Sequence[str]) -> bool:
    """Return whether the lines themselves name their pods (``kubectl logs --prefix``)."""
    return any(_PREFIX.match(line) for line in lines)


def are_stamped(lines: Sequence[str], *, surely: bool = False) -> bool:
    """Return whether lines begin with the kubelet's stamps, at least half of those not blank.

    A date that an application itself may have written, with a level behind it, is no stamp. With
    ``surely``, only what no application writes is one.
    """
    told = [_PREFIX.sub("", line, count=1) for line in lines if line.strip()]
    return bool(told) and 2 * sum(_is_stamped(line, surely=surely) for line in told) >= len(told)


def are_dated(lines: Sequence[str]) -> bool:
    """Return whether a line has a full date of its own."""
    return any(_own_time(_PREFIX.sub("", line, count=1)) is not None for line in lines)


def _is_stamped(line: str, *, surely: bool) -> bool:
    found = _STAMP.match(line)
    if found is None:
        return False
    if len(found["fraction"] or "") >= _NANO_DIGITS:
        return True
    return not surely and parse(line).level is None


def _own_time(line: str) -> datetime | None:
    stamp = parse(line).stamp
    if isinstance(stamp, FullTime) and EARLIEST <= stamp.when < LATEST:
        return stamp.when
    return None


@dataclass(slots=True)
class _Clock:
    """Where the log of one container has come to, in a log without stamps."""

    whose: Whose
    facts: Facts
    dated: datetime | None = None
    lines_since: int = 0

    def time_of(self, line: str) -> datetime | None:
        own = _own_time(line)
        if own is not None and own != self.dated:
            self.dated, self.lines_since = own, 0
        elif self.dated is not None:
            self.lines_since += 1
        return None if self.dated is None else self.dated + self.lines_since * _MICROSECOND


class LogReader:
    """Reads the lines of one log in order."""

    def __init__(self, whose: Whose, pods: Pods, *, stamps: bool) -> None:
        self._pods = pods
        self._stamps = stamps
        self._namespace = whose.namespace
        self._clocks: dict[tuple[str | None, str | None], _Clock] = {}
        self._default = self._clock(whose)

    def read(self, line: str) -> Log | None:
        """Return the record of a line; None where it has no place in time.

        Raises:
            Unusable: a line without a stamp in a log with stamps; an absurd time.
        """
        clock = self._default
        if prefix := _PREFIX.match(line):
            clock = self._clock(Whose(self._namespace, prefix["pod"], prefix["container"]))
            line = line[prefix.end() :]
        if not self._stamps:
            time = clock.time_of(line)
            return None if time is None else _log(clock, time, line)
        stamp, message = stamped(line)
        if runtime := _RUNTIME.match(message):
            message = message[runtime.end() :]
        return _log(clock, instant_of(stamp), message)

    def _clock(self, whose: Whose) -> _Clock:
        key = whose.pod, whose.container
        if key not in self._clocks:
            whole = self._pods.completed(whose)
            self._clocks[key] = _Clock(whole, self._pods.facts(whole.namespace, whole.pod))
        return self._clocks[key]


def _log(clock: _Clock, time: datetime, message: str) -> Log:
    return Log(
        time=time,
        namespace=clock.whose.namespace,
        pod=clock.whose.pod,
        pod_uid=clock.facts.uid or None,
        container=clock.whose.container,
        cluster_node=clock.facts.machine or None,
        message=message,
    )

"""Incidents that are over for good, until they leave the incidents topic; pure.

In: incidents whose component is final, and event time. Out: which of them have been over for so
long that the topic shall let them go (the worker publishes a null value, a tombstone, for each).

Why correlation does this, and no reader of the topic: it is the only writer of these keys, so a
tombstone lies behind the last revision in the same partition and no order of arrival can bring the
incident back; it knows what is final, so an open incident never leaves, however old it is; and its
watermark is event time, so a recording ages as it would have when it was live. The broker could
only count wall time since publishing, and would tell nobody.

Each ended incident is one row of some 60 bytes. It is written before the row with the watermark
that ended it, and deleted after its tombstone is acknowledged: a kill in between repeats the
tombstone, which changes nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from pipeline.records import Incident, micros

MAX_ENDED = 50_000
"""Ended incidents that a partition remembers, beyond which the oldest leave early: 550 a day for 90
days; 200 B each, 10 MB."""
MAX_AT_ONCE = 500
"""Tombstones that follow from one mark: time that jumps by years must not make one huge step."""

Name = tuple[str, str]
"""Application and incident id."""


class Ended(msgspec.Struct, frozen=True):
    """The table row of an incident that will not be revised any more."""

    at: int
    """When its trouble was over, in microseconds of event time."""
    revision: int
    """Its last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Aged:
    """An incident that has to leave the topic."""

    application: str
    id: str
    revision: int
    at: int
    """Event time at which it had been over for as long as it is kept, in microseconds."""


class Aging:
    """The ended incidents of one partition."""

    def __init__(self, keep_us: int | None) -> None:
        """Keep ended incidents for so long; None: for ever, and nothing need be remembered."""
        self._keep = keep_us
        self._ended: dict[Name, Ended] = {}
        self._oldest: int | None = None
        """No ended incident is older; a cheap look at every mark."""

    def end(self, incident: Incident) -> Ended | None:
        """Remember an incident that is final; return its row, or None where none is needed."""
        if self._keep is None:
            return None
        over = incident.resolved_at or incident.updated_at
        ended = Ended(micros(over), incident.revision)
        self.restore((incident.application, incident.id), ended)
        return ended

    def restore(self, name: Name, ended: Ended) -> None:
        """Take up an incident from its row."""
        self._ended[name] = ended
        self._oldest = ended.at if self._oldest is None else min(self._oldest, ended.at)

    def leave(self, complete_to: int | None) -> list[Aged]:
        """Return what has to leave now, oldest first, and forget it.

        ``complete_to`` is the watermark in microseconds.
        """
        if self._keep is None or complete_to is None or self._oldest is None:
            return []
        before = complete_to - self._keep
        if self._oldest > before and len(self._ended) <= MAX_ENDED:
            return []
        leaving = list(self._leaving(before))
        for name, _ in leaving:
            del self._ended[name]
        self._oldest = min((ended.at for ended in self._ended.values()), default=None)
        return [
            Aged(application=name[0], id=name[1], revision=ended.revision, at=ended.at + self._keep)
            for name, ended in leaving
        ]

    def _leaving(self, before: int) -> Iterator[tuple[Name, Ended]]:
        oldest_first = sorted(self._ended.items(), key=lambda item: (item[1].at, item[0]))
        too_many = len(oldest_first) - MAX_ENDED
        for position, (name, ended) in enumerate(oldest_first[:MAX_AT_ONCE]):
            if ended.at <= before or position < too_many:
                yield name, ended

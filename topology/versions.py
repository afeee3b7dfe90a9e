"""The graphs that an application has had, each in its time.

In: versions of one application, each declared in a file of its own with the instant from which it
holds. Out: which one held when. A version holds up to the next one's instant, and not at it: the
intervals are half open. What was before the first is told by the first: nobody declared another.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import pairwise

from topology.model import Application

MAX_VERSIONS = 8
"""Versions of one application: each has a graph that remembers 65,536 paths of 500 B and as many
ways of 300 B at most, so 8 × 52 MB. Symptoms are remembered for hours: even on a day with eight
versions each is told with its own."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_SECOND = 1_000_000


class SameInstantError(ValueError):
    """Two versions hold from the same instant: nobody can say which one is meant."""

    def __init__(self, earlier: int, later: int) -> None:
        super().__init__(f"versions {earlier} and {later} hold from the same instant")
        self.earlier = earlier
        self.later = later
        """Their positions among what was given."""


class TooManyError(ValueError):
    """There are more versions than are kept: which to leave out is not ours to say."""

    def __init__(self, oldest: int) -> None:
        super().__init__(f"more than {MAX_VERSIONS} versions; the oldest is {oldest}")
        self.oldest = oldest
        """Its position among what was given."""


@dataclass(frozen=True)
class Timeline:
    """The versions of one application, oldest first."""

    versions: tuple[Application, ...]

    @classmethod
    def of(cls, versions: Iterable[Application]) -> "Timeline":
        """Return the timeline of versions in any order.

        Raises:
            SameInstantError: two of them hold from the same instant (or both since ever).
            TooManyError: there are more than are kept.
            ValueError: there are none, or they are of several applications.
        """
        given = tuple(versions)
        names = sorted({version.name for version in given})
        if len(names) != 1:
            raise ValueError(f"versions of one application are wanted, not of {names}")
        order = sorted(range(len(given)), key=lambda position: starts_s(given[position]))
        for one, other in pairwise(order):
            if starts_s(given[one]) == starts_s(given[other]):
                raise SameInstantError(one, other)
        if len(order) > MAX_VERSIONS:
            raise TooManyError(order[0])
        return cls(tuple(given[position] for position in order))

    @property
    def name(self) -> str:
        """Name of the application."""
        return self.versions[0].name

    @property
    def latest(self) -> Application:
        """The version that holds for good, as far as is known."""
        return self.versions[-1]

    @cached_property
    def changes_s(self) -> tuple[float, ...]:
        """When a version gave way to the next, in seconds since 1970: one less than versions."""
        return tuple(starts_s(version) for version in self.versions[1:])

    def at(self, time: datetime) -> Application:
        """Return the version that held at an aware time."""
        return self.versions[bisect_right(self.changes_s, _seconds(time))]

    def declares(self, node_id: str) -> bool:
        """Tell whether any version declares a node."""
        return any(version.template_of(node_id) is not None for version in self.versions)


def grouped(applications: Iterable[Application]) -> Iterator[tuple[int, ...]]:
    """Yield the positions of the versions of each application."""
    places: dict[str, list[int]] = {}
    for position, application in enumerate(applications):
        places.setdefault(application.name, []).append(position)
    yield from (tuple(found) for found in places.values())


def starts_s(version: Application) -> float:
    """Return from when a version holds, in seconds since 1970; minus infinity: since ever."""
    return float("-inf") if version.valid_from is None else _seconds(version.valid_from)


def _seconds(time: datetime) -> float:
    """Return a time as correlation has it: whole microseconds, divided once."""
    return (time - _EPOCH) // _MICROSECOND / _SECOND

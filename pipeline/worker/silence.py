"""Which sources of marks are dead: silent for too long, in time that we could have heard them in.

In: what has been heard, and now and then the ends of the topics at a moment of the shell's clock.
Out: sources to drop. Once everything up to those ends is handled, all that was published before
that moment has been heard. Time in which the broker was away, or in which we worked off a backlog,
does not count against anybody. Pure: the clock is an argument.
"""

from collections.abc import Iterator, Mapping, Sequence

Place = tuple[str, int]
"""Topic and partition."""

LONGEST_STEP_S = 5.0
"""Listening time that one look at the ends can add: looks come every second or two."""


class Silence:
    """Listening time, and when in it each source was last heard."""

    def __init__(self, timeout_s: float) -> None:
        self._timeout = timeout_s
        self._listened = 0.0
        self._listened_at: float | None = None
        self._ahead: tuple[Mapping[Place, int], float] | None = None
        self._heard: dict[tuple[int, str], float] = {}

    def heard(self, partition: int, source: str) -> None:
        """Note a mark of a source."""
        self._heard[partition, source] = self._listened

    def looked(self, ends: Mapping[Place, int], at: float) -> None:
        """Note the ends of all own partitions at a moment (ignored until the last is reached)."""
        if self._ahead is None:
            self._ahead = (ends, at)

    def reset(self) -> None:
        """Begin anew: the partitions have changed."""
        self._listened_at = None
        self._ahead = None
        self._heard.clear()

    def dead(
        self, positions: Mapping[Place, int], live: Mapping[int, Sequence[str]]
    ) -> Iterator[tuple[int, str]]:
        """Yield (partition, source) of the live sources that have been silent too long."""
        self._advance(positions)
        for partition, sources in live.items():
            for source in sources:
                heard = self._heard.setdefault((partition, source), self._listened)
                if self._listened - heard > self._timeout:
                    del self._heard[partition, source]
                    yield partition, source

    def _advance(self, positions: Mapping[Place, int]) -> None:
        if self._ahead is None:
            return
        ends, at = self._ahead
        if all(positions.get(place, 0) >= end for place, end in ends.items()):
            if self._listened_at is not None:
                self._listened += min(at - self._listened_at, LONGEST_STEP_S)
            self._listened_at = at
            self._ahead = None

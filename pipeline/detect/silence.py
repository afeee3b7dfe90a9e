"""A log that came regularly and has fallen silent, while time moves on.

In: the closed minutes of a node's log that have lines, in order, minutes that were not observed,
and how far time has come. Out: an occurrence for each minute of silence. A log is regular when in
each of the last 20 minutes it said something of itself: what it answers a person stops when the
person goes home. It is silent after three minutes, or two more than it has ever been silent before.
Pure; what was not observed (a gap, a source that has ended) is no silence.
"""

from collections.abc import Iterator

import msgspec

from pipeline.detect.open_minutes import MINUTE, Minute
from pipeline.detect.rules import Need, Rule
from pipeline.detect.tallies import Occurrence

_SECOND = 1_000_000
REGULAR = 60
"""So many minutes in a row make it regular: a storm of errors that ends is no log gone silent."""
LEAST = 3
"""Minutes without a line before it is called silent …"""
LONGER = 2
"""… or so many more than the longest pause of this log so far."""
GONE = 30
"""After so many minutes it is not silent any more, but gone."""
FORGET = 1440
"""Longer pauses are nobody's habit: in so many minutes, half of a pause is forgotten."""
GOODBYE_BEFORE = 30 * _SECOND
"""A goodbye this long before the last line is still one of the last words."""

RULE = Rule(
    id="log-silent",
    title="log has fallen silent",
    symptom_class="availability",
    severity="major",
    quiet=2 * MINUTE,
    resolution=MINUTE,
    need=Need(single=False),
    grain=MINUTE,
)


class Silence(msgspec.Struct, array_like=True):
    """What is known of the regularity of a log."""

    regular: int = 0
    """Minutes in a row, up to the last with lines, in which it said something of itself."""
    minute: int = 0
    """The last minute with lines."""
    last: int = 0
    """Time of the last line."""
    ended: bool = False
    """It said goodbye."""
    told: int = 0
    """Minutes up to this one are told as silent."""
    pause: int = 0
    """Minutes that it was silent for and came back."""
    paused: int = 0
    """When that was, as a minute."""
    alarmed: int = 0
    """The minute in which the last silence that was told ended."""

    def speaks(self, number: int, minute: Minute) -> None:
        """Take a closed minute with lines."""
        missing = number - self.minute - 1
        if self.last and missing > 0:
            self._pauses(number, missing)
        self.regular = min(REGULAR, self.regular + 1) if minute.own else 0
        self.minute, self.last = number, max(self.last, minute.last)
        self.ended = minute.goodbye > 0 and minute.goodbye >= minute.last - GOODBYE_BEFORE

    def is_unobserved(self) -> None:
        """Take a minute of which it is not known what the log said."""
        self.regular = 0

    def until(self, closed: int) -> Iterator[Occurrence]:
        """Yield an occurrence for each minute of silence before the minute ``closed``."""
        begins = self._begins()
        if begins is None:
            return
        for number in range(max(begins, self.told + 1), min(closed, self.minute + GONE + 1)):
            self.told = number
            yield Occurrence(
                time=(number + 1) * MINUTE - 1,
                text=f"no line for {number - self.minute} min, after one at least each minute",
                onset=self.last,
                observations=0,
                suffices=True,
            )

    def wakes_at(self, settled: int) -> int | None:
        """Return the next minute by whose end a minute of silence is told."""
        begins = self._begins()
        if begins is None or settled > self.minute + GONE:
            return None
        return max(begins, self.told + 1, settled)

    def _begins(self) -> int | None:
        """Return the first minute that is told as silent if no line comes."""
        after = max(LEAST, self._habit() + LONGER)
        if self.regular < REGULAR or self.ended or after > GONE:
            return None
        return self.minute + after

    def _habit(self) -> int:
        return self.pause >> max(0, self.minute - self.paused) // FORGET

    def _pauses(self, number: int, missing: int) -> None:
        """Learn from a pause; one that was told as silence is a habit only from the second time."""
        was_told = self.told > self.minute
        once = was_told and not (self.alarmed and number - self.alarmed <= FORGET)
        if was_told:
            self.alarmed = number
        if not self.ended and not once and missing >= self._habit():
            self.pause, self.paused = missing, number
        self.regular = 0

"""What is learned of one application from what has been explained for good; pure.

What holds on a day is what was final before the end of the day before the last (``BEHIND``). It is
complete long before it is used, so it does not matter in what order anything came, and an
explanation does not change because another component became final. A component counts on the day
from which nothing could join it.
"""

import math
from typing import NamedTuple

import msgspec

from pipeline.correlate.settings import DAY_S

WINDOW = 14
"""Days that count. A day has at most 5 kinds × 9 classes × 4 severities (whispers are one) of some
35 B, 64 members of each kind of 12 B (``background``) and 64 pairs of machines of some 70 B
(``clocks``): 15 kB, so that all take 240 kB at most. The jupyterhub simulation has some ten sorts a
day: 5 kB."""
BEHIND = 2
"""Days from the end of what is learned to the day on which it holds."""

_DAY_US = 86_400_000_000


class Ahead(msgspec.Struct, array_like=True):
    """How far the clock of one machine seemed to be ahead of another's."""

    components: int
    """That could tell."""
    least_ms: int
    """The least that any of them says; 0: it need not be ahead."""


class Day(msgspec.Struct):
    """What became final on one day."""

    alone: dict[str, int] = msgspec.field(default_factory=dict)
    """How many symptoms came by themselves, in thousandths, by kind, class and severity."""
    members: dict[str, list[int]] = msgspec.field(default_factory=dict)
    """Checksums of the names of those members of families that had trouble, by kind."""
    clocks: dict[str, Ahead] = msgspec.field(default_factory=dict)
    """By the machine of causes and that of their effects."""


class Learned(msgspec.Struct):
    """What is known of one application."""

    first: int
    """The first day on which anything became final (days since 1970)."""
    days: dict[int, Day] = msgspec.field(default_factory=dict)
    """The last ``WINDOW + BEHIND`` days."""


class Begun(NamedTuple):
    """The day that something final counts on."""

    day: Day
    since_s: float
    """The earliest onset that may be explained otherwise now, in seconds since 1970."""


class Memory:
    """Keeps what is learned, by days."""

    def __init__(self) -> None:
        self.learned: Learned | None = None

    def day_of(self, final_from: int) -> Begun:
        """Return the day that counts what nothing can join from a time on (microseconds)."""
        number = final_from // _DAY_US
        if self.learned is None:
            self.learned = Learned(number)
        self.learned.first = min(self.learned.first, number)
        days = self.learned.days
        begun = number not in days
        day = days.setdefault(number, Day())
        for old in [each for each in days if each <= max(days) - WINDOW - BEHIND]:
            del days[old]
        return Begun(day, -math.inf if begun else (number + BEHIND) * DAY_S)

    def before(self, onset_s: float) -> tuple[list[Day], int]:
        """Return what holds for an onset (in seconds since 1970), and how many days that is of."""
        learned = self.learned
        last = int(onset_s // DAY_S) - BEHIND
        if learned is None or last < learned.first:
            return [], 0
        since = max(learned.first, last - WINDOW + 1)
        days = [day for number, day in learned.days.items() if since <= number <= last]
        return days, last - since + 1

"""Minutes of a node's log that are not closed yet: how often each masked line came, no raw text.

Commutative, also where there are too many: of the masked lines of a minute those are kept that
come first by level and hash. One that is in the end among the first was among them all the time,
so its numbers are exact, and which ones are kept does not depend on the order of arrival.
"""

from zlib import crc32

import msgspec

from pipeline.detect.masking import LETTERS, Look

MINUTE = 60_000_000
MAX_KEYS = 64
"""Masked lines kept of a minute, 200 bytes each at most. With two minutes of lateness four minutes
are open: 50 kB."""
MAX_WRITERS = 64
"""Pods kept of a minute, those that come first by name: some 80 bytes each, 5 kB."""
MAX_REQUESTS = 128
"""Requests kept of a minute, those that come first by their random ids: 200 bytes each, 25 kB."""
MAX_STEPS = 60
"""Different steps of them, those that come first by what they say: 100 bytes each. As many of a
node: a set of them is a number of 60 bits."""
MAX_OPEN = 64
"""Open minutes: lateness of an hour. Beyond it (a clock that is ahead) the earliest are kept."""

_LEVELS = {letter: order for order, letter in enumerate(LETTERS.values())}


class Seen(msgspec.Struct, array_like=True):
    """How often a masked line came within a minute, and when."""

    count: int
    first: int
    last: int

    def add(self, time: int) -> None:
        """Count one more."""
        self.count += 1
        if time > self.last:
            self.last = time
        elif time < self.first:
            self.first = time


class Request(msgspec.Struct, array_like=True):
    """The lines of one request within a minute."""

    first: int
    """Time of the first of them."""
    steps: int
    """A bit for each of its steps."""


class Minute(msgspec.Struct, array_like=True):
    """What was seen of the log in one minute."""

    lines: int = 0
    own: int = 0
    """Lines that answer no person."""
    last: int = 0
    """Time of the last line."""
    goodbye: int = 0
    """Time of the last line that says that this is the end; 0: none did."""
    traces: int = 0
    """Lines of stack traces."""
    crowded: int = 0
    """Lines beyond ``MAX_KEYS``: not looked at as templates."""
    worst: str = ""
    """That which goes first, once there are ``MAX_KEYS``."""
    seen: dict[str, Seen] = msgspec.field(default_factory=dict)
    """By masked line."""
    writers: dict[str, Seen] = msgspec.field(default_factory=dict)
    """Who wrote them, as far as it is said; bounded by ``MAX_WRITERS``."""
    steps: dict[str, int] = msgspec.field(default_factory=dict)
    """By step of a request the number of its bit, in this minute; bounded by ``MAX_STEPS``."""
    requests: dict[str, Request] = msgspec.field(default_factory=dict)
    """By the id that its lines have; bounded by ``MAX_REQUESTS``."""
    last_request: str = ""
    """The id that comes last, once there are so many."""

    def add(self, time: int, look: Look, *, count: bool) -> None:
        """Add a line; ``count`` it as a template unless it is known by a signature."""
        self.lines += 1
        if time > self.last:  # noqa: PLR1730 - a call of max takes longer, and this is each line
            self.last = time
        if not look.personal:
            self.own += 1
        if look.goodbye and time > self.goodbye:
            self.goodbye = time
        if look.trace:
            self.traces += 1
        if not count or not look.key:
            return
        known = self.seen.get(look.key)
        if known is None:
            self._keep(look.key, time)
        else:
            known.add(time)

    def hear(self, pod: str, time: int) -> None:
        """Note who wrote a line. A pod that is let go for want of room never comes back."""
        known = self.writers.get(pod)
        if known is not None:
            known.add(time)
            return
        self.writers[pod] = Seen(1, time, time)
        if len(self.writers) > MAX_WRITERS:
            del self.writers[max(self.writers)]

    def goes_on(self, request: str, step: str, time: int) -> None:
        """Note a step of a request. One that is let go for want of room never comes back."""
        bit = self._bit_of(step)
        known = self.requests.get(request)
        if known is not None:
            known.steps |= bit
            known.first = min(known.first, time)
        elif not self.last_request or request < self.last_request:
            self.requests[request] = Request(time, bit)
            if len(self.requests) > MAX_REQUESTS:
                del self.requests[max(self.requests)]
            if len(self.requests) == MAX_REQUESTS:
                self.last_request = max(self.requests)

    def _bit_of(self, step: str) -> int:
        """Return the bit of a step, 0 for one beyond the bound; one let go never comes back."""
        number = self.steps.get(step)
        if number is None:
            number = len(self.steps)
            if number == MAX_STEPS:
                last = max(self.steps)
                if step > last:
                    return 0
                number = self.steps.pop(last)
                for request in self.requests.values():
                    request.steps &= ~(1 << number)
            self.steps[step] = number
        return 1 << number

    def _keep(self, key: str, time: int) -> None:
        if self.worst:
            if _rank(key) > _rank(self.worst):
                self.crowded += 1
                return
            self.crowded += self.seen.pop(self.worst).count
        self.seen[key] = Seen(1, time, time)
        if len(self.seen) >= MAX_KEYS:
            self.worst = max(self.seen, key=_rank)


def minute_of(minutes: dict[int, Minute], number: int) -> Minute | None:
    """Return an open minute, a new one if need be; ``None`` when there are too many."""
    known = minutes.get(number)
    if known is None:
        if len(minutes) >= MAX_OPEN:
            latest = max(minutes)
            if number > latest:
                return None
            del minutes[latest]
        known = minutes[number] = Minute()
    return known


def _rank(key: str) -> tuple[int, int, str]:
    """Return what orders masked lines: the worst levels first, else as chance has it."""
    return _LEVELS[key[0]], crc32(key.encode()), key

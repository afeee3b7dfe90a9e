"""The only module that reads the clock.

Shells take wall time and waiting from here; the core is given event time as data and reads none.
"""

import threading
import time
from datetime import UTC, datetime


def now() -> datetime:
    """Return the wall time (aware UTC)."""
    return datetime.now(tz=UTC)  # noqa: TID251 - this module is where the clock is read


def monotonic() -> float:
    """Return seconds that only grow, for measuring how long something takes."""
    return time.monotonic()


def sleep(seconds: float) -> None:
    """Wait for so many seconds of wall time; at once where there are none left."""
    time.sleep(max(0.0, seconds))


def wait(event: threading.Event, seconds: float) -> bool:
    """Wait until the event is set, at most so many seconds; return whether it is set."""
    return event.wait(max(0.0, seconds))

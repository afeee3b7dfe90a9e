"""Storms: so many symptoms in one component that each new one cannot be explained at once.

A thousand new symptoms in a row would be a thousand explanations. So from ``storm_from`` symptoms
on, news waits, and what comes meanwhile is explained with it. CPU time of an explanation (measured)
by the wait: 1 % of what passes or less, however many symptoms come in it::

    symptoms   explanation      wait   share
         100   6 to 15 ms        3 s   0.5 %
         300   20 to 50 ms       9 s   0.5 %
       1 000   0.1 to 0.3 s     30 s     1 %

The longest single step measured at 1,000 symptoms, a mark at which several of these come together:
0.3 s (``benchmarks.correlate``).

Before it is a storm, each of the first 99 is explained at once: 0.5 s of CPU time in all. What
is beyond ``max_symptoms`` is not taken, counted (``Fates.overflow``) and costs some 5 µs. It is not
told in the incident: which symptoms these are depends on which came first, the record must not.
"""

from collections import deque
from collections.abc import Iterable
from datetime import datetime, timedelta

from pipeline.correlate.settings import CorrelateSettings

LEAST_WAIT_S, LONGEST_WAIT_S = 3.0, 30.0
"""Seconds of event time that the news of a storm waits: no less, so that a step is worth it; no
more, so that whoever looks sees it move."""
_MINUTE = timedelta(minutes=1)


def is_storm(symptoms: int, settings: CorrelateSettings) -> bool:
    """Tell whether a component of so many symptoms is a storm."""
    return symptoms >= settings.storm_from


def wait_s(symptoms: int, settings: CorrelateSettings) -> float:
    """Return how long, in seconds of event time, news of a storm of so many symptoms waits.

    A component of the greatest size is explained once in ``refresh_s``, smaller ones as much more
    often as they are smaller: what it costs grows faster than that.
    """
    share = symptoms / settings.max_symptoms
    return min(LONGEST_WAIT_S, max(LEAST_WAIT_S, settings.refresh_s * share))


def most_per_minute(onsets: Iterable[datetime]) -> int:
    """Return how many symptoms began in the busiest minute (any 60 s, half open)."""
    most = 0
    minute: deque[datetime] = deque()
    for onset in sorted(onsets):
        minute.append(onset)
        while onset - minute[0] >= _MINUTE:
            minute.popleft()
        most = max(most, len(minute))
    return most

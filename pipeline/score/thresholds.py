"""What is demanded of a score, and what falls short of it; pure."""

import math
from collections.abc import Iterable, Mapping

from pipeline.errors import UsageError
from pipeline.score.scores import Scores

AT_LEAST = (
    "ac_at_1",
    "ac_at_3",
    "ac_at_5",
    "avg_at_5",
    "recall",
    "pairwise_precision",
    "pairwise_recall",
    "abstained",
    "cases",
    "benign_days",
)
"""Keys of which more is better (or proves that something was measured)."""
AT_MOST = ("false_incidents", "false_per_day", "ttd_p50_s", "ttd_p95_s", "ece")
"""Keys of which less is better."""


def read_thresholds(demands: Iterable[str]) -> dict[str, float]:
    """Return the limits of ``KEY=NUMBER`` demands, several of them separated by commas.

    Raises:
        UsageError: a demand is not of that form, or of no key that a limit can be set for.
    """
    limits: dict[str, float] = {}
    for demand in (part.strip() for text in demands for part in text.split(",")):
        key, equals, text = demand.partition("=")
        if not (key and equals):
            raise UsageError(f"--require {demand!r}: write KEY=NUMBER, as in ac_at_1=0.9")
        if key not in (*AT_LEAST, *AT_MOST):
            known = ", ".join((*AT_LEAST, *AT_MOST))
            raise UsageError(f"--require {demand!r}: no key {key!r}; there are {known}")
        limits[key] = _number(demand, text)
    return limits


def shortfalls(scores: Scores, limits: Mapping[str, float]) -> list[str]:
    """Return for each limit that is not kept: which, and by how much it is missed."""
    told = (_shortfall(key, getattr(scores, key), limit) for key, limit in limits.items())
    return [line for line in told if line is not None]


def _number(demand: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError as trouble:
        raise UsageError(f"--require {demand!r}: {text!r} is no number") from trouble
    if not math.isfinite(value):
        raise UsageError(f"--require {demand!r}: {text!r} is no limit")
    return value


def _shortfall(key: str, value: float | None, limit: float) -> str | None:
    least = key in AT_LEAST
    if value is None:
        return f"{key} has nothing to be measured on ({'≥' if least else '≤'} {limit:g} required)"
    missed_by = limit - value if least else value - limit
    if missed_by <= 0:
        return None
    relation = "below the required" if least else "above the allowed"
    return f"{key} is {value:.4g}, {missed_by:.3g} {relation} {limit:g}"

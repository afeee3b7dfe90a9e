"""Extra quantities add up along edges: how much of an effect's extra can a cause account for?

A node that waits for another waits for as long as that one takes, and fails where that one fails:
a cause can account for at most as much of its effect's extra as it has itself, step by step. And
both rise and fall together: what goes on alike before, during and after the effect is not its
cause. Pure numbers (design §6).
"""

from pipeline.records import Amount

UNIT_CROSSING = 0.2
"""What failures say about waiting, and waiting about failures: timeouts and retries, seldom."""
DOUBT = 1.5
"""An extra is known to within so many of its standard errors."""
SHAPE_FLOOR = 0.2
"""Steps are coarse and what is passed on may come a step later: shape never counts wholly."""


def dose(cause: Amount, effect: Amount) -> float:
    """Return the share of an effect's extra that a cause can account for, from 0 to 1."""
    step = max(cause.step_s, effect.step_s)
    ours, theirs = _by_step(cause, step), _by_step(effect, step)
    if not ours or not theirs:
        return 0.0
    if cause.unit != effect.unit:
        return UNIT_CROSSING * _shape(ours, theirs)
    given = _completed(ours, theirs, DOUBT * cause.error)
    shape = _shape(given, _completed(theirs, ours, DOUBT * effect.error))
    doubt = DOUBT * effect.error
    covered = sum(min(t, given[n] + doubt) for n, t in theirs.items() if n in given)
    return min(1.0, covered / sum(theirs.values())) * shape


def _shape(ours: dict[int, float], theirs: dict[int, float]) -> float:
    """Return how alike two extras rise and fall."""
    offered, wanted = sum(ours.values()), sum(theirs.values())
    alike = sum(min(o / offered, theirs[n] / wanted) for n, o in ours.items() if n in theirs)
    return SHAPE_FLOOR + (1 - SHAPE_FLOOR) * min(1.0, alike)


def _completed(known: dict[int, float], other: dict[int, float], unseen: float) -> dict[int, float]:
    """Return extras with the steps that only the other has: up to ``unseen`` may be there.

    A step that is within the doubt is not told, which does not make it nothing.
    """
    return known | {n: min(extra, unseen) for n, extra in other.items() if n not in known}


def _by_step(amount: Amount, step_s: int) -> dict[int, float]:
    """Return the positive extras by steps of a width that is a multiple of the amount's own."""
    joined: dict[int, float] = {}
    for number, extra in amount.steps:
        wider = number * amount.step_s // step_s
        joined[wider] = joined.get(wider, 0.0) + extra
    return {number: extra for number, extra in joined.items() if extra > 0}

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
    wanted, offered = sum(theirs.values()), sum(ours.values())
    if wanted <= 0 or offered <= 0:
        return 0.0
    alike = sum(min(o / offered, theirs[n] / wanted) for n, o in ours.items() if n in theirs)
    shape = SHAPE_FLOOR + (1 - SHAPE_FLOOR) * min(1.0, alike)
    if cause.unit != effect.unit:
        return UNIT_CROSSING * shape
    doubt = DOUBT * effect.error
    covered = sum(min(t, ours[n] + doubt) for n, t in theirs.items() if n in ours)
    return min(1.0, covered / wanted) * shape


def _by_step(amount: Amount, step_s: int) -> dict[int, float]:
    """Return the positive extras by steps of a width that is a multiple of the amount's own."""
    joined: dict[int, float] = {}
    for number, extra in amount.steps:
        wider = number * amount.step_s // step_s
        joined[wider] = joined.get(wider, 0.0) + extra
    return {number: extra for number, extra in joined.items() if extra > 0}

"""How far from its past a value is: doubt about the spread, and counts that are mostly 0."""

from random import Random

import pytest

from pipeline.detect.baseline import deviation

FLOOR = 0.02


def calm(minutes: int) -> list[float]:
    """Return quartiles and extremes that are the same for any whole number of eights."""
    return [9.0, 9.5, 9.5, 10.0, 10.0, 10.5, 10.5, 11.0] * (minutes // 8)


def test_a_longer_past_is_believed_more() -> None:
    scores = [deviation(20, calm(minutes), FLOOR).sigmas for minutes in (16, 24, 48, 4800)]
    assert scores == sorted(scores)
    assert scores[-1] < 1.7 * scores[0]


@pytest.mark.parametrize("minutes", [15, 55])
def test_one_rare_event_is_no_deviation_and_many_are(minutes: int) -> None:
    none = [0.0] * minutes
    assert deviation(1, none, FLOOR).sigmas < 6 < deviation(5, none, FLOOR).sigmas


def test_rare_events_seldom_deviate_whatever_their_rate() -> None:
    dice, far = Random(1), 0
    for _ in range(2000):
        rate = dice.uniform(0, 0.5)
        *past, value = [float(sum(dice.random() < rate / 9 for _ in range(9))) for _ in range(21)]
        far += deviation(value, past, FLOOR).sigmas >= 6
    assert far <= 2


def test_what_is_no_count_needs_no_events() -> None:
    assert deviation(0.5, [0.0] * 55, FLOOR).sigmas == 25
    assert deviation(1, [-1.0, *[0.0] * 54], FLOOR).sigmas == 50

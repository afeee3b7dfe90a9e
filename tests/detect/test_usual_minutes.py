"""Minutes that are closed many at once are as if they had been judged one by one."""

from copy import deepcopy
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from pipeline.detect.minutes import Minutes
from pipeline.detect.pack import SignaturePack
from pipeline.detect.samples import MINUTE, Series
from pipeline.detect.settings import DetectSettings
from pipeline.detect.usual_minutes import pass_over

GAUGE, COUNTER = "http_request_duration_seconds", "http_requests_total"


def _series(pack: SignaturePack, dice: Random) -> Series:
    """Return a gauge or a counter that scrapes of a minute or half a minute read, with gaps."""
    name = dice.choice([GAUGE, COUNTER])
    kind = next(b.id for b in pack.baselines if b.pattern.match(name))
    kind = dice.choice([kind, kind, kind, ""])
    series = Series(name, kind, "", counter=name == COUNTER, increases=False)
    scrapes = dice.choice([1, 2])
    for scrape in range(dice.choice([5, 25, 70]) * scrapes):
        if dice.random() < 0.97:
            value = dice.choice([dice.gauss(9, 1), 12.0, 30.0] if dice.random() < 0.1 else [9, 9.1])
            series.times.append(scrape * MINUTE // scrapes)
            series.values.append(value + scrape * 10 * (name == COUNTER))
    return series


def _judge(minutes: Minutes, series: Series, end: int) -> list[int]:
    """Judge what is left before ``end``; return how many samples the minutes have that are told."""
    judged = list(minutes.judge("key", series, 0, end))
    series.forget(end)
    return [len(positions) for positions, occurrence in judged if occurrence is not None]


@given(st.integers(0, 10**6), st.sampled_from([1, 1, 1, 2, 5]))
def test_many_at_once_are_as_one_by_one(pack: SignaturePack, seed: int, step: int) -> None:
    dice, minutes = Random(seed), Minutes(pack, DetectSettings())
    at_once = [_series(pack, dice) for _ in range(9)]
    one_by_one = deepcopy(at_once)
    for end in range(MINUTE, 80 * MINUTE, step * MINUTE):
        due = [series for series in at_once if series.times and series.times[0] < end]
        pass_over(due, end, lambda _series, positions: len(positions))
        told = [_judge(minutes, series, end) for series in at_once]
        assert told == [_judge(minutes, series, end) for series in one_by_one]
        assert at_once == one_by_one


def test_what_little_is_beyond_the_past_is_passed_over(pack: SignaturePack) -> None:
    kind = next(b.id for b in pack.baselines if b.pattern.match(GAUGE))
    for value, left in ((9.0, 0), (11.2, 0), (11.3, 1), (30.0, 1)):
        series = Series(GAUGE, kind, "", counter=False, increases=False)
        for number in range(40):
            series.times.append(number * MINUTE)
            series.values.append([9.0, 10.0, 11.0][number % 3])
        list(Minutes(pack, DetectSettings()).judge("key", series, 0, 40 * MINUTE))
        series.forget(40 * MINUTE)
        series.keep(40 * MINUTE, value)
        pass_over([series], 41 * MINUTE, lambda _series, positions: len(positions))
        assert len(series.times) == left

"""Intervals, percentiles and calibration, against values from the literature."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.score.statistics import calibration_error, percentile, poisson, wilson


def test_wilsons_interval_is_that_of_the_textbook() -> None:
    # Newcombe, "Two-sided confidence intervals for the single proportion" (1998), table I
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=1e-4)
    assert wilson(15, 148) == pytest.approx((0.0624, 0.1605), abs=1e-4)
    assert wilson(0, 20) == pytest.approx((0.0, 0.1611), abs=1e-4)
    assert wilson(1, 29) == pytest.approx((0.0061, 0.1718), abs=1e-4)
    assert wilson(0, 0) is None


@given(st.integers(0, 500), st.integers(0, 500))
def test_an_interval_holds_its_share(hits: int, misses: int) -> None:
    interval = wilson(hits, hits + misses)
    if interval is not None:
        assert 0 <= interval[0] <= hits / (hits + misses) <= interval[1] <= 1


def test_a_counts_interval_is_near_the_exact_one() -> None:
    # exact limits (Garwood 1936)
    for count, low, high in ((0, 0, 3.689), (1, 0.0253, 5.572), (10, 4.795, 18.39)):
        assert poisson(count) == pytest.approx((low, high), rel=0.01, abs=0.02)


def test_percentiles_lie_between_the_nearest_values() -> None:
    assert percentile([4, 1, 3, 2], 0.5) == 2.5
    assert percentile([10, 20], 0.95) == 19.5
    assert percentile([7], 0.95) == 7
    assert percentile([], 0.5) is None


def test_what_is_stated_truly_has_no_calibration_error() -> None:
    assert calibration_error([(0.75, True)] * 3 + [(0.75, False)]) == 0
    assert calibration_error([(1.0, False), (1.0, True)]) == 0.5
    assert calibration_error([(0.95, True), (0.15, False)]) == pytest.approx(0.1)
    assert calibration_error([]) is None

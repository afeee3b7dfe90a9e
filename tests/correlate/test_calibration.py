"""A probability says how often it is right; making it so changes no order."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.truth.calibrate import AS_THEY_ARE, Told, fitted, log_loss
from pipeline.correlate.calibration import sharpened
from pipeline.load_calibration import load_calibration

SHARES = st.lists(st.floats(0.001, 1), min_size=1, max_size=6).map(
    lambda parts: {f"n{at}": part / (sum(parts) + 0.05) for at, part in enumerate(parts)}
)


@given(SHARES, st.floats(1, 6), st.floats(0.001, 1))
def test_what_is_likelier_stays_likelier(
    shares: dict[str, float], sharpness: float, doubt: float
) -> None:
    sure = sharpened(shares, sharpness, doubt)
    assert sorted(shares, key=lambda n: (shares[n], n)) == sorted(
        shares, key=lambda n: (round(sure[n], 12), shares[n], n)
    )
    assert 0 <= sum(sure.values()) <= 1 + 1e-9


@given(SHARES)
def test_a_sharpness_and_a_doubt_of_one_change_nothing(shares: dict[str, float]) -> None:
    assert sharpened(shares, 1.0, 1.0) == pytest.approx(shares)


@given(st.floats(0.001, 1))
def test_equals_stay_equal_however_little_the_rest_counts(doubt: float) -> None:
    sure = sharpened({"a": 0.3, "b": 0.3}, 3.0, doubt)
    assert sure["a"] == sure["b"] <= 0.5


def test_no_share_at_all_stays_none() -> None:
    assert sharpened({"a": 0.0}, 2.0) == {"a": 0.0}
    assert sharpened({}, 2.0) == {}


@pytest.mark.long
@pytest.mark.parametrize("right", [95, 70])
def test_what_is_mostly_right_is_made_surer(right: int) -> None:
    told = [Told({"a": 0.7, "b": 0.25}, frozenset("a" if n < right else "b")) for n in range(100)]
    best = fitted(told)
    assert (best.sharpness > 1.2) == (right > 90)
    assert log_loss(told, best) <= log_loss(told, AS_THEY_ARE)


@pytest.mark.long
@pytest.mark.parametrize("unlisted", [0, 10])
def test_the_rest_counts_as_often_as_it_is_the_truth(unlisted: int) -> None:
    told = [Told({"a": 0.5}, frozenset("b" if n < unlisted else "a")) for n in range(100)]
    (sure, _), expected = told[0].first(fitted(told)), 1 - (unlisted + 1) / 102
    assert sure == pytest.approx(expected, abs=0.02)


def test_the_shipped_calibration_says_what_it_was_fitted_on() -> None:
    shipped = load_calibration()
    assert shipped.fit.right <= shipped.fit.incidents
    assert shipped.fit.log_loss[1] <= shipped.fit.log_loss[0]
    assert "seeds" in shipped.fit.data

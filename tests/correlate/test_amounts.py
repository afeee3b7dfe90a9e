"""Extra quantities add up along edges."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.correlate.amounts import UNIT_CROSSING, dose
from pipeline.records import Amount, AmountUnit


def amount(*extras: float, unit: AmountUnit = "seconds", step_s: int = 60) -> Amount:
    steps = tuple((number, extra) for number, extra in enumerate(extras))
    return Amount(unit=unit, total=sum(extras), error=0.0, step_s=step_s, steps=steps)


def test_a_cause_accounts_for_all_of_what_it_has_as_well() -> None:
    assert dose(amount(3, 4), amount(3, 4)) == pytest.approx(1.0)


def test_a_lookup_five_milliseconds_slower_does_not_explain_a_page_three_seconds_slower() -> None:
    assert dose(amount(0.005, 0.005), amount(3, 3)) < 0.01


def test_what_goes_on_alike_before_and_after_explains_less() -> None:
    assert dose(amount(9, 9, 9, 9, 9), amount(0, 0, 9, 0, 0)) < 0.5


def test_failures_say_little_of_waiting() -> None:
    assert dose(amount(9, unit="failures"), amount(9)) == pytest.approx(UNIT_CROSSING)


def test_steps_of_different_widths_are_compared_at_the_wider() -> None:
    assert dose(amount(1, 1, 1, 1), amount(2, 2, step_s=120)) == pytest.approx(1.0)


@given(st.lists(st.floats(0, 1e6), max_size=9), st.lists(st.floats(0, 1e6), max_size=9))
def test_a_dose_is_a_share(ours: list[float], theirs: list[float]) -> None:
    assert 0.0 <= dose(amount(*ours), amount(*theirs)) <= 1.0

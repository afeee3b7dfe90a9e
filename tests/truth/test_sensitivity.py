"""Which settings are tried with other values."""

import pytest

from benchmarks.truth.sensitivity import ALMOST_ONE, numbers, trials


def test_each_number_is_halved_and_doubled_after_all_as_they_are() -> None:
    tried = list(trials([]))
    assert tried[0].setting == ""
    assert {trial.setting for trial in tried[1:]} == numbers()
    assert [trial.value for trial in trials(["entry_factor"])][1:] == [1.0, 4.0]


def test_bounds_are_no_beliefs_and_what_is_shipped_is_a_number() -> None:
    assert {"sharpness", "doubt", "join_at"} <= numbers()
    assert not {"max_symptoms", "max_listed", "storm_from", "kind_prior"} & numbers()


def test_a_probability_stays_below_one() -> None:
    assert [trial.value for trial in trials(["same_node_strength"])][1:] == [0.45, ALMOST_ONE]


def test_an_unknown_setting_is_refused() -> None:
    with pytest.raises(KeyError):
        list(trials(["colour"]))

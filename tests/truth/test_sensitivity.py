"""Which settings are tried with other values."""

from benchmarks.truth.sensitivity import ALMOST_ONE, numbers, trials
from pipeline.correlate.settings import CorrelateSettings

DECLARED = CorrelateSettings(sharpness=1.0, doubt=1.0)


def test_each_number_is_halved_and_doubled_after_all_as_they_are() -> None:
    tried = list(trials(DECLARED, ["entry_factor", "doubt"]))
    told = [(trial.name, trial.value) for trial in tried]
    assert told[1:] == [("entry_factor", 1), ("entry_factor", 4), ("doubt", 0.5), ("doubt", 2)]
    assert tried[0].settings == DECLARED


def test_bounds_are_no_beliefs_and_what_is_shipped_is_a_number() -> None:
    assert {"sharpness", "doubt", "join_at"} <= numbers()
    assert not {"max_symptoms", "max_listed", "storm_from", "kind_prior"} & numbers()


def test_a_probability_stays_below_one() -> None:
    assert [trial.value for trial in trials(DECLARED, ["join_at"])][1:] == [0.3, ALMOST_ONE]

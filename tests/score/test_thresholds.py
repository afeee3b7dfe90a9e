"""What is demanded, and by how much it is missed."""

import pytest

from pipeline.errors import UsageError
from pipeline.score import read_thresholds, score, shortfalls
from score_values import case, told


def test_demands_may_be_joined_by_commas_or_given_again() -> None:
    assert read_thresholds(["ac_at_1=0.9, recall=1", "ece=0.1"]) == {
        "ac_at_1": 0.9,
        "recall": 1.0,
        "ece": 0.1,
    }


@pytest.mark.parametrize(
    ("demand", "expected"),
    [
        ("ac_at_1", "write KEY=NUMBER"),
        ("", "write KEY=NUMBER"),
        ("ac_at_2=1", "no key 'ac_at_2'; there are ac_at_1"),
        ("ac_at_1=high", "'high' is no number"),
        ("ac_at_1=nan", "'nan' is no limit"),
    ],
)
def test_a_demand_that_nobody_can_meet_is_refused(demand: str, expected: str) -> None:
    with pytest.raises(UsageError, match=expected):
        read_thresholds([demand])


def test_what_is_missed_is_told_with_by_how_much() -> None:
    scores = score([case(), case("c2", 9000, 9001)], [told()]).total
    assert shortfalls(scores, {"ac_at_1": 0.9, "recall": 0.5, "ttd_p50_s": 2}) == [
        "ac_at_1 is 0.5, 0.4 below the required 0.9",
        "ttd_p50_s is 5, 3 above the allowed 2",
    ]


def test_what_was_not_measured_is_not_met() -> None:
    scores = score([case()], [told()]).total
    assert shortfalls(scores, {"false_per_day": 1}) == [
        "false_per_day has nothing to be measured on (≤ 1 required)"
    ]

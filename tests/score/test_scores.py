"""The figures: what each is a share of, by kind and in all, whatever the order."""

import json
from itertools import combinations
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incident_values import at, symptom
from pipeline.records import Incident
from pipeline.score import Case, score
from score_values import CASES, INCIDENTS, case, told

KEYS = {
    "cases",
    "ac_at_1",
    "ac_at_1_ci",
    "ac_at_3",
    "ac_at_5",
    "avg_at_5",
    "recall",
    "ttd_p50_s",
    "ttd_p95_s",
    "benign_days",
    "false_incidents",
    "false_per_day",
    "pairwise_precision",
    "pairwise_recall",
    "abstained",
    "ece",
    "incidents",
}
DAY = 86_400.0


def test_a_true_cause_in_third_place_counts_from_three_on() -> None:
    third = told(causes={"hub": 0.5, "front": 0.3, "db": 0.2})
    total = score([case()], [third]).total
    assert (total.ac_at_1, total.ac_at_3, total.ac_at_5, total.avg_at_5) == (0, 1, 1, 0.6)
    assert total.recall == 1


def test_a_missed_case_counts_as_wrong() -> None:
    total = score([case(), case("c2", 5000, 5600)], [told()]).total
    assert (total.ac_at_1, total.avg_at_5, total.recall, total.ttd_p95_s) == (0.5, 0.5, 0.5, 5)


def test_false_incidents_are_counted_a_benign_day() -> None:
    quiet = [case("q1", 0, DAY, root=()), case("q2", 2 * DAY, 3 * DAY, root=())]
    found = [told("a", 5, verdict="unknown"), told("b", 6), told("c", 1.5 * DAY)]
    total = score(quiet, found).total
    assert (total.benign_days, total.false_incidents, total.false_per_day) == (2, 2, 1)
    assert (total.abstained, total.incidents, total.ac_at_1) == (0.5, 3, None)


def test_what_was_stated_is_held_against_what_came_true() -> None:
    sure = told("a", causes={"db": 1.0})
    wrong = told("b", 5000, causes={"hub": 0.75, "db": 0.25})
    assert score([case()], [sure]).total.ece == 0
    assert score([case(), case("c2", 5000, 5600)], [sure, wrong]).total.ece == 0.375
    assert score([case(root=())], [wrong, sure]).total.ece == 1.0
    assert score([case()], [told(causes={})]).total.ece is None


def test_two_faults_in_one_incident_lower_precision_one_in_two_recall() -> None:
    one, other = case("c1", 0, 100), case("c2", 5000, 5100)
    early = [symptom("s1", "db", 1), symptom("s2", "db", 2)]
    late = [symptom("s3", "db", 5001), symptom("s4", "db", 5002)]
    merged = score([one, other], [told(lasts=5100, symptoms=[*early, *late])]).total
    assert (merged.pairwise_precision, merged.pairwise_recall) == (2 / 6, 1)
    split = [told(name, symptoms=[each]) for name, each in zip("ab", early, strict=True)]
    assert score([one], split).total.pairwise_recall == 0


def test_where_cases_overlap_a_symptom_is_of_the_one_that_names_its_node() -> None:
    one = case("c1", root=["db"], affected=["front"])
    other = case("c2", root=["hub"], affected=["front"])
    names = ["db", "front", "hub", "proxy"]  # of one, of both, of the other, of none
    symptoms = [symptom(node, node, 5) for node in names]
    total = score([one, other], [told(symptoms=symptoms)]).total
    assert total.pairwise_precision == 0  # of the only pair: db and hub
    assert total.pairwise_recall is None


def test_kinds_are_told_apart_and_cases_without_one_are_faults_or_benign() -> None:
    cases = [case("a", kind="latency"), case("b", 5000, 5600), case("q", 9000, 9600, root=())]
    report = score(cases, [told(), told("f", 9100)])
    assert list(report.by_kind) == ["benign", "fault", "latency"]
    assert [each.recall for each in report.by_kind.values()] == [None, 0, 1]
    assert [each.incidents for each in report.by_kind.values()] == [1, 0, 1]


def test_the_json_has_the_keys_that_others_rely_on() -> None:
    shown = json.loads(json.dumps(score([case(kind="latency")], [told()]).as_json(each=True)))
    assert shown.keys() >= KEYS
    assert shown["by_kind"]["latency"].keys() >= KEYS
    assert shown["ac_at_1_ci"] == [0.206549, 1.0]
    assert shown["each"][0]["rank"] == 1


@given(CASES, INCIDENTS, st.randoms(use_true_random=False))
def test_scores_do_not_depend_on_the_order_of_cases_and_incidents(
    cases: list[Case], incidents: list[Incident], chance: Random
) -> None:
    report = score(cases, incidents)
    chance.shuffle(cases)
    chance.shuffle(incidents)
    assert score(cases, incidents) == report


@given(CASES, INCIDENTS)
def test_shares_are_shares_and_kinds_add_up(cases: list[Case], incidents: list[Incident]) -> None:
    report = score(cases, incidents)
    kinds = report.by_kind.values()
    for scores in (report.total, *kinds):
        order = (scores.ac_at_1, scores.ac_at_3, scores.ac_at_5, scores.recall)
        ordered = [value for value in order if value is not None]
        assert ordered == sorted(ordered)
        for value in (*ordered, scores.ece, scores.abstained, scores.pairwise_precision):
            assert value is None or 0 <= value <= 1
    assert sum(scores.cases for scores in kinds) == report.total.cases
    assert sum(scores.false_incidents for scores in kinds) == report.total.false_incidents


@given(INCIDENTS)
def test_pairs_are_those_that_one_would_count_by_hand(incidents: list[Incident]) -> None:
    """Cases far enough apart that time alone tells to which a symptom belongs."""
    cases = [case(str(number), number * 1000, number * 1000 + 300) for number in range(3)]

    def of(onset: float) -> str | None:
        there = [
            c.id
            for c in cases
            if c.start <= at(onset) and (c.end - at(onset)).total_seconds() >= -600
        ]
        return there[0] if there else None

    held = [
        (incident.id, named)
        for incident in incidents
        for each in incident.symptoms
        if (named := of((each.onset - at(0)).total_seconds())) is not None
    ]
    pairs = list(combinations(held, 2))
    together = [one[1] == other[1] for one, other in pairs if one[0] == other[0]]
    united = [one[0] == other[0] for one, other in pairs if one[1] == other[1]]
    total = score(cases, incidents).total
    assert total.pairwise_precision == (
        pytest.approx(sum(together) / len(together)) if together else None
    )
    assert total.pairwise_recall == (pytest.approx(sum(united) / len(united)) if united else None)

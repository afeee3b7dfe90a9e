"""Which incident is scored for a case, where the true cause stands, which ones are false."""

from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from incident_values import at
from pipeline.records import Incident
from pipeline.score import GRACE_S, Case, Outcome
from pipeline.score.matching import outcomes, rank_of
from pipeline.spans import Spans
from score_values import CAUSES, NODES, case, told


def outcome(one: Case, *incidents: Incident) -> Outcome:
    return next(outcomes([one], incidents, GRACE_S))


def scored(one: Case, *incidents: Incident) -> str | None:
    found = outcome(one, *incidents).incident
    return found.id if found is not None else None


def test_most_common_nodes_win_then_the_earlier_then_the_smaller_id() -> None:
    narrow, wide = told("a", 5, nodes=["db"]), told("z", 90, nodes=["db", "front"])
    assert scored(case(), narrow, wide) == "z"
    assert scored(case(), told("z", 5), told("a", 6)) == "z"
    assert scored(case(), told("z", 5), told("a", 5)) == "a"


def test_without_a_common_node_an_incident_is_scored_only_if_there_is_no_other() -> None:
    elsewhere = told("a", 1, nodes=["proxy"])
    assert scored(case(), elsewhere, told("b", 50, nodes=["front"])) == "b"
    assert scored(case(), elsewhere) == "a"


def test_an_incident_counts_from_its_start_to_its_end_and_a_case_for_the_grace() -> None:
    assert scored(case(start=100), told(start=0, lasts=100)) == "i1"
    assert scored(case(start=100), told(start=0, lasts=99)) is None
    assert scored(case(end=600), told(start=1200)) == "i1"
    assert scored(case(end=600), told(start=1201)) is None


def test_what_was_merged_or_is_of_another_application_is_not_scored() -> None:
    merged = told().model_copy(update={"status": "merged"})
    assert scored(case(), merged) is None
    assert scored(case(application="petshop"), told()) == "i1"
    assert scored(case(application="hub"), told()) is None


def test_in_a_benign_case_what_starts_before_its_end_is_false() -> None:
    benign = case(start=100, end=600, root=())
    starts = {"before": 99.0, "first": 100.0, "last": 599.0, "after": 600.0}
    found = outcome(benign, *(told(name, start) for name, start in starts.items()))
    assert [incident.id for incident in found.false] == ["first", "last"]
    assert found.incident is None


def test_detection_is_timed_from_the_start_of_the_case() -> None:
    assert outcome(case(start=10), told(start=12)).detected_after_s == 7
    assert outcome(case(start=10), told(start=0)).detected_after_s == -5
    assert outcome(case()).detected_after_s is None


def test_ties_count_in_the_worst_order() -> None:
    assert rank_of(told(causes={"db": 0.4, "hub": 0.4, "front": 0.1}), ["db"]) == 2
    assert rank_of(told(causes={"db": 0.4, "hub": 0.4, "front": 0.1}), ["db", "hub"]) == 1
    assert rank_of(told(causes={"hub": 0.4, "db": 0.1 + 0.2, "front": 0.3}), ["db"]) == 3
    assert rank_of(told(causes={"hub": 1.0}), ["db"]) is None


@given(CAUSES, st.sets(st.sampled_from(NODES)))
def test_no_order_of_equals_puts_the_true_cause_further_back(
    causes: dict[str, float], true: set[str]
) -> None:
    def place(order: tuple[str, ...]) -> int | None:
        ranked = sorted(order, key=lambda node: -causes[node])
        return next((rank for rank, node in enumerate(ranked, 1) if node in true), None)

    places = [place(order) for order in permutations(causes)]
    worst = max((rank for rank in places if rank is not None), default=None)
    assert rank_of(told(causes=causes), true) == worst


STEPS = st.integers(0, 20)


@given(st.lists(st.tuples(STEPS, STEPS)), STEPS, STEPS)
def test_spans_find_all_that_goes_on_and_nothing_else(
    spans: list[tuple[int, int]], first: int, length: int
) -> None:
    last = first + length
    things = [(at(start), at(start + lasts), number) for number, (start, lasts) in enumerate(spans)]
    found = Spans(things)
    meeting = [
        n for n, (start, lasts) in enumerate(spans) if start <= last and start + lasts >= first
    ]
    starting = [number for number, (start, _) in enumerate(spans) if first <= start < last]
    assert sorted(found.meeting(at(first), at(last))) == meeting
    assert sorted(found.starting(at(first), at(last))) == starting

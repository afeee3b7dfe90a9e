"""What became of the same input's incidents, and why."""

from collections.abc import Iterable
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from incident_values import symptom
from pipeline.difference import Difference, Group, compare
from pipeline.records import Incident, IncidentSymptom
from score_values import INCIDENTS, told


def only(old: Iterable[Incident], new: Iterable[Incident], kind: str) -> Group:
    groups = [group for group in compare(old, new).groups if group.kind == kind]
    assert len(groups) == 1
    return groups[0]


def codes(group: Group) -> list[str]:
    return [reason.code for reason in group.reasons]


def ids(difference: Difference, kind: str) -> list[tuple[list[str], list[str]]]:
    return [
        ([each.id for each in group.old], [each.id for each in group.new])
        for group in difference.groups
        if group.kind == kind
    ]


A, B, C, D = (symptom(name, "db", 10 * place) for place, name in enumerate("abcd"))
C_AFTER_A = symptom("c", "hub", 20, parent="a")


def test_nothing_changed_is_told_as_such() -> None:
    same = [told("x", symptoms=[A, B]), told("y", 900, symptoms=[C])]
    difference = compare(same, list(reversed(same)))
    assert difference.same
    assert difference.counts["unchanged"] == 2


def test_what_shares_nothing_was_born_or_died() -> None:
    old, new = told("x", symptoms=[A]), told("y", 5000, symptoms=[B])
    difference = compare([old], [new])
    assert ids(difference, "died") == [(["x"], [])]
    assert ids(difference, "born") == [([], ["y"])]
    assert codes(only([old], [new], "died")) == ["symptoms-gone"]
    assert codes(only([old], [new], "born")) == ["symptoms-new"]


def test_two_that_became_one_were_merged_by_a_new_link() -> None:
    old = [told("x", symptoms=[A, B]), told("y", 20, symptoms=[C])]
    group = only(old, [told("x", symptoms=[A, B, C_AFTER_A])], "merged")
    assert [incident.id for incident in group.old] == ["x", "y"]
    joined = [reason.text for reason in group.reasons if reason.code == "link-new"]
    assert joined == ["joined by x → hub (c-signature at hub, 40%)"]
    assert not group.symptoms.moved_in


def test_one_that_became_two_was_split_where_a_link_is_gone() -> None:
    new = [told("x", symptoms=[A, B]), told("y", 20, symptoms=[C])]
    group = only([told("x", symptoms=[A, B, C_AFTER_A])], new, "split")
    assert [incident.id for incident in group.new] == ["x", "y"]
    assert "link-gone" in codes(group)


def test_a_symptom_that_moves_merges_nothing() -> None:
    old = [told("x", symptoms=[A, B]), told("y", 20, symptoms=[C, D])]
    new = [told("x", symptoms=[A]), told("y", 20, symptoms=[B, C, D])]
    difference = compare(old, new)
    assert ids(difference, "changed") == [(["x"], ["x"]), (["y"], ["y"])]
    out, into = difference.groups
    assert [(each.symptom.id, each.target) for each in out.symptoms.moved_out] == [("b", "y")]
    assert [(each.symptom.id, each.source) for each in into.symptoms.moved_in] == [("b", "x")]


def test_another_first_cause_is_told_with_the_order_before_and_after() -> None:
    old = told(causes={"db": 0.7, "hub": 0.2}, symptoms=[A])
    group = only([old], [told(causes={"hub": 0.6, "db": 0.3}, symptoms=[A])], "cause changed")
    change = group.changes[0]
    assert (change.field, change.before, change.after) == ("cause", "db", "hub")
    assert codes(group) == ["judgement-differs", "ranking-differs"]
    assert group.reasons[1].text == "causes: db 70.0%, hub 20.0% → hub 60.0%, db 30.0%"


def test_what_else_differs_is_told_field_by_field() -> None:
    old = told(symptoms=[A])
    changed = {"verdict": "unknown", "severity": "minor", "title": "t", "graph_version": "g2"}
    group = only([old], [old.model_copy(update=changed)], "changed")
    assert [each.field for each in group.changes] == list(changed)
    assert codes(group) == ["graph-changed"]


def test_where_all_ids_changed_time_and_nodes_tell_what_belongs_together() -> None:
    old = [told("x", nodes=["db", "hub"], symptoms=[A]), told("y", 9000, symptoms=[B])]
    new = [
        told("v", nodes=["db"], symptoms=[symptom("n", "db", 1)]),
        told("w", 30, nodes=["db", "hub"], symptoms=[symptom("m", "db", 30)]),
    ]
    difference = compare(old, new)
    assert ids(difference, "changed") == [(["x"], ["w"])]
    assert ids(difference, "born") == [([], ["v"])]
    assert ids(difference, "died") == [(["y"], [])]
    assert "other-ids" in codes(only(old, new, "changed"))


def test_a_list_that_is_cut_is_said_to_be() -> None:
    old = told(symptoms=[A]).model_copy(update={"symptom_count": 300})
    assert "list-cut" in codes(only([old], [told(symptoms=[A, B])], "changed"))


def test_the_same_symptom_in_two_applications_joins_nothing() -> None:
    other = told("y", symptoms=[A]).model_copy(update={"application": "hub"})
    difference = compare([told("x", symptoms=[A])], [other])
    assert (difference.counts["died"], difference.counts["born"]) == (1, 1)


def test_symptoms_that_differ_or_hang_elsewhere_are_named() -> None:
    worse = A.model_copy(update={"severity": "critical"})
    moved = C_AFTER_A.model_copy(update={"parent": None})
    old, new = told(symptoms=[A, C_AFTER_A]), told(symptoms=[worse, moved])
    symptoms = only([old], [new], "changed").symptoms
    assert (symptoms.differing, symptoms.relinked) == (("a",), ("c",))


@given(INCIDENTS, INCIDENTS)
def test_every_incident_is_in_exactly_one_group(old: list[Incident], new: list[Incident]) -> None:
    groups = compare(old, new).groups
    assert sorted(each.id for group in groups for each in group.old) == sorted(i.id for i in old)
    assert sorted(each.id for group in groups for each in group.new) == sorted(i.id for i in new)


@given(INCIDENTS, INCIDENTS)
def test_every_symptom_that_is_told_anew_is_accounted_for(
    old: list[Incident], new: list[Incident]
) -> None:
    def names(symptoms: Iterable[IncidentSymptom]) -> set[str]:
        return {each.id for each in symptoms}

    before = {each.id for incident in old for each in incident.symptoms}
    after = {each.id for incident in new for each in incident.symptoms}
    groups = compare(old, new).groups
    assert set().union(*(names(group.symptoms.new) for group in groups)) == after - before
    assert set().union(*(names(group.symptoms.gone) for group in groups)) == before - after


@given(INCIDENTS, INCIDENTS, st.randoms(use_true_random=False))
def test_the_order_of_incidents_does_not_matter(
    old: list[Incident], new: list[Incident], chance: Random
) -> None:
    difference = compare(old, new)
    chance.shuffle(old)
    chance.shuffle(new)
    assert compare(old, new) == difference


@given(INCIDENTS)
def test_an_incident_is_unchanged_beside_itself(incidents: list[Incident]) -> None:
    assert compare(incidents, incidents).same

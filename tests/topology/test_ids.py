"""Node ids as terms."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from topology import ids

SEGMENTS = st.builds(
    "{}{}{}".format,
    st.text("ab", max_size=2),
    st.sampled_from(["", "{x}", "{y}", "{z}"]),
    st.text("ab", max_size=2),
)
TEMPLATES = st.lists(SEGMENTS, min_size=1, max_size=3).map("/".join)
VALUES = st.text("ab", min_size=1, max_size=4)


@given(TEMPLATES, st.data())
def test_a_filled_template_is_an_instance_with_the_same_values(
    template: str, data: st.DataObject
) -> None:
    try:
        term = ids.parse(template)
    except ValueError:
        return
    values = {name: data.draw(VALUES) for name in ids.variables(term)}
    filled = ids.fill(term, values)
    assert filled is not None
    found = ids.unify(term, ids.ground(filled))
    assert found == {name: ids.Segment(value) for name, value in values.items()}


@given(TEMPLATES, TEMPLATES)
def test_unified_terms_are_the_same_id(one: str, other: str) -> None:
    try:
        left, right = ids.apart(ids.parse(one), 1), ids.apart(ids.parse(other), 2)
    except ValueError:
        return
    bindings = ids.unify(left, right)
    if bindings is not None:
        assert ids.substitute(left, bindings) == ids.substitute(right, bindings)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("v/{claim}", "v/nb-{user}-pvc", "v/nb-{user}-pvc"),
        ("v/nb-{a}", "v/{b}-pvc", "v/nb-{a+b}-pvc"),
        ("v/db", "v/{claim}", "v/db"),
        ("v/a-{x}", "v/b-{y}", None),
        ("v/{x}", "v/x/y", None),
        ("a{x}b", "ab", None),
    ],
)
def test_terms_meet_in_their_most_general_instance(one: str, other: str, same: str | None) -> None:
    left = ids.parse(one)
    bindings = ids.unify(left, ids.parse(other))
    assert (bindings and ids.text(ids.substitute(left, bindings))) == (same or bindings)


@pytest.mark.parametrize("wrong", ["{a}-{b}", "{a}/{a}"])
def test_variables_that_cannot_be_told_apart_are_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="variable"):
        ids.parse(wrong)


def test_the_most_literal_template_declares_a_node() -> None:
    assert ids.literal_length(ids.parse("v/nb-{u}")) > ids.literal_length(ids.parse("v/{c}"))

"""One pass over a text finds what a look for each literal finds."""

from hypothesis import given
from hypothesis import strategies as st

from pipeline.detect.prefilter import Prefilter

LETTERS = st.text("abc\N{SNOWMAN}", min_size=1, max_size=4)
GROUPS = st.lists(st.lists(LETTERS, min_size=1, max_size=4), max_size=8)
TEXTS = st.text("abc\N{SNOWMAN}\ud800", max_size=30)
"""Half a surrogate pair is among them: JSON may escape one."""


@given(GROUPS, TEXTS)
def test_groups_are_those_with_a_literal_in_the_text(groups: list[list[str]], text: str) -> None:
    expected = [n for n, group in enumerate(groups) if any(word in text for word in group)]
    assert list(Prefilter(groups).groups_in(text)) == expected


def test_literals_within_literals_and_in_several_groups_are_all_found() -> None:
    prefilter = Prefilter([["disk is full"], ["full"], ["disk is"], ["full"], ["empty"]])
    assert list(prefilter.groups_in("the disk is full")) == [0, 1, 2, 3]

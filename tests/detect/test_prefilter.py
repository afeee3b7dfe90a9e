"""One pass over a text finds what a look for each literal finds."""

from hypothesis import given
from hypothesis import strategies as st

from pipeline.detect.masking import LOOKED_AT
from pipeline.detect.prefilter import Prefilter

LETTERS = st.text("ab012\N{SNOWMAN}", min_size=1, max_size=4)
GROUPS = st.lists(st.lists(LETTERS, min_size=1, max_size=4), max_size=8)
TEXTS = st.text("ab012\N{SNOWMAN}\ud800", max_size=30)
"""Half a surrogate pair is among them: JSON may escape one."""


@given(GROUPS, st.lists(TEXTS, min_size=1, max_size=4), st.sampled_from(["", "x" * LOOKED_AT]))
def test_groups_are_those_with_a_literal_in_the_text(
    groups: list[list[str]], texts: list[str], before: str
) -> None:
    prefilter = Prefilter(groups)
    for text in (before + text for text in texts):
        expected = [n for n, group in enumerate(groups) if any(word in text for word in group)]
        assert list(prefilter.groups_in(text)) == expected


def test_literals_within_literals_and_in_several_groups_are_all_found() -> None:
    prefilter = Prefilter([["disk is full"], ["full"], ["disk is"], ["full"], ["empty"]])
    assert list(prefilter.groups_in("the disk is full")) == [0, 1, 2, 3]


def test_what_was_found_for_a_line_holds_for_others_but_for_their_digits() -> None:
    prefilter = Prefilter([["] 503 "], ["GET"], ["] 50"]])
    lines = ("[log:1] 200 GET /", "[log:1] 503 GET /", "[log:9] 502 GET /")
    assert [list(prefilter.groups_in(line)) for line in lines] == [[1], [0, 1, 2], [1, 2]]


def test_a_literal_with_digits_is_found_beside_one_that_differs_in_digits_only() -> None:
    prefilter = Prefilter([["exit code 137"], ["exit code 1"], ["code 0"], ["sha256~"]])
    lines = ("exit code 0, exit code 137", "exit code 137", "exit code 0", "exit code 437 sha256~")
    found = [list(prefilter.groups_in(line)) for line in lines]
    assert found == [[0, 1, 2], [0, 1], [2], [3]]

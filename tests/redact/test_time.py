"""Every pattern is linear: what is made to blow one up is done long before the test's time limit.

Of a text of 150,000 characters a quadratic pattern would make ten thousand million steps.
"""

import itertools

import pytest

from pipeline.redact import Redactor
from pipeline.redact.rules import RULES

CHARACTERS = 150_000
PARTS = (
    "://",
    "://a:",
    "@",
    "password=",
    'password="',
    "\\",
    "((",
    ";a",
    "AAAA",
    "eyJ",
    "cookie: a=",
)
HINTS = sorted({hint for rule in RULES for hint in rule.hints})


@pytest.mark.timeout(60)
@pytest.mark.parametrize("part", [*HINTS, *PARTS])
def test_a_part_that_comes_again_and_again_is_no_trouble(part: str) -> None:
    Redactor().text(part * (CHARACTERS // 5 // len(part)))


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "unit",
    [
        "-----BEGIN PRIVATE KEY-----QUJD\n",
        "-----END PRIVATE KEY-----QUJD\n",
        "authorization: digest a=b,",
        "cookie: a=b; ",
        'password="\\',
        "state%3D%26",
        "://a:b/c@",
    ],
)
def test_what_begins_and_does_not_end_is_no_trouble(unit: str) -> None:
    Redactor().text(unit * (CHARACTERS // len(unit)))


def test_tricks_end_in_a_marker_for_the_whole() -> None:
    chained = "".join(map("".join, itertools.product(("password=", "token=", "a@"), repeat=6)))
    once = Redactor().text(chained)
    assert Redactor().text(once) is once

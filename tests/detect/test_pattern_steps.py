"""No pattern takes more than linear time, whatever the line: counted in steps, not in seconds."""

import pytest

from pattern_steps import attacks, steps
from pipeline.detect.load_pack import load_pack

PACK = load_pack("jupyterhub")
PATTERNS = {
    **{s.id: s.regex for s in PACK.logs if s.regex is not None},
    **{s.id: s.message for s in PACK.events if s.message is not None},
}
LONG = 600
"""Several times the longest bounded repeat, so that a bound shows as one."""
SLACK = 2.3
"""Twice the text may take a little more than twice the steps: the ends of the text count, too."""
PER_CHARACTER = 300
"""The longest bounded repeat tried at each character; a line is looked at for 4,096 of them."""


@pytest.mark.long
@pytest.mark.parametrize("pattern", PATTERNS.values(), ids=PATTERNS)
def test_twice_the_text_takes_at_most_twice_the_steps(pattern: str) -> None:
    different = {attack(2 * LONG): attack for attack in attacks(pattern)}
    for attack in different.values():
        once, twice = (steps(pattern, attack(size)) for size in (LONG, 2 * LONG))
        assert twice <= SLACK * once + 1_000, attack(80)
        assert twice <= PER_CHARACTER * 2 * LONG, attack(80)


@pytest.mark.parametrize("pattern", [r"x.*y.*z", r"\w+\d", r"(?:a|a)*b", r"a*a*b", r"(a|ab)*c"])
def test_what_blows_up_is_seen_to_blow_up(pattern: str) -> None:
    sizes = (6, 12) if "(" in pattern else (40, 80)
    growth = [
        steps(pattern, attack(sizes[1])) / steps(pattern, attack(sizes[0]))
        for attack in attacks(pattern)
    ]
    assert max(growth) > 3

"""How many examples and seeds a property is tried on.

The long search for counterexamples is for CI. Who has changed a line wants to know within a minute
whether a law still holds, and what breaks one is nearly always found by the first few examples.
"""

import os

THOROUGH = bool(os.environ.get("CI"))
EXAMPLES = 100
"""Hypothesis's own number."""
_SHARE = 5


def tries(all_of_them: int) -> int:
    """Return how many to try: all in CI, a fifth elsewhere."""
    return all_of_them if THOROUGH else -(-all_of_them // _SHARE)

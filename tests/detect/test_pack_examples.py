"""Each signature recognises its examples where it holds, and not its counter-examples."""

import re

import pytest

from pipeline.detect.examples import Outcome, outcomes
from pipeline.detect.load_pack import load_pack

PACK = load_pack("jupyterhub")
OUTCOMES = list(outcomes(PACK))


def name(outcome: Outcome) -> str:
    kind = "not-" if outcome.counter else ""
    return f"{kind}{outcome.signature}-{outcome.number}-{outcome.node}"


@pytest.mark.parametrize("outcome", OUTCOMES, ids=name)
def test_an_example_is_recognised_by_its_signature_and_no_other(outcome: Outcome) -> None:
    assert outcome.right, outcome.told


def test_every_scenario_is_marked_by_more_than_one_sign() -> None:
    alone = {"S16"}  # an expired sign-in is one line
    for scenario in PACK.scenarios:
        signs = [s.id for s in PACK.signatures if scenario in s.marks]
        assert len(signs) > 1 or scenario in alone, scenario


def test_what_is_harmless_implicates_nobody() -> None:
    assert [s.id for s in PACK.signatures if s.suppress and s.implicates] == []


def test_an_error_of_the_hub_alone_implicates_nobody() -> None:
    by_id = {s.id: s for s in PACK.signatures}
    assert by_id["access-5xx"].implicates == by_id["hub-server-errors"].implicates == ()


def test_repeats_of_anything_are_bounded() -> None:
    patterns = [s.regex for s in PACK.logs] + [s.message for s in PACK.events]
    unbounded = [p for p in patterns if p is not None and re.search(r"\.[*+]", p)]
    assert unbounded == []


def test_a_literal_is_in_every_example_that_a_log_signature_recognises() -> None:
    for signature in PACK.logs:
        for example in signature.examples:
            assert any(literal in example for literal in signature.any_of), signature.id

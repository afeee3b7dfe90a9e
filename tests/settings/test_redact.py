"""Settings of redaction: what cannot be used is told in one line."""

import pytest
from pydantic import ValidationError

from pipeline.redact import RULE_NAMES, Redactor
from pipeline.settings_redact import RedactSettings


def test_by_default_all_rules_are_applied() -> None:
    redaction = RedactSettings().redaction
    assert redaction.enabled
    assert not redaction.keep
    assert not redaction.extra


def test_a_rule_is_switched_off_by_its_name() -> None:
    redaction = RedactSettings(keep=("password",)).redaction
    assert Redactor(redaction).text("password=hunt3r") == "password=hunt3r"
    with pytest.raises(ValidationError, match=rf"'passwrod' is no rule; there are {RULE_NAMES[0]}"):
        RedactSettings(keep=("passwrod",))


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("(", "not a regular expression"),
        ("x*", "match everywhere"),
        ("[a-z-]+", "matches the marker"),
    ],
)
def test_a_pattern_that_would_do_harm_is_refused(pattern: str, why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        RedactSettings(extra_patterns={"own": pattern})

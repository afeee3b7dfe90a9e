"""Settings of redaction: secrets leave what is observed before it is published or stored."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from pipeline.redact import RULE_NAMES, Redaction, Redactor
from pipeline.settings_group import Group

MAX_PATTERN = 2_000
"""Characters of one pattern of the site's own."""


def _known(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        if name not in RULE_NAMES:
            raise ValueError(f"{name!r} is no rule; there are {', '.join(RULE_NAMES)}")
    return names


def _usable(patterns: dict[str, str]) -> dict[str, str]:
    for name, text in patterns.items():
        try:
            pattern = re.compile(text)
        except re.error as trouble:
            raise ValueError(f"{name}: not a regular expression ({trouble})") from None
        if pattern.search("") is not None:
            raise ValueError(f"{name}: matches nothing at all, so that it would match everywhere")
        for rule in (*RULE_NAMES, name, *Redactor.OTHER_NAMES):
            if pattern.search(f"[redacted:{rule}]") is not None:
                raise ValueError(f"{name}: matches the marker [redacted:{rule}] itself")
    return patterns


_Name = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$")]
_Pattern = Annotated[str, Field(min_length=1, max_length=MAX_PATTERN)]


class RedactSettings(Group):
    """What is replaced in messages and labels, at every door."""

    enabled: bool = True
    """False publishes and stores everything as it comes, passwords and all."""
    extra_patterns: Annotated[dict[_Name, _Pattern], AfterValidator(_usable)] = Field(
        default_factory=dict
    )
    """The site's own, by name: regular expressions (of Python). The group ``secret``, else all that
    matches, is replaced by ``[redacted:NAME]``. They are tried on every line: keep them cheap."""
    keep: Annotated[tuple[str, ...], AfterValidator(_known)] = ()
    """Names of built-in rules that are switched off, as the markers spell them (``base64``)."""

    @property
    def redaction(self) -> Redaction:
        """Which rules are applied."""
        return Redaction(
            enabled=self.enabled, extra=dict(self.extra_patterns), keep=frozenset(self.keep)
        )

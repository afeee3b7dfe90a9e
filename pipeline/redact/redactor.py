"""All rules applied to a text, or to an observation; and what was found, counted. Pure."""

import re
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from ahocorasick_rs import AhoCorasick

from pipeline.records import Event, Log, Metric
from pipeline.redact.keymaterial import (
    may_have_base64,
    without_base64,
    without_blocks,
)
from pipeline.redact.rules import RULES, Rule, marker_of

MAX_PASSES = 6
"""What is replaced may uncover more, so that a text that has changed is looked at again; two passes
are usual. A text that still changes after these is made to play tricks: all of it is replaced."""

MAX_CLEAN = 20_000
"""Labels of series that are known to be without secrets, at some 300 bytes each 6 MB: samples of a
series come again and again. Beyond it all are forgotten, and looked at anew."""

_WHOLE = "text"
_LABEL = "label"
_BLOCK_HINT = "private key"
_GROUPS = ("secret", "bare", "opaque")
_NAMED = re.compile(
    r"(?:.*[_.-])?(?:password|passwd|passphrase|pwd|token|api_?key|client_?secret|secret_?key"
    r"|access_?key|authorization|cookie)",
    re.IGNORECASE,
)
"""Labels whose whole value is a secret. (``secret`` is none: it is the name of one.)"""

Observed = TypeVar("Observed", Log, Event, Metric, Log | Event | Metric)


@dataclass(frozen=True, slots=True, kw_only=True)
class Redaction:
    """Which rules are applied."""

    enabled: bool = True
    extra: Mapping[str, str] = field(default_factory=dict)
    """By name: patterns of the site's own. The group ``secret``, else all that matches, goes."""
    keep: frozenset[str] = frozenset()
    """Names of built-in rules that are not applied."""


DEFAULT = Redaction()


class Redactor:
    """Applies rules, and counts in ``counts`` what they have replaced, by rule."""

    OTHER_NAMES = (_WHOLE, _LABEL)
    """In markers and counts besides those of rules."""

    def __init__(self, redaction: Redaction = DEFAULT) -> None:
        """Prepare the rules.

        Raises:
            re.error: a pattern of the site's own cannot be used.
        """
        self.counts: Counter[str] = Counter()
        self.redacted = 0
        """Observations that were changed."""
        self._enabled = redaction.enabled
        self._clean: set[str] = set()
        rules = [rule for rule in RULES if rule.name not in redaction.keep]
        rules += [Rule(name, (), re.compile(text)) for name, text in redaction.extra.items()]
        self._rules = rules
        self._always = frozenset(n for n, rule in enumerate(rules) if not rule.hints)
        self._blocks = "private-key" not in redaction.keep
        self._base64 = "base64" not in redaction.keep
        hints = sorted({hint for rule in rules for hint in rule.hints} | {_BLOCK_HINT})
        self._rules_of = [
            frozenset(n for n, rule in enumerate(rules) if hint in rule.hints) for hint in hints
        ]
        self._block_hint = hints.index(_BLOCK_HINT)
        self._find = AhoCorasick(hints).find_matches_as_indexes

    def text(self, text: str) -> str:
        """Return a text without secrets: the very same where it has none."""
        if not self._enabled:
            return text
        hints = self._hints(text)
        if not hints and not self._always and not (self._base64 and may_have_base64(text)):
            return text
        return self._settled(text, hints)

    def message(self, text: str) -> str:
        """Return a message without secrets; counts it where it had some."""
        redacted = self.text(text)
        self.redacted += redacted is not text
        return redacted

    def observation(self, observation: Observed) -> Observed:
        """Return an observation without secrets in its message or labels."""
        if isinstance(observation, Metric):
            labels = self._labels(observation.labels)
            if labels is observation.labels:
                return observation
            self.redacted += 1
            return observation.model_copy(update={"labels": labels})
        message = self.message(observation.message)
        if message is observation.message:
            return observation
        return observation.model_copy(update={"message": message})

    def _settled(self, text: str, hints: Collection[int]) -> str:
        """Apply all rules until nothing changes any more."""
        for _ in range(MAX_PASSES):
            before, text = text, self._once(text, hints)
            if text == before:
                return before
            hints = self._hints(text)
        self.counts[_WHOLE] += 1
        return marker_of(_WHOLE)

    def _once(self, text: str, hints: Collection[int]) -> str:
        if self._blocks and self._block_hint in hints:
            text, blocks = without_blocks(text)
            self._count("private-key", blocks)
        for number in sorted(self._always.union(*(self._rules_of[hint] for hint in hints))):
            text = self._by_rule(text, self._rules[number])
        if self._base64:
            text, lines = without_base64(text)
            self._count("base64", lines)
        return text

    def _hints(self, text: str) -> Collection[int]:
        """Return the numbers of the hints that are in a text."""
        lower = text.lower()
        try:
            found = self._find(lower, True)  # noqa: FBT003 - as a keyword it takes 0.1 µs more
        except UnicodeEncodeError:  # half a surrogate pair: no hint has one
            found = self._find(lower.encode(errors="replace").decode(), overlapping=True)
        return {hint for hint, _, _ in found} if found else ()

    def _count(self, name: str, times: int) -> None:
        if times:
            self.counts[name] += times

    def _by_rule(self, text: str, rule: Rule) -> str:
        parts: list[str] = []
        end = 0
        for match in rule.pattern.finditer(text):
            start, stop = _secret_of(match)
            if start == stop or start < end:
                continue
            parts += (text[end:start], rule.marker)
            end = stop
            self.counts[rule.name] += 1
        return "".join((*parts, text[end:])) if parts else text

    def _labels(self, labels: dict[str, str]) -> dict[str, str]:
        """Return labels without secrets; the same where they have none."""
        if not self._enabled:
            return labels
        told = "\n".join(map("=".join, labels.items()))
        if told in self._clean:
            return labels
        changed = {name: self._label(name, value) for name, value in labels.items()}
        if changed != labels:
            return changed
        if len(self._clean) >= MAX_CLEAN:
            self._clean.clear()
        self._clean.add(told)
        return labels

    def _label(self, name: str, value: str) -> str:
        redacted = self.text(value)
        if redacted != value or not value or not _NAMED.fullmatch(name):
            return redacted
        marker = marker_of(_LABEL)
        self.counts[_LABEL] += value != marker
        return marker


def _secret_of(match: re.Match[str]) -> tuple[int, int]:
    """Return where the secret is in a match."""
    for name in _GROUPS:
        if name in match.re.groupindex and match.start(name) >= 0:
            return match.span(name)
    return match.span()

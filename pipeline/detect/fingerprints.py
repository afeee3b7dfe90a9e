"""Fingerprints: what tells apart episodes of one rule at one node. Readable, and bounded."""

from collections.abc import Mapping
from hashlib import blake2b

MAX_SUBJECT = 100
"""Characters kept of what a named group found: no name in Kubernetes that matters is longer."""
LOOKED_AT = 4096
"""Characters of a message that patterns look at, so that no message can take a pattern long: a
search that goes over the rest at each of its places still ends within milliseconds."""
LENGTH = 200
"""Longest readable fingerprint; a longer one is cut and ends with a hash of the whole."""


def fingerprint(rule: str, subject: Mapping[str, str]) -> str:
    """Return ``rule`` or ``rule{name=value,…}``."""
    if not subject:
        return rule
    named = ",".join(f"{name}={value}" for name, value in sorted(subject.items()))
    return bounded(f"{rule}{{{named}}}")


def bounded(text: str) -> str:
    """Return the text, or its beginning and a hash where it is longer than ``LENGTH``."""
    if len(text) <= LENGTH:
        return text
    digest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
    return f"{text[: LENGTH - 17]}#{digest}"

"""What a search for words means, the same on every store.

In: what a person typed, and incidents. Out: whether an incident is found. It must not rank: which
incident is "more like" the words differs from engine to engine, and a list by start does not.

A word is a run of letters and digits, in lower case; everything else parts words. So
``jupyterhub/user/alice-40example`` is four words, and a part of a node's id finds it. An incident
is found when *every* word typed is the beginning of one of its words, wherever that is.
"""

import re
from collections.abc import Iterator, Sequence

from pipeline.errors import UsageError
from pipeline.records import Incident

MAX_WORDS = 32
"""Words in a search: more than a pasted log line has, few enough for any engine's clause limit."""

_WORD = re.compile(r"[^\W_]+")


def search_words(text: str) -> list[str]:
    """Return the words of a search, each once, in order.

    Raises:
        UsageError: there is none, or there are more than ``MAX_WORDS``.
    """
    found = list(dict.fromkeys(words_of(text)))
    if not found:
        raise UsageError(f"search {text!r}: give at least one letter or digit")
    if len(found) > MAX_WORDS:
        raise UsageError(
            f"search: {len(found)} different words; {MAX_WORDS} are looked for at most"
        )
    return found


def words_of(text: str) -> list[str]:
    """Return the words of a text, in order."""
    return _WORD.findall(text.lower())


def searched(incident: Incident) -> Iterator[str]:
    """Yield the texts of an incident that are searched.

    Title, nodes (affected, or named as a cause), signatures and exemplars of its symptoms.
    """
    yield incident.title
    yield from incident.nodes
    yield from (cause.node for cause in incident.causes)
    for symptom in incident.symptoms:
        yield from (symptom.node, symptom.signature, symptom.exemplar)


def finds(incident: Incident, words: Sequence[str]) -> bool:
    """Return whether every one of these words begins a word of the incident."""
    there = {word for text in searched(incident) for word in words_of(text)}
    return all(any(word.startswith(begun) for word in there) for begun in words)

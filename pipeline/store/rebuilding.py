"""A store against what it should hold: compared byte for byte, and brought there.

In: the latest revision of each incident of the topic, and a store. Out: what differs, by id. It
writes only what differs, so a store that is right is only read. The index role may go on meanwhile:
what it brings is newer than what was read here, and is never overwritten.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from pipeline.records import Incident, canonical
from pipeline.store.store import IncidentStore, Query

BATCH = 100
"""Incidents written at once: at most some 120 kB each, 12 MB."""
ROUNDS = 3
"""Times that the topic is read, if the store is ahead: the index role has been faster than we."""


@dataclass(slots=True)
class Differences:
    """How a store differs from the topic, by incident id; all empty but ``equal``: it does not."""

    equal: int = 0
    """Incidents whose bytes are the same."""
    missing: list[str] = field(default_factory=list)
    """In the topic only."""
    older: list[str] = field(default_factory=list)
    """The store has an earlier revision."""
    newer: list[str] = field(default_factory=list)
    """The store has a later revision than the topic."""
    other: list[str] = field(default_factory=list)
    """The same revision, other bytes."""
    extra: list[str] = field(default_factory=list)
    """In the store only: aged out of the topic, or never of this topic."""

    refused: dict[str, str] = field(default_factory=dict)
    """What the store would not take when it was rebuilt, with its reason."""

    @property
    def wrong(self) -> dict[str, list[str]]:
        """What must not be, by kind; ``extra`` may be."""
        kinds = ("missing", "older", "newer", "other")
        return {kind: getattr(self, kind) for kind in kinds if getattr(self, kind)}

    def as_json(self) -> dict[str, object]:
        """Return the fields for ``--json``."""
        kinds = ("equal", "missing", "older", "newer", "other", "extra", "refused")
        return {kind: getattr(self, kind) for kind in kinds}


def compare(wanted: Mapping[str, Incident], store: IncidentStore) -> Differences:
    """Compare a store with what it should hold; it is read once, as it stands.

    Raises:
        BrokenWorld: the store is away.
    """
    found = Differences()
    seen = set()
    for there in store.list(Query()):
        seen.add(there.id)
        right = wanted.get(there.id)
        if right is None:
            found.extra.append(there.id)
        elif right.revision != there.revision:
            kind = found.older if there.revision < right.revision else found.newer
            kind.append(there.id)
        elif canonical(right) != canonical(there):
            found.other.append(there.id)
        else:
            found.equal += 1
    found.missing = sorted(wanted.keys() - seen)
    return found


def rebuild(
    wanted: Mapping[str, Incident], store: IncidentStore, *, prune: bool = False
) -> Differences:
    """Bring a store to what it should hold; return how it differed before.

    A later revision in the store stays: it is the topic that was read too early, or has lost it.
    With ``prune`` what the topic does not have is deleted.

    Raises:
        BrokenWorld: the store is away, or full; what was written stays, and may be done again.
    """
    found = compare(wanted, store)
    for ids in _batches(found.other):  # a store takes a revision once only
        store.delete(ids)
    for ids in _batches([*found.missing, *found.older, *found.other]):
        for refused in store.put([wanted[each] for each in ids]):
            found.refused[refused.incident.id] = refused.reason
    for ids in _batches(found.extra if prune else []):
        store.delete(ids)
    return found


def proof(
    wanted: Mapping[str, Incident],
    store: IncidentStore,
    *,
    again: Callable[[], Mapping[str, Incident]],
) -> Differences:
    """Return how a store that was rebuilt differs from the topic.

    Where the store is ahead, the topic is read ``again``, a few times: an index role is at work.

    Raises:
        BrokenWorld: broker or store is away.
    """
    found = compare(wanted, store)
    for _ in range(ROUNDS - 1):
        if not found.newer:
            break
        wanted = again()
        rebuild(wanted, store)
        found = compare(wanted, store)
    return found


def _batches(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(ids), BATCH):
        yield ids[start : start + BATCH]

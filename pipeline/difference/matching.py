"""Which old incidents became which new ones; pure.

What two incidents have in common is symptoms, by id. An old incident's heir is the new one that
shares most with it, one heir each, the strongest links first. What is then left over and shares
symptoms with somebody's heir was merged into it, or split from its ancestor. Where nothing is
shared at all, ids may have changed: of those, old and new are paired that overlap in time and have
nodes in common, most alike first. The rest died or was born.
"""

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from pipeline.records import Incident
from pipeline.spans import Spans

Key = tuple[str, str]
"""Application and id: a node that two applications share has the same symptoms in both."""
K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """Old and new incidents that belong together; the first of each are ancestor and heir."""

    old: tuple[Incident, ...]
    new: tuple[Incident, ...]
    by_symptoms: bool
    """False: no symptom is shared; they overlap in time and nodes."""


def matches(old: Sequence[Incident], new: Sequence[Incident]) -> Iterator[Match]:
    """Yield who belongs together; every incident is in exactly one match."""
    olds = {_key(incident): incident for incident in old}
    news = {_key(incident): incident for incident in new}
    shared = _shared(old, new)
    heirs = _heirs(shared)
    ancestors = {heir: ancestor for ancestor, heir in heirs.items()}
    merged = _followers(shared, of=0, known=heirs)
    split = _followers(shared, of=1, known=ancestors)
    for ancestor, heir in sorted(heirs.items()):
        yield Match(
            old=(olds.pop(ancestor), *(olds.pop(key) for key in merged.get(heir, ()))),
            new=(news.pop(heir), *(news.pop(key) for key in split.get(ancestor, ()))),
            by_symptoms=True,
        )
    for one, other in _alike(olds.values(), news.values()):
        pair = (olds.pop(_key(one)),), (news.pop(_key(other)),)
        yield Match(old=pair[0], new=pair[1], by_symptoms=False)
    yield from (Match(old=(died,), new=(), by_symptoms=True) for died in olds.values())
    yield from (Match(old=(), new=(born,), by_symptoms=True) for born in news.values())


def _key(incident: Incident) -> Key:
    return incident.application, incident.id


def _marks(incident: Incident) -> Iterator[Key]:
    # the id is a hash of the anchor, which thus counts too where the list of symptoms is cut
    yield incident.application, f"incident {incident.id}"
    for symptom in incident.symptoms:
        yield incident.application, symptom.id


def _shared(old: Iterable[Incident], new: Iterable[Incident]) -> Counter[tuple[Key, Key]]:
    """Return how much each old and each new incident have in common."""
    holders: dict[Key, list[Key]] = {}
    for incident in old:
        for mark in _marks(incident):
            holders.setdefault(mark, []).append(_key(incident))
    return Counter(
        (holder, _key(incident))
        for incident in new
        for mark in _marks(incident)
        for holder in holders.get(mark, ())
    )


def _heirs(shared: Counter[tuple[Key, Key]]) -> dict[Key, Key]:
    return _one_to_one(sorted(shared, key=lambda link: (-shared[link], link)))


def _one_to_one(links: Iterable[tuple[K, K]]) -> dict[K, K]:
    """Return each first end's partner: links are taken in order, unless an end is taken."""
    chosen: dict[K, K] = {}
    taken: set[K] = set()
    for first, second in links:
        if first not in chosen and second not in taken:
            chosen[first] = second
            taken.add(second)
    return chosen


def _followers(
    shared: Counter[tuple[Key, Key]], *, of: int, known: dict[Key, Key]
) -> dict[Key, list[Key]]:
    """Return, by the other end, those of one end that found no partner of their own."""
    followers: dict[Key, list[Key]] = {}
    placed: set[Key] = set()
    for link in sorted(shared, key=lambda link: (-shared[link], link)):
        key, other = link[of], link[1 - of]
        if key not in known and key not in placed:
            placed.add(key)
            followers.setdefault(other, []).append(key)
    return followers


def _alike(old: Iterable[Incident], new: Iterable[Incident]) -> Iterator[tuple[Incident, Incident]]:
    """Yield pairs that share time and nodes, each incident once, most alike first."""
    spans = Spans((incident.started_at, _end(incident), incident) for incident in new)
    likeness = {
        (_key(one), _key(other)): (common, one, other)
        for one in old
        for other in spans.meeting(one.started_at, _end(one))
        if (common := _likeness(one, other)) > 0
    }
    order = sorted(likeness, key=lambda link: (-likeness[link][0], link))
    for link in _one_to_one(order).items():
        _, one, other = likeness[link]
        yield one, other


def _likeness(one: Incident, other: Incident) -> float:
    """Return the share of nodes that are common."""
    if one.application != other.application:
        return 0.0
    nodes, others = set(one.nodes), set(other.nodes)
    return len(nodes & others) / max(1, len(nodes | others))


def _end(incident: Incident) -> datetime:
    return max(incident.started_at, incident.resolved_at or incident.updated_at)

"""Kubernetes events of one node → symptoms, by the signatures of a pack.

An event object is *updated* with a growing ``count``: what it adds is the difference to the count
before, in order of event time, whatever the order of arrival. So updates are kept one by one while
others may still come before them, and become occurrences when they are looked at.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import NamedTuple

import msgspec

from pipeline.detect.belated import note_late
from pipeline.detect.episodes import Belated, Facts, Track, track
from pipeline.detect.fingerprints import LOOKED_AT, MAX_SUBJECT, fingerprint
from pipeline.detect.pack import SignaturePack
from pipeline.detect.publishing import Publisher, reconcile
from pipeline.detect.rows import packed, unpacked
from pipeline.detect.settings import DetectSettings
from pipeline.detect.signatures import POD, REASON, EventSignature
from pipeline.detect.tallies import TEXT_LENGTH, Occurrence, Tally, note, tally_of
from pipeline.records import Event, Observation, Signal, Symptom, micros

_SECOND = 1_000_000
RESOLUTION_S = 1.0
"""Kubernetes events carry whole seconds."""
FORGET_AFTER = 2 * 3600 * _SECOND
"""An event object is forgotten after this: twice as long as the API server keeps it."""


class Update(msgspec.Struct, array_like=True):
    """One update of an event object."""

    time: int
    count: int
    text: str
    first_time: int | None = None
    pod: str | None = None
    cluster_node: str | None = None


class Identity(msgspec.Struct, array_like=True):
    """An event object."""

    fingerprint: str
    lasting: bool
    """Later updates can be told to be of this object."""
    count: int = 0
    """Highest count among the settled updates."""
    last: int | None = None
    """Time of the latest settled update."""
    live: list[Update] = msgspec.field(default_factory=list)
    """Sorted. Others may still come before these."""


class EventFacts(Facts, kw_only=True):
    """Facts about the events of one node."""

    identities: dict[str, Identity] = msgspec.field(default_factory=dict)
    """By hash; bounded by ``DetectSettings.max_identities``."""


@dataclass(frozen=True, slots=True)
class _Recogniser:
    """A signature, compiled."""

    id: str
    type: str | None
    kinds: frozenset[str]
    message: re.Pattern[str] | None
    suppress: bool
    any_reason: bool
    names_new_pods: bool

    def match(self, event: Event) -> "_Found | None":
        """Return what the event names; ``None`` when it is not recognised."""
        if self.type is not None and event.type != self.type:
            return None
        if self.kinds and event.kind not in self.kinds:
            return None
        pod = event.name if event.kind == "Pod" else None
        if self.message is None:
            return _Found(self, {}, pod)
        found = self.message.search(event.message[:LOOKED_AT])
        if found is None:
            return None
        named = [*found.groupdict().items()]
        if self.any_reason:
            named.append((REASON, event.reason))
        subject = {name: value[:MAX_SUBJECT] for name, value in named if value is not None}
        if self.names_new_pods:
            pod = subject.pop(POD, pod)
        return _Found(self, subject, pod)


class _Found(NamedTuple):
    """What was recognised."""

    by: _Recogniser
    subject: dict[str, str]
    pod: str | None


class EventDetector:
    """Recognises symptoms in Kubernetes events."""

    signal: Signal = "event"

    def __init__(self, pack: SignaturePack, settings: DetectSettings) -> None:
        self._by_reason: dict[str, list[_Recogniser]] = {}
        self._of_any_reason = [_compiled(s) for s in pack.events if not s.reasons]
        for signature in pack.events:
            for reason in signature.reasons:
                self._by_reason.setdefault(reason, []).append(_compiled(signature))
        self._settings = settings
        self._publisher = Publisher(
            detector="events",
            rules={s.id: s.rule(resolution_s=RESOLUTION_S) for s in pack.events},
            every_us=int(settings.publish_every_s * _SECOND),
        )

    def new_facts(self) -> EventFacts:
        """Return the facts of a node of which nothing has been seen."""
        return EventFacts()

    def apply(self, facts: EventFacts, observations: Sequence[Observation], closed_to: int) -> None:
        """Add events to the facts; each is counted in exactly one bucket."""
        late: list[Event] = []
        for event in observations:
            if not isinstance(event, Event):
                raise TypeError(f"not an event: {event.signal}")
            facts.received += 1
            if micros(event.time) < closed_to:
                facts.late += 1
                late.append(event)
            else:
                self._look(facts, event)
        if late:
            self._settle(facts, closed_to)  # they may be what is not settled, once more
        for event in late:
            self._hear_late(facts, event, closed_to)

    def revisions(self, facts: EventFacts, node: str, closed_to: int) -> list[Symptom]:
        """Close what ``closed_to`` closes; return the symptom revisions due."""
        self._settle(facts, closed_to)
        return self._publisher.revisions(facts, node, closed_to, self._live(facts))

    def notify_at(self, facts: EventFacts) -> int | None:
        """Return the ``closed_to`` from which an episode ends."""
        return self._publisher.notify_at(facts, self._live(facts))

    def counts(self, facts: EventFacts) -> dict[str, int]:
        """Return how many events ended in which bucket."""
        counts = self._publisher.counts(facts, self._live(facts))
        counts["duplicate"] += sum(
            occurrence is None
            for identity in facts.identities.values()
            for _, occurrence in self._occurrences(facts, identity)
        )
        return counts

    def dump(self, facts: EventFacts) -> bytes:
        """Return the facts as a row holds them."""
        return packed(facts)

    def load(self, snapshot: bytes) -> EventFacts:
        """Return the facts of a snapshot."""
        facts = unpacked(snapshot, EventFacts)
        if self._publisher.without_unknown(facts):
            for key, identity in list(facts.identities.items()):
                if identity.live and identity.fingerprint not in facts.tracks:
                    del facts.identities[key]
            reconcile(facts, self.counts(facts))
        return facts

    def _look(self, facts: EventFacts, event: Event) -> None:
        found = self._first_of(event)
        if found is None:
            facts.no_symptom += 1
            return
        rule = found.by.id
        if found.by.suppress:
            facts.suppressed[rule] = facts.suppressed.get(rule, 0) + 1
        else:
            self._keep(facts, event, found)

    def _first_of(self, event: Event) -> _Found | None:
        of_reason = self._by_reason.get(event.reason, ())
        found = (recogniser.match(event) for recogniser in (*of_reason, *self._of_any_reason))
        return next((each for each in found if each is not None), None)

    def _hear_late(self, facts: EventFacts, event: Event, closed_to: int) -> None:
        """Listen to an event that comes too late to be counted as anything else."""
        found = self._first_of(event)
        if found is None or found.by.suppress:
            return
        name = fingerprint(found.by.id, found.subject)
        key, _ = _identity_of(event, name)
        known = facts.identities.get(key)
        if known is not None and event.count <= known.count:
            return  # its object has counted it already
        rule, update = self._publisher.rules[found.by.id], _update_of(event, found.pod)
        tally = tally_of(_occurrence(update, event.count - 1, 0))
        new = Belated(rule.id, found.subject, name, tally)
        note_late(facts, new, rule, record=_hash(key, update), closed_to=closed_to)

    def _keep(self, facts: EventFacts, event: Event, found: _Found) -> None:
        name = fingerprint(found.by.id, found.subject)
        key, lasting = _identity_of(event, name)
        identity = facts.identities.get(key)
        update = _update_of(event, found.pod)
        if identity is not None and any(
            known.time == update.time and known.count == update.count for known in identity.live
        ):
            facts.duplicate += 1
            return
        if identity is None and len(facts.identities) >= self._settings.max_identities:
            facts.overflow += 1
            return
        new = Track(rule=found.by.id, subject=found.subject, name="")
        if track(facts, name, new, self._settings.max_fingerprints) is None:
            facts.overflow += 1
            return
        if identity is None:
            identity = facts.identities[key] = Identity(fingerprint=name, lasting=lasting)
        identity.live.append(update)
        identity.live.sort(key=lambda known: (known.time, known.count))

    def _settle(self, facts: EventFacts, closed_to: int) -> None:
        """Turn the updates that nothing can come before any more into settled occurrences."""
        for key, identity in list(facts.identities.items()):
            settled = [
                pair for pair in self._occurrences(facts, identity) if pair[0].time < closed_to
            ]
            for update, occurrence in settled:
                if occurrence is None:
                    facts.duplicate += 1
                else:
                    note(facts.tracks[identity.fingerprint].buckets, occurrence)
                    identity.count = update.count
                identity.last = update.time
            del identity.live[: len(settled)]
            if not identity.live and _is_done(identity, closed_to):
                del facts.identities[key]

    def _live(self, facts: EventFacts) -> dict[str, dict[int, Tally]]:
        live: dict[str, dict[int, Tally]] = {}
        for identity in facts.identities.values():
            if identity.live:
                buckets = live.setdefault(identity.fingerprint, {})
                for _, occurrence in self._occurrences(facts, identity):
                    if occurrence is not None:
                        note(buckets, occurrence)
        return live

    def _occurrences(
        self, facts: EventFacts, identity: Identity
    ) -> Iterator[tuple[Update, Occurrence | None]]:
        """Return what each live update adds, in event order; ``None`` for a mere repeat."""
        if not identity.live:
            return
        quiet = self._publisher.rules[facts.tracks[identity.fingerprint].rule].quiet
        count, last = identity.count, identity.last
        for update in identity.live:
            if last is not None and update.time - last >= FORGET_AFTER:
                count = 0
            last = update.time
            if update.count <= count:
                yield update, None
                continue
            yield update, _occurrence(update, count, quiet)
            count = update.count


def _occurrence(update: Update, before: int, quiet: int) -> Occurrence:
    """Return what an update adds to the ``before`` that its object had counted.

    An object seen first with a count has happened before we looked: as often as it says, if it
    began so recently that it is one episode; else we know of one occurrence only.
    """
    onset, added = update.time, update.count - before
    if before == 0 and added > 1:
        began = update.first_time
        recent = began is not None and 0 <= update.time - began < quiet
        added = added if recent else 1
        onset = began if recent and began is not None else update.time
    return Occurrence(
        time=update.time,
        text=update.text,
        onset=onset,
        count=added,
        pod=update.pod,
        cluster_node=update.cluster_node,
    )


def _is_done(identity: Identity, closed_to: int) -> bool:
    """Tell whether no later update can be of this object."""
    if not identity.lasting:
        return True
    return identity.last is None or closed_to >= identity.last + FORGET_AFTER


def _identity_of(event: Event, name: str) -> tuple[str, bool]:
    """Return the key of the event object, and whether later updates will have the same one."""
    first_time = None if event.first_time is None else micros(event.first_time)
    about = [event.uid, event.namespace, event.kind, event.name, event.reason, event.message]
    if event.source_uid is not None:
        origin: list[object] = [name, event.source_uid]
    elif first_time is not None:
        origin = [name, *about, first_time]
    else:
        origin = [name, *about, None, micros(event.time)]
    key = blake2b(msgspec.json.encode(origin), digest_size=8).hexdigest()
    return key, event.source_uid is not None or first_time is not None


def _hash(key: str, update: Update) -> int:
    """Return what tells an update of an event object from others."""
    origin = msgspec.json.encode([key, update.time, update.count])
    return int.from_bytes(blake2b(origin, digest_size=8).digest(), "big")


def _update_of(event: Event, pod: str | None) -> Update:
    return Update(
        time=micros(event.time),
        count=event.count,
        text=f"{event.reason}: {event.message}"[:TEXT_LENGTH],
        first_time=None if event.first_time is None else micros(event.first_time),
        pod=pod,
        cluster_node=event.name if event.kind == "Node" else event.cluster_node,
    )


def _compiled(signature: EventSignature) -> _Recogniser:
    return _Recogniser(
        id=signature.id,
        type=signature.type,
        kinds=frozenset(signature.kinds),
        message=None if signature.message is None else re.compile(signature.message),
        suppress=signature.suppress,
        any_reason=not signature.reasons,
        names_new_pods=signature.names_new_pods,
    )

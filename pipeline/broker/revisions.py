"""The incidents topic, folded: the latest revision of each incident; pure.

A compacted topic still holds older revisions, repeats, and deletions; whoever reads it drops them
by id and revision. What is no incident is told apart, and does not stop anything.
"""

from dataclasses import dataclass, field

from pydantic import ValidationError

from pipeline.broker.envelope import is_aged
from pipeline.broker.message import Message
from pipeline.records import Incident, Rejected, RejectionCode
from pipeline.rejection import in_parts, reason_of


@dataclass(slots=True)
class Folded:
    """What messages of the incidents topic come to."""

    latest: dict[str, Incident | None] = field(default_factory=dict)
    """By id; None: deleted."""
    aged: dict[str, Incident | None] = field(default_factory=dict)
    """Those of the deleted that left by age, not by somebody's hand: as they last were here."""
    rejected: list[Rejected] = field(default_factory=list)
    revisions: dict[tuple[str, int], tuple[Incident, Message]] | None = None
    """Every one by id and revision, also what is older than the latest; None: not asked for."""

    def take(self, message: Message) -> Incident | None:
        """Fold a message in; return the incident if it is newer than what was known."""
        try:
            key = (message.key or b"").decode()
            if message.value is None:
                self._delete(key, message)
                return None
            incident = Incident.model_validate_json(message.value)
        except ValidationError as trouble:
            reason = reason_of(trouble, message.value or b"")
            self.reject(message, reason.code, reason.what)
            return None
        except UnicodeDecodeError:
            self.reject(message, "not-utf8", "the key is not UTF-8")
            return None
        if key != incident.id:
            self.reject(message, "invalid", f"the key is not the incident's id {incident.id!r}")
            return None
        if self.revisions is not None:
            self.revisions.setdefault((key, incident.revision), (incident, message))
        before = self.latest.get(key)
        if before is not None and incident.revision <= before.revision:
            return None
        self.latest[key] = incident
        self.aged.pop(key, None)
        return incident

    def kept(self, *, keep_aged: bool = False) -> list[Incident]:
        """Return what a store has to have; also what left by age, if that shall stay."""
        there = [*self.latest.values(), *(self.aged.values() if keep_aged else ())]
        return [incident for incident in there if incident is not None]

    def gone(self, *, keep_aged: bool = False) -> list[str]:
        """Return the ids to delete from a store; those that left by age only if they shall go."""
        staying = self.aged if keep_aged else ()
        return [key for key, one in self.latest.items() if one is None and key not in staying]

    def _delete(self, key: str, message: Message) -> None:
        last = self.latest.get(key)
        self.latest[key] = None
        if is_aged(message.headers):
            self.aged[key] = last or self.aged.get(key)
        else:
            self.aged.pop(key, None)

    def reject(self, message: Message, code: RejectionCode, what: str) -> None:
        """Note that a message is none for a store, and why."""
        for part in in_parts(message.value or b""):
            self.rejected.append(
                Rejected(
                    code=code,
                    where=message.where,
                    what=what,
                    value=part.content,
                    key=message.key,
                    headers=message.headers,
                    part=part.part,
                    last=part.last,
                )
            )

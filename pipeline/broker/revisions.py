"""The incidents topic, folded: the latest revision of each incident; pure.

A compacted topic still holds older revisions, repeats, and deletions; whoever reads it drops them
by id and revision. What is no incident is told apart, and does not stop anything.
"""

from dataclasses import dataclass, field

from pydantic import ValidationError

from pipeline.broker.message import Message
from pipeline.records import Incident, Rejected, RejectionCode
from pipeline.rejection import in_parts, reason_of


@dataclass(slots=True)
class Folded:
    """What messages of the incidents topic come to."""

    latest: dict[str, Incident | None] = field(default_factory=dict)
    """By id; None: deleted."""
    rejected: list[Rejected] = field(default_factory=list)

    def take(self, message: Message) -> Incident | None:
        """Fold a message in; return the incident if it is newer than what was known."""
        try:
            key = (message.key or b"").decode()
            if message.value is None:
                self.latest[key] = None
                return None
            incident = Incident.model_validate_json(message.value)
        except ValidationError as trouble:
            reason = reason_of(trouble, message.value or b"")
            self._reject(message, reason.code, reason.what)
            return None
        except UnicodeDecodeError:
            self._reject(message, "not-utf8", "the key is not UTF-8")
            return None
        if key != incident.id:
            self._reject(message, "invalid", f"the key is not the incident's id {incident.id!r}")
            return None
        before = self.latest.get(key)
        if before is not None and incident.revision <= before.revision:
            return None
        self.latest[key] = incident
        return incident

    def _reject(self, message: Message, code: RejectionCode, what: str) -> None:
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

"""Correlate as a stage: symptoms and marks in, revisions and tombstones of incidents out."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from pipeline.broker.envelope import aged_headers, revision_headers
from pipeline.broker.message import Message
from pipeline.correlate.aging import Aged
from pipeline.correlate.partition import CorrelatePartition, CorrelateStep
from pipeline.flow import Flow
from pipeline.records import SYMPTOM_OR_MARK, Incident, Mark, Symptom, canonical
from pipeline.rejection import reason_of
from pipeline.worker.stage import Effects, Outgoing, Row, Unreadable


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrelateStage:
    """Correlation of a flow, between topics of a prefix."""

    flow: Flow
    prefix: str
    partitions: int
    name: str = "correlate"

    @property
    def topics(self) -> Sequence[str]:
        """The symptoms."""
        return [f"{self.prefix}.symptoms"]

    def part(self, number: int) -> "CorrelatePart":
        """Return the core of a partition, without state."""
        return CorrelatePart(self, self.flow.correlate_partition(number))

    def merged(self, rows: Sequence[Sequence[Row]]) -> list[Row]:
        """Keep every row in order: what is forgotten is named before it is deleted."""
        return [row for step in rows for row in step]


@dataclass(frozen=True, slots=True)
class CorrelatePart:
    """One partition of correlation behind the topics."""

    stage: CorrelateStage
    core: CorrelatePartition

    def restore(self, rows: Iterable[tuple[bytes, bytes]]) -> None:
        """Take up the state from table rows."""
        self.core.restore(rows)

    def take(self, message: Message) -> Effects:
        """Apply a symptom or a mark.

        Raises:
            Unreadable: the value is neither, or its application has no topology here.
        """
        value = _read(message)
        if isinstance(value, Mark):
            return self._effects(self.core.on_mark(value))
        application = (message.key or b"").decode(errors="replace")
        if application not in {known.name for known in self.stage.flow.applications}:
            raise Unreadable("invalid", f"no topology for the application {application!r}")
        return self._effects(self.core.on_symptom(application, value))

    def drop_source(self, source: str) -> Effects:
        """Do nothing: partitions of detection are silent as long as nothing comes to them."""
        del source
        return Effects()

    def live_sources(self) -> tuple[str, ...]:
        """Return no source: none is judged dead by its silence."""
        return ()

    def _effects(self, step: CorrelateStep) -> Effects:
        topic = f"{self.stage.prefix}.incidents"
        return Effects(
            [
                *(outgoing(topic, incident) for incident in step.incidents),
                *(tombstone(topic, aged) for aged in step.aged),
            ],
            rows=list(step.rows.items()),
        )


def outgoing(topic: str, incident: Incident) -> Outgoing:
    """Return the message of a revision: the whole incident, keyed by its id."""
    return Outgoing(
        topic, incident.id.encode(), canonical(incident), headers=revision_headers(incident)
    )


def tombstone(topic: str, aged: Aged) -> Outgoing:
    """Return the message by which an incident leaves the topic."""
    headers = aged_headers(aged.application, aged.id, aged.revision, aged.at)
    return Outgoing(topic, aged.id.encode(), None, headers=headers)


def _read(message: Message) -> Symptom | Mark:
    try:
        return SYMPTOM_OR_MARK.validate_json(message.value or b"")
    except ValidationError as trouble:
        reason = reason_of(trouble, message.value or b"")
        raise Unreadable(reason.code, reason.what) from trouble

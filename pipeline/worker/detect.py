"""Detect as a stage: batches, gaps and marks of observation topics in, symptoms and marks out."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from pipeline.broker.message import Message
from pipeline.detect.partition import DetectPartition, DetectStep
from pipeline.flow import Flow
from pipeline.records import FEEDS, OBSERVATION_VALUE, SIGNAL_OF_FEED, Batch, Gap, Mark, canonical
from pipeline.rejection import reason_of
from pipeline.worker.stage import Effects, Outgoing, Row, Unreadable


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectStage:
    """Detection of a flow, between topics of a prefix."""

    flow: Flow
    prefix: str
    partitions: int
    symptom_partitions: int
    name: str = "detect"

    @property
    def topics(self) -> Sequence[str]:
        """The three observation topics."""
        return [f"{self.prefix}.observations.{feed}" for feed in FEEDS]

    def part(self, number: int) -> "DetectPart":
        """Return the core of a partition, without state."""
        return DetectPart(self, self.flow.detect_partition(number, self.partitions))

    def merged(self, rows: Sequence[Sequence[Row]]) -> list[Row]:
        """Keep the last version of each row; the partition's own comes after those of its nodes.

        A watermark that was remembered before the facts below it would make a redelivered batch
        late; the other way round a batch is applied, or recognised by its offset.
        """
        last = {key: value for step in rows for key, value in step}
        return sorted(last.items(), key=lambda row: row[0].endswith(b"|partition"))


@dataclass(frozen=True, slots=True)
class DetectPart:
    """One partition of detection behind the topics."""

    stage: DetectStage
    core: DetectPartition

    def restore(self, rows: Iterable[tuple[bytes, bytes]]) -> None:
        """Take up the state from table rows."""
        self.core.restore(rows)

    def take(self, message: Message) -> Effects:
        """Apply a batch, a gap or a mark.

        Raises:
            Unreadable: the value is none of them, or disagrees with its topic or key.
        """
        value = _read(message)
        feed = message.topic.rsplit(".", 1)[1]
        if isinstance(value, Mark):
            return self._effects(self.core.on_mark(feed, value), heard=value.source)
        if message.key != value.node.encode():
            raise Unreadable("invalid", f"the key is not the {value.kind}'s node {value.node!r}")
        if SIGNAL_OF_FEED[feed] != value.signal:
            raise Unreadable("invalid", f"a {value.kind} of {value.signal} observations on {feed}")
        if isinstance(value, Gap):
            return self._effects(self.core.on_gap(feed, message.offset, value))
        return self._effects(self.core.on_batch(feed, message.offset, value))

    def drop_source(self, source: str) -> Effects:
        """Leave out a source that the worker judged dead."""
        return self._effects(self.core.on_silence(source))

    def live_sources(self) -> tuple[str, ...]:
        """Return the sources that the watermark waits for."""
        return self.core.live_sources()

    def _effects(self, step: DetectStep, heard: str | None = None) -> Effects:
        topic = f"{self.stage.prefix}.symptoms"
        outputs = [
            Outgoing(topic, application.encode(), canonical(symptom))
            for application, symptom in step.symptoms
        ]
        marks: dict[tuple[str, int], Outgoing] = {}
        if step.mark is not None:
            value = canonical(step.mark)
            for partition in range(self.stage.symptom_partitions):
                place = (step.mark.source, partition)
                marks[place] = Outgoing(topic, None, value, partition)
        return Effects(outputs, marks, list(step.rows.items()), heard)


def _read(message: Message) -> Batch | Mark | Gap:
    try:
        return OBSERVATION_VALUE.validate_json(message.value or b"")
    except ValidationError as trouble:
        reason = reason_of(trouble, message.value or b"")
        raise Unreadable(reason.code, reason.what) from trouble

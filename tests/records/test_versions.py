"""Records that travel are of a version, hold nothing unknown, and never change."""

import json
from typing import Annotated

import pytest
from pydantic import Discriminator, TypeAdapter, ValidationError

from pipeline.records import (
    OBSERVATION_VALUE,
    SYMPTOM_OR_MARK,
    GraphRecord,
    Incident,
    Placement,
    Positions,
)
from recorded_values import VALUES

READERS: dict[str, TypeAdapter[object]] = {
    "topic.observations": OBSERVATION_VALUE,
    "topic.symptoms": SYMPTOM_OR_MARK,
    "topic.topology": TypeAdapter(Annotated[GraphRecord | Placement, Discriminator("kind")]),
    "topic.ingest": TypeAdapter(Positions),
    "topic.incidents": TypeAdapter(Incident),
}
TRAVELLING = [(READERS[topic], value) for topic in READERS for value in VALUES[topic]]


@pytest.mark.parametrize(("reader", "value"), TRAVELLING)
def test_a_value_of_version_1_is_read(reader: TypeAdapter[object], value: str) -> None:
    assert json.loads(reader.dump_json(reader.validate_json(value)))["schema_version"] == 1


@pytest.mark.parametrize(("reader", "value"), TRAVELLING)
@pytest.mark.parametrize("change", [{"schema_version": 2}, {"surprise": 1}])
def test_another_version_or_an_unknown_field_is_refused(
    reader: TypeAdapter[object], value: str, change: dict[str, int]
) -> None:
    with pytest.raises(ValidationError):
        reader.validate_json(json.dumps(json.loads(value) | change))


@pytest.mark.parametrize(("reader", "value"), TRAVELLING)
def test_a_record_cannot_be_changed(reader: TypeAdapter[object], value: str) -> None:
    record = reader.validate_json(value)
    with pytest.raises(ValidationError):
        record.schema_version = 1  # type: ignore[attr-defined]  # that it cannot be set is the point


def test_a_batch_of_two_signals_is_refused() -> None:
    batches = [json.loads(value) for value in VALUES["topic.observations"][:2]]
    mixed = batches[0] | {"observations": [b["observations"][0] for b in batches]}
    with pytest.raises(ValidationError, match="one signal"):
        OBSERVATION_VALUE.validate_json(json.dumps(mixed))

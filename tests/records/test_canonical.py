"""Equal records are equal bytes, and the bytes are the record."""

import json
from datetime import datetime, tzinfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, TypeAdapter

from pipeline.records import (
    OBSERVATION,
    OBSERVATION_VALUE,
    SYMPTOM_OR_MARK,
    Log,
    Metric,
    Record,
    canonical,
    instant,
    micros,
)
from record_strategies import BATCHES, MARKS, METRICS, OBSERVATIONS, SYMPTOMS, TIMES, ZONES

READERS: list[tuple[st.SearchStrategy[Record], TypeAdapter[Record]]] = [
    (OBSERVATIONS, OBSERVATION),
    (BATCHES | MARKS, OBSERVATION_VALUE),
    (SYMPTOMS | MARKS, SYMPTOM_OR_MARK),
]


@pytest.mark.parametrize(("records", "reader"), READERS, ids=["recorded", "batches", "symptoms"])
@given(data=st.data())
def test_what_is_read_back_is_the_record_and_gives_the_same_bytes(
    records: st.SearchStrategy[Record], reader: TypeAdapter[Record], data: st.DataObject
) -> None:
    record = data.draw(records)
    again = reader.validate_json(canonical(record))
    assert again == record
    assert canonical(again) == canonical(record)


@given(METRICS, st.randoms(use_true_random=False))
def test_the_order_of_labels_makes_no_difference(metric: Metric, random: object) -> None:
    written = json.loads(canonical(metric))
    labels = list(written["labels"].items())
    random.shuffle(labels)  # type: ignore[attr-defined]  # hypothesis' own random generator
    shuffled = OBSERVATION.validate_json(json.dumps(written | {"labels": dict(labels)}))
    assert canonical(shuffled) == canonical(metric)


@given(TIMES, ZONES)
def test_the_zone_of_a_time_makes_no_difference(time: datetime, zone: tzinfo) -> None:
    elsewhere = Log(time=time.astimezone(zone), message="")
    assert canonical(elsewhere) == canonical(Log(time=time, message=""))


@given(TIMES)
def test_microseconds_are_exact(time: datetime) -> None:
    assert instant(micros(time)) == time


@given(OBSERVATIONS, st.dictionaries(st.text(min_size=1).map("x_{}".format), st.integers()))
def test_unknown_fields_of_an_observation_are_ignored(
    observation: BaseModel, unknown: dict[str, int]
) -> None:
    written = json.loads(canonical(observation)) | unknown
    assert OBSERVATION.validate_json(json.dumps(written)) == observation


@pytest.mark.parametrize("zone", ["Z", "+00:00", "-00:00"])
def test_every_spelling_of_utc_is_written_as_z(zone: str) -> None:
    log = OBSERVATION.validate_json(
        f'{{"signal":"log","time":"2026-03-02T10:15:04.5{zone}","message":""}}'
    )
    assert b'"time":"2026-03-02T10:15:04.500000Z"' in canonical(log)

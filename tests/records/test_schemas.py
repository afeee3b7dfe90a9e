"""The exported schemas are those of the records, accept what is published, and only ever widen."""

import json
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given

from pipeline.cli.schemas import SUFFIX, breaks, export, schemas
from pipeline.errors import AftershockError
from pipeline.records import Record, canonical
from record_strategies import BATCHES, GAPS, MARKS, OBSERVATIONS, SYMPTOMS
from recorded_values import VALUES

COMMITTED = Path(__file__).parents[2] / "deploy" / "schemas"
SCHEMAS = schemas()
CHECKERS = {
    name: jsonschema.Draft202012Validator(
        schema, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
    )
    for name, schema in SCHEMAS.items()
}


def test_the_committed_schemas_are_those_of_the_records() -> None:
    committed = {
        path.name.removesuffix(SUFFIX): json.loads(path.read_text("utf-8"))
        for path in COMMITTED.glob(f"*{SUFFIX}")
        if path.name.removesuffix(SUFFIX) in SCHEMAS
    }
    assert committed == SCHEMAS, "run `aftershock schemas export`"


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_is_a_valid_schema(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMAS[name])


@pytest.mark.parametrize("name", SCHEMAS)
def test_values_published_in_version_1_stay_valid(name: str) -> None:
    for value in VALUES[name]:
        CHECKERS[name].validate(json.loads(value))


@given(OBSERVATIONS)
def test_observations_are_valid_as_recorded_lines(observation: Record) -> None:
    CHECKERS["recorded-observation"].validate(json.loads(canonical(observation)))


@given(BATCHES | GAPS | MARKS)
def test_what_is_published_to_the_observation_topics_is_valid(record: Record) -> None:
    CHECKERS["topic.observations"].validate(json.loads(canonical(record)))


@given(SYMPTOMS | MARKS)
def test_what_is_published_to_the_symptoms_topic_is_valid(record: Record) -> None:
    CHECKERS["topic.symptoms"].validate(json.loads(canonical(record)))


@pytest.mark.parametrize(
    "bad",
    [
        {"signal": "log", "message": "no time"},
        {"time": "2026-03-02T10:15:04Z", "message": "no signal"},
        {"signal": "trace", "time": "2026-03-02T10:15:04Z", "message": "m"},
        {"signal": "metric", "time": "2026-03-02T10:15:04Z", "name": "n", "value": "1"},
    ],
)
def test_what_would_be_rejected_is_not_valid(bad: dict[str, str]) -> None:
    assert not CHECKERS["recorded-observation"].is_valid(bad)


OLD = {
    "required": ["a"],
    "properties": {"a": {"type": "string"}, "b": {"enum": ["x", "y"]}, "c": {"$ref": "#/$defs/D"}},
    "$defs": {"D": {"properties": {"e": {"anyOf": [{"type": "string"}, {"type": "null"}]}}}},
}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"required": ["a", "b"]}, ["record.b is now required"]),
        (
            {"properties": OLD["properties"] | {"b": {"const": "x"}}},
            ['record.b no longer takes "y"'],
        ),
        (
            {"properties": {"a": {"type": "string"}, "b": {"enum": ["x", "y"]}}},
            ["record.c was removed"],
        ),
        ({"$defs": {}}, ["D was removed"]),
        ({"$defs": {"D": {"properties": {"e": {"type": "string"}}}}}, ["D.e no longer takes null"]),
        ({"required": [], "properties": OLD["properties"] | {"f": {"type": "string"}}}, []),
        ({"properties": OLD["properties"] | {"b": {"enum": ["x", "y", "z"]}}}, []),
    ],
)
def test_a_schema_that_refuses_older_records_is_noticed(
    change: dict[str, object], told: list[str]
) -> None:
    assert breaks(OLD, OLD | change) == told


ALONE = {"required": ["kind"], "properties": {"kind": {"const": "a"}, "n": {"type": "integer"}}}
OTHER = {"required": ["kind"], "properties": {"kind": {"const": "b"}}}


def union(**records: object) -> dict[str, object]:
    return {"oneOf": [{"$ref": f"#/$defs/{name}"} for name in records], "$defs": records}


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (ALONE, union(A=ALONE, B=OTHER), []),
        (ALONE, union(B=OTHER), ["record was removed"]),
        (
            ALONE,
            union(A=ALONE | {"required": ["kind", "n"]}, B=OTHER),
            ["record.n is now required"],
        ),
        (union(A=ALONE), union(A=ALONE, B=OTHER), []),
        (
            union(A=ALONE, B=OTHER),
            union(A=ALONE) | {"$defs": {"A": ALONE, "B": OTHER}},
            ["B is no longer taken"],
        ),
    ],
)
def test_a_union_reads_what_each_of_its_records_read(
    old: dict[str, object], new: dict[str, object], told: list[str]
) -> None:
    assert breaks(old, new) == told


def test_a_breaking_schema_is_not_written(tmp_path: Path) -> None:
    export(tmp_path)
    path = tmp_path / f"topic.incidents{SUFFIX}"
    before = json.loads(path.read_text("utf-8"))
    before["properties"]["former"] = {"type": "string"}
    path.write_text(json.dumps(before), encoding="utf-8")
    with pytest.raises(AftershockError, match=r"former was removed.*new schema version"):
        export(tmp_path)
    assert json.loads(path.read_text("utf-8")) == before


def test_check_names_what_differs_and_writes_nothing(tmp_path: Path) -> None:
    with pytest.raises(AftershockError, match="run `aftershock schemas export`"):
        export(tmp_path / "none", check=True)
    assert not (tmp_path / "none").exists()

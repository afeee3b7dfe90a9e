"""The incidents topic for years: old readers read what we write now, we read what was written."""

import copy
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given

from incident_values import INCIDENTS, incident, symptom
from pipeline.broker.envelope import aged_headers, revision_headers
from pipeline.cli.schemas import breaks, export, schemas, surprises
from pipeline.errors import AftershockError
from pipeline.records import Incident, canonical, micros

NAME = "topic.incidents"
HERE = Path(__file__).parent
RELEASED = {
    folder.name: json.loads((folder / f"{NAME}.schema.json").read_text("utf-8"))
    for folder in sorted(HERE.glob("version-*"))
}
"""The schema of each version, as it was when the version was new: those files never change."""
NOW = schemas()[NAME]
READERS = {
    version: jsonschema.Draft202012Validator(
        schema, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
    )
    for version, schema in RELEASED.items()
}


def _keeps(now: object, then: object) -> bool:
    """Tell whether all that was written is still there; what is new beside it has its default."""
    if isinstance(then, dict):
        return isinstance(now, dict) and all(k in now and _keeps(now[k], then[k]) for k in then)
    if isinstance(then, list):
        return all(_keeps(a, b) for a, b in zip(now, then, strict=True))
    return bool(now == then)


@pytest.mark.parametrize("version", RELEASED)
def test_what_a_released_version_wrote_is_read(version: str) -> None:
    lines = (HERE / version / f"{NAME}.jsonl").read_text("utf-8").splitlines()
    for line in lines:
        assert _keeps(json.loads(canonical(Incident.model_validate_json(line))), json.loads(line))
    assert breaks(RELEASED[version], NOW) == []


@pytest.mark.parametrize("version", RELEASED)
@given(one=INCIDENTS)
def test_a_reader_of_a_released_version_reads_what_we_write(version: str, one: Incident) -> None:
    READERS[version].validate(json.loads(canonical(one)))
    whole = one.model_copy(update={"symptoms": (symptom("s", "db", 1, "t"),)})
    READERS[version].validate(json.loads(canonical(whole)))


@pytest.mark.parametrize("version", RELEASED)
def test_nothing_that_readers_of_a_released_version_rely_on_is_given_up(version: str) -> None:
    assert surprises(RELEASED[version], NOW) == []


def grown(value: Any) -> Any:  # noqa: ANN401 - any JSON
    """Return a value with a new field in every object, as a later version may write it."""
    if isinstance(value, list):
        return [grown(each) for each in value]
    if isinstance(value, dict):
        return {key: grown(each) for key, each in value.items()} | {"of_a_later_version": {"x": 1}}
    return value


@pytest.mark.parametrize("version", RELEASED)
def test_a_reader_takes_fields_and_reasons_that_it_does_not_know(version: str) -> None:
    later = grown(json.loads(canonical(incident(symptoms=(symptom("s", "db", 1, "t"),)))))
    later["causes"][0]["reasons"][0]["code"] = "of-a-later-version"
    READERS[version].validate(later)


@pytest.mark.parametrize(
    ("path", "change", "told"),
    [
        (("required",), [], "record.id may now be missing"),
        (("properties", "severity", "enum"), ["minor", "fatal"], 'severity may now be "fatal"'),
        (("properties", "title"), {"type": "null"}, "record.title may now be null"),
        (("properties", "title"), {"enum": ["a"], "type": "string"}, None),
        (("properties", "more"), {"type": "string"}, None),
    ],
)
def test_what_readers_could_not_rely_on_any_more_is_noticed(
    path: tuple[str, ...], change: object, told: str | None
) -> None:
    later = copy.deepcopy(NOW)
    place = later
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = change
    found = surprises(NOW, later)
    assert found == [] if told is None else any(told in each for each in found)


def test_a_schema_that_would_surprise_its_readers_is_not_written(tmp_path: Path) -> None:
    export(tmp_path)
    path = tmp_path / f"{NAME}.schema.json"
    before = json.loads(path.read_text("utf-8"))
    before["properties"]["severity"]["enum"] = ["major", "minor"]
    path.write_text(json.dumps(before), encoding="utf-8")
    with pytest.raises(AftershockError, match=r'severity may now be "critical": those who read'):
        export(tmp_path)
    assert json.loads(path.read_text("utf-8")) == before


HEADERS = jsonschema.Draft202012Validator(schemas()[f"{NAME}.headers"])


def text(headers: tuple[tuple[str, bytes], ...]) -> dict[str, str]:
    return {name: value.decode() for name, value in headers}


@given(INCIDENTS)
def test_headers_say_what_the_record_is(one: Incident) -> None:
    named = text(revision_headers(one))
    HEADERS.validate(named)
    assert (named["ce_id"], named["ce_subject"], named["ce_partitionkey"]) == (
        f"{one.id}/{one.revision}",
        one.id,
        one.id,
    )
    assert named["ce_dataschema"] == NOW["$id"]


def test_a_tombstone_says_what_it_is_and_nothing_of_data() -> None:
    named = text(aged_headers("hüb & co", "a1", 7, micros(incident().started_at)))
    HEADERS.validate(named)
    assert named["ce_source"] == "/aftershock/h%C3%BCb%20%26%20co"
    assert (named["ce_type"], named["ce_revision"]) == ("io.aftershock.incident.aged.v1", "7")
    assert not named.keys() & {"content-type", "ce_dataschema"}

"""The AsyncAPI document is made from the schemas and the topics, and stands for itself."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from pipeline.broker.topics import table
from pipeline.cli.asyncapi import document
from pipeline.cli.schemas import ASYNCAPI, schemas
from pipeline.settings import KafkaSettings
from recorded_values import VALUES

COMMITTED = Path(__file__).parents[2] / "deploy" / "schemas" / ASYNCAPI
DOCUMENT = document(schemas())


def references(part: Any) -> Iterator[str]:  # noqa: ANN401 - any JSON
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        part = list(part.values())
    if isinstance(part, list):
        for each in part:
            yield from references(each)


def test_the_committed_document_is_that_of_the_records() -> None:
    assert json.loads(COMMITTED.read_text("utf-8")) == DOCUMENT, "run `aftershock schemas export`"


def test_it_has_every_topic() -> None:
    addresses = {channel["address"] for channel in DOCUMENT["channels"].values()}
    names = {topic.name for topic in table(KafkaSettings(topic_prefix="p"))}
    assert {address.replace("{prefix}", "p") for address in addresses} == names


def test_every_reference_leads_somewhere_within_it() -> None:
    found = set(references(DOCUMENT))
    assert found
    for reference in found:
        place: Any = DOCUMENT
        for name in reference.removeprefix("#/").split("/"):
            place = place[name]


@pytest.mark.parametrize("topic", ["incidents", "symptoms", "observations", "topology", "ingest"])
def test_its_values_are_those_that_are_published(topic: str) -> None:
    whole = {"$ref": f"#/components/schemas/topic.{topic}", "components": DOCUMENT["components"]}
    checker = jsonschema.Draft7Validator(whole)  # what AsyncAPI's own schemas are read as
    for value in VALUES[f"topic.{topic}"]:
        checker.validate(json.loads(value))
    assert not checker.is_valid({"kind": "nothing such"})

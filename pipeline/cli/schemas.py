"""``aftershock schemas``: the JSON Schemas of everything that travels, and of topics in AsyncAPI.

What others write (recorded observations) and read (the topics) in a form that their tools know. The
schemas are made from the records themselves and kept under ``deploy/schemas``. They say what we
read, so a newer version must take whatever an older one took: writing one that does not is refused.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import Discriminator, TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue

from pipeline.broker.envelope import schema_urn
from pipeline.cli.headers import INCIDENT_HEADERS, RejectedHeaders
from pipeline.errors import AftershockError, UsageError
from pipeline.records import (
    OBSERVATION,
    OBSERVATION_VALUE,
    SYMPTOM_OR_MARK,
    GraphRecord,
    Incident,
    Placement,
    Positions,
)

schemas_app = typer.Typer(
    name="schemas", help="JSON Schemas of records and topics.", no_args_is_help=True
)

SUFFIX = ".schema.json"
_WHOLE = "record"
"""Name of a schema that is one record by itself."""


_RECORDS: dict[str, tuple[TypeAdapter[Any], str]] = {
    "recorded-observation": (OBSERVATION, "One line of a recording"),
    "topic.observations": (OBSERVATION_VALUE, "A value of an observation topic"),
    "topic.symptoms": (SYMPTOM_OR_MARK, "A value of the symptoms topic"),
    "topic.topology": (
        TypeAdapter(Annotated[GraphRecord | Placement, Discriminator("kind")]),
        "A value of the topology topic",
    ),
    "topic.ingest": (TypeAdapter(Positions), "A value of the topic of ingest's positions"),
    "topic.incidents": (TypeAdapter(Incident), "A value of the incidents topic"),
    "topic.incidents.headers": (INCIDENT_HEADERS, "Headers of the incidents topic"),
    "topic.rejected.headers": (TypeAdapter(RejectedHeaders), "Headers of the rejected topic"),
}


_FOR_OTHERS = frozenset({"topic.incidents"})
"""What others read and we alone write: their validators must take what our next version writes, so
fields may come (we ourselves refuse what we do not know: a store would lose it), and no field may
become less than it was."""
_OPEN = frozenset({("Reason", "code")})
"""Names that will grow: others must take any text there."""
ASYNCAPI = "asyncapi.json"


class _Told(GenerateJsonSchema):
    """Names the dialect, and demands the fields that tell records and versions apart."""

    def generate(self, schema: Any, mode: Any = "validation") -> JsonSchemaValue:  # noqa: ANN401 - pydantic's own signature
        made = super().generate(schema, mode)
        for _, part in _objects(made):
            constant = [name for name, of in part["properties"].items() if "const" in of]
            for name in constant:
                part["properties"][name].pop("default", None)
            required = sorted({*part.get("required", ()), *constant})
            if required:
                part["required"] = required
        return {"$schema": self.schema_dialect, **made}


def schemas() -> dict[str, JsonSchemaValue]:
    """Return the schema of each record by its name."""
    return {
        name: _open(adapter.json_schema(schema_generator=_Told), for_others=name in _FOR_OTHERS)
        | {"title": title, "$id": schema_urn(name)}
        for name, (adapter, title) in _RECORDS.items()
    }


def _open(schema: JsonSchemaValue, *, for_others: bool) -> JsonSchemaValue:
    for name, part in _objects(schema) if for_others else ():
        part.pop("additionalProperties", None)
        for field, of in part["properties"].items():
            if (name, field) in _OPEN:
                of["examples"] = of.pop("enum")
    return schema


@schemas_app.command("export")
def export(
    output: Annotated[Path, typer.Option(help="Folder to write to.")] = Path("deploy/schemas"),
    *,
    check: Annotated[bool, typer.Option(help="Write nothing; say what differs.")] = False,
) -> None:
    """Write the JSON Schemas of recorded observations and topics, and the topics as AsyncAPI."""
    from pipeline.cli.asyncapi import document

    made = schemas()
    files = {f"{name}{SUFFIX}": schema for name, schema in made.items()}
    texts = {
        output / name: json.dumps(content, indent=2, sort_keys=True) + "\n"
        for name, content in {**files, ASYNCAPI: document(made)}.items()
    }
    differing = [path for path, text in texts.items() if _read(path) != text]
    if check:
        if differing:
            names = ", ".join(str(path) for path in differing)
            raise AftershockError(
                f"{names}: not as the records are; run `aftershock schemas export`"
            )
        return
    for path in [path for path in differing if path.name != ASYNCAPI]:
        _refuse_breaks(path, texts[path])
    for path in differing:
        _write(path, texts[path])
    typer.echo(f"{len(differing)} of {len(texts)} files written to {output}")


def breaks(old: JsonSchemaValue, new: JsonSchemaValue) -> list[str]:
    """Return in what ways ``new`` refuses, or no longer knows, what ``old`` took."""
    now = dict(_objects(new))
    found = [f"{name} is no longer taken" for name in sorted(_members(old).keys() - _members(new))]
    for name, before in _objects(old):
        after = now.get(name) or (_of_same_kind(before, new) if name == _WHOLE else None)
        if after is None:
            found.append(f"{name} was removed")
            continue
        added = set(after.get("required", ())) - set(before.get("required", ()))
        found += [f"{name}.{field} is now required" for field in sorted(added)]
        for field, was in before["properties"].items():
            found += _field_breaks(f"{name}.{field}", was, after["properties"].get(field))
    return found


def surprises(old: JsonSchemaValue, new: JsonSchemaValue) -> list[str]:
    """Return in what ways what is written by ``new`` is not what readers of ``old`` rely on.

    They take fields that they do not know.
    """
    now = dict(_objects(new))
    found = []
    for name, before in _objects(old):
        after = now.get(name)
        if after is None:
            continue  # nothing of the kind is written any more
        gone = set(before.get("required", ())) - set(after.get("required", ()))
        found += [f"{name}.{field} may now be missing" for field in sorted(gone)]
        for field, was in before["properties"].items():
            more = _beyond(after["properties"].get(field, {"enum": []}), was)
            found += [f"{name}.{field} may now be {kind}" for kind in more]
    return found


def _beyond(left: JsonSchemaValue, right: JsonSchemaValue) -> list[str]:
    """Return what the left takes and the right does not; a value listed is of its type."""
    known = set(_taken(right))
    return sorted(
        kind
        for kind in set(_taken(left)) - known
        if not (kind.startswith('"') and "string" in known)
    )


def _members(schema: JsonSchemaValue) -> dict[str, JsonSchemaValue]:
    """Return the records of a union of records, by name; of one record alone, none."""
    choices = schema.get("oneOf") or schema.get("anyOf") or []
    names = [choice["$ref"].rpartition("/")[2] for choice in choices if "$ref" in choice]
    return {name: schema["$defs"][name] for name in names}


def _of_same_kind(record: JsonSchemaValue, union: JsonSchemaValue) -> JsonSchemaValue | None:
    """Return what reads a record, told by its constant kind, once it is one of several."""
    kind = _kind(record)
    members = _members(union).values()
    return next((each for each in members if kind is not None and _kind(each) == kind), None)


def _kind(record: JsonSchemaValue) -> str | None:
    kind: str | None = record.get("properties", {}).get("kind", {}).get("const")
    return kind


def _field_breaks(field: str, was: JsonSchemaValue, now: JsonSchemaValue | None) -> list[str]:
    if now is None:
        return [f"{field} was removed"]
    return [f"{field} no longer takes {kind}" for kind in _beyond(was, now)]


def _taken(part: JsonSchemaValue) -> Iterator[str]:
    """Yield what a field takes: the values where they are listed, else types and records."""
    choices = part.get("anyOf") or part.get("oneOf")
    if choices:
        for choice in choices:
            yield from _taken(choice)
    elif "enum" in part or "const" in part:
        yield from (json.dumps(value) for value in part.get("enum", [part.get("const")]))
    else:
        yield str(part.get("$ref") or part.get("type", "anything"))


def _objects(schema: JsonSchemaValue) -> Iterator[tuple[str, JsonSchemaValue]]:
    """Yield each record of a schema with its name."""
    if "properties" in schema:
        yield _WHOLE, schema
    for name, part in schema.get("$defs", {}).items():
        if "properties" in part:
            yield name, part


def _refuse_breaks(path: Path, text: str) -> None:
    before = _read(path)
    if before is None:
        return
    try:
        old, new = json.loads(before), json.loads(text)
    except json.JSONDecodeError as trouble:
        raise UsageError(f"{path}: not JSON ({trouble}); move it away and export again") from None
    for_others = path.name.removesuffix(SUFFIX) in _FOR_OTHERS
    for found, why in (
        (breaks(old, new), "older records would not be read any more"),
        (surprises(old, new) if for_others else [], "those who read it rely on it"),
    ):
        if found:
            raise AftershockError(
                f"{path}: {'; '.join(found)}: {why}; give the record a new schema version instead"
            )


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as trouble:
        raise UsageError(f"{path}: cannot be read ({trouble})") from trouble


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as trouble:
        raise UsageError(f"{path}: cannot be written ({trouble.strerror})") from trouble

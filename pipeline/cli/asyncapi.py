"""The topics as an AsyncAPI 3 document: addresses, keys, headers and values in one file; pure.

In: the JSON Schemas of the records, and the table of topics with its defaults. Out: a document that
stands for itself. It must say nothing that the schemas and the table do not: it is made from them.
"""

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from pydantic.json_schema import JsonSchemaValue

from pipeline.broker.topics import Topic, table
from pipeline.settings import KafkaSettings

Part = dict[str, Any]
_BINDING = "0.5.0"
_JSON = "application/json"
_SCHEMAS = "#/components/schemas/"
_NUMBERS = frozenset({"retention.ms", "delete.retention.ms", "max.message.bytes"})
"""Of a topic's configuration, what the binding has a place for."""

_MESSAGES: dict[str, dict[str, tuple[str, str | None, str | None]]] = {
    "observations.logs": {"batch": ("Log lines, gaps and marks", "topic.observations", None)},
    "observations.events": {"batch": ("Events, gaps and marks", "topic.observations", None)},
    "observations.metrics": {"batch": ("Samples, gaps and marks", "topic.observations", None)},
    "symptoms": {"symptom": ("A revision of a symptom, or a mark", "topic.symptoms", None)},
    "topology": {
        "graph": (
            "A graph (each version has the key application@version, too), or where a pod runs",
            "topic.topology",
            None,
        )
    },
    "ingest": {"positions": ("How far a source has been read", "topic.ingest", None)},
    "incidents": {
        "revision": (
            "A revision, whole. Keep the highest of each id; fields may be added at any time",
            "topic.incidents",
            "IncidentHeaders",
        ),
        "aged": (
            "Null: the incident was over for long and leaves (without these headers: was deleted)",
            None,
            "AgedHeaders",
        ),
    },
    "rejected": {
        "letter": (
            "What could not be used: key, value and headers as they came, with the reason",
            "",
            "topic.rejected.headers",
        )
    },
}
"""By topic: its messages, with what they are, the schema of the value (None: a null value; empty:
any bytes) and that of the headers."""

_SENDERS = {
    "observations": ("ingest", "detect"),
    "symptoms": ("detect", "correlate"),
    "topology": ("correlate and ingest", "ingest"),
    "ingest": ("ingest", "ingest"),
    "incidents": ("correlate", "index"),
    "rejected": ("every role", None),
}
"""By the first part of a topic's name: who publishes, and who of us reads."""


def document(schemas: Mapping[str, JsonSchemaValue]) -> Part:
    """Return the AsyncAPI document of all topics.

    ``schemas`` are those of ``aftershock schemas export``, by name.
    """
    topics = {topic.name.partition(".")[2]: topic for topic in table(KafkaSettings())}
    channels = {_camel(name): _channel(name, topic) for name, topic in topics.items()}
    operations: Part = {}
    for name in topics:
        sender, reader = _SENDERS[name.partition(".")[0]]
        operations |= _operation("send", name, f"Published by {sender}.")
        if reader is not None:
            operations |= _operation("receive", name, f"Read by {reader}.")
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Aftershock",
            "version": version("aftershock"),
            "description": "Topics of the pipeline. `incidents` is the one to build upon: inside"
            " a version its records only gain fields.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": _JSON,
        "channels": channels,
        "operations": operations,
        "components": {"schemas": _components(schemas)},
    }


def _channel(name: str, topic: Topic) -> Part:
    given = {key: int(value) for key, value in topic.configs.items() if key in _NUMBERS}
    return {
        "address": f"{{prefix}}.{name}",
        "parameters": {
            "prefix": {"default": "aftershock", "description": "The setting kafka.topic_prefix."}
        },
        "messages": {
            key: _message(f"{name}.{key}", what, value, headers) | _key(topic)
            for key, (what, value, headers) in _MESSAGES[name].items()
        },
        "bindings": {
            "kafka": {
                "partitions": topic.partitions,
                "topicConfiguration": {"cleanup.policy": [topic.cleanup_policy], **given},
                "bindingVersion": _BINDING,
            }
        },
    }


def _message(name: str, what: str, value: str | None, headers: str | None) -> Part:
    made: Part = {"name": name, "summary": what}
    if value is None:
        made["payload"] = {"type": "null"}
    elif value:
        made["payload"] = {"$ref": _SCHEMAS + value}
    else:
        made["contentType"] = "application/octet-stream"
    if headers is not None:
        made["headers"] = {"$ref": _SCHEMAS + headers}
    return made


def _key(topic: Topic) -> Part:
    key = {"type": "string", "description": topic.key}
    return {"bindings": {"kafka": {"key": key, "bindingVersion": _BINDING}}}


def _operation(action: str, name: str, what: str) -> Part:
    channel = {"$ref": f"#/channels/{_camel(name)}"}
    called = action + _camel(name)[0].upper() + _camel(name)[1:]
    return {called: {"action": action, "channel": channel, "summary": what}}


def _camel(name: str) -> str:
    first, *others = name.split(".")
    return first + "".join(other.capitalize() for other in others)


def _components(schemas: Mapping[str, JsonSchemaValue]) -> Part:
    """Return all records by name: what each schema defines for itself stands beside it."""
    found: Part = {}
    for name, schema in sorted(schemas.items()):
        if not name.startswith("topic."):
            continue
        for part, of in schema.get("$defs", {}).items():
            if found.setdefault(part, _placed(of)) != _placed(of):
                raise ValueError(f"two records are called {part}")  # names are ours to give
        own = {key: value for key, value in schema.items() if not key.startswith("$")}
        found[name] = _placed(own)
    return found


def _placed(part: Any) -> Any:  # noqa: ANN401 - any JSON
    """Return a part of a schema with its references where they now are."""
    if isinstance(part, list):
        return [_placed(each) for each in part]
    if not isinstance(part, dict):
        return part
    return {
        key: _SCHEMAS + value.rpartition("/")[2]
        if key == "$ref" and isinstance(value, str)
        else _placed(value)
        for key, value in part.items()
        # AsyncAPI means a text by it; the constants in the records tell them apart as well
        if not (key == "discriminator" and isinstance(value, dict) and "propertyName" in value)
    }

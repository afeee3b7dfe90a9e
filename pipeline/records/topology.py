"""What the topology topic carries: the graph of an application, whole."""

from typing import Literal

from pydantic import JsonValue

from pipeline.records.base import Record, SchemaVersion


class GraphRecord(Record):
    """A version of an application's graph.

    The latest is keyed by the application, and each that it has had by `application@version`.
    Incidents name the version that they were explained with.
    """

    kind: Literal["graph"] = "graph"
    schema_version: SchemaVersion = 1
    application: str
    version: str
    """Short hash of all that is declared."""
    declared: dict[str, JsonValue]
    """The application as its topology file declares it, parameters filled in."""

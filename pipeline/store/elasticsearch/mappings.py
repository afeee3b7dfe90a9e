"""What the server must know of a document's fields; pure.

In: nothing. Out: mappings, in three parts. Strict at every level: a field that is not here is
refused instead of guessed at. Only field types that every distribution has. Fields that we do not
write ourselves (``event.ingested``, ``orchestrator.cluster.*``, ``kubernetes.namespace``) are for a
site's own ingest pipeline.
"""

from typing import Any

from pipeline.store.elasticsearch.documents import MAX_CHARACTERS

VERSION = 1
"""Of mappings and templates. Adding a field raises it; `ensure` then adds it to what is there."""
MANAGED_BY = "aftershock"
META = {"managed_by": MANAGED_BY, "version": VERSION}
"""By this we know what is ours."""

Fields = dict[str, Any]

_KEYWORD: Fields = {"type": "keyword", "ignore_above": MAX_CHARACTERS}
_TEXT: Fields = {"type": "text"}
_WORDS: Fields = {
    "type": "text",
    "analyzer": "whitespace",
    "norms": False,
    "index_options": "docs",
}
"""Words as ``aftershock incidents search`` means them, parted and in lower case already."""
_DATE: Fields = {"type": "date"}
_LONG: Fields = {"type": "long"}
_DOUBLE: Fields = {"type": "double"}
_BOOLEAN: Fields = {"type": "boolean"}


def _of(**fields: Fields) -> Fields:
    return {"properties": fields}


def _keywords(*names: str) -> Fields:
    return dict.fromkeys(names, _KEYWORD)


_CAUSE = {**_keywords("node"), "probability": _DOUBLE, "inferred": _BOOLEAN}
_PARENT = _of(**_keywords("symptom", "edge"), delay_s=_DOUBLE, probability=_DOUBLE)
_SYMPTOM = {
    **_keywords("id", "node", "detector", "signature", "class", "severity", "state"),
    "onset": _DATE,
    "last_seen": _DATE,
    "count": _LONG,
    "exemplar": {"type": "text", "index": False},  # shown; `incident.exemplars` is searched
    "parent": _PARENT,
}

ECS: Fields = {
    "@timestamp": _DATE,
    "ecs": _of(version=_KEYWORD),
    "message": _TEXT,
    "tags": _KEYWORD,
    "labels": {"type": "flattened", "ignore_above": MAX_CHARACTERS},
    "event": _of(
        **_keywords("kind", "category", "type", "outcome", "module", "provider", "dataset"),
        **_keywords("action", "id"),
        reason=_TEXT,
        sequence=_LONG,
        severity=_LONG,
        duration=_LONG,
        created=_DATE,
        start=_DATE,
        end=_DATE,
        ingested=_DATE,
    ),
    "service": _of(name=_KEYWORD),
    "related": _of(hosts=_KEYWORD, user=_KEYWORD),
    "orchestrator": _of(
        type=_KEYWORD,
        namespace=_KEYWORD,
        cluster=_of(name=_KEYWORD, id=_KEYWORD),
        resource=_of(name=_KEYWORD, type=_KEYWORD),
    ),
}
KUBERNETES: Fields = {"kubernetes": _of(namespace=_KEYWORD, pod=_of(name=_KEYWORD))}
INCIDENT: Fields = {
    "incident": _of(
        **_keywords("id", "application", "status", "merged_into", "title", "severity", "verdict"),
        **_keywords("cause_nodes", "nodes", "users", "classes", "severities", "signatures"),
        **_keywords("detectors", "absent", "unobserved", "counterfactual", "graph_version"),
        revision=_LONG,
        reopened=_LONG,
        started_us=_LONG,
        detected_at=_DATE,
        updated_at=_DATE,
        resolved_at=_DATE,
        time_to_detect_s=_DOUBLE,
        duration_s=_DOUBLE,
        late_revision=_TEXT,
        user_count=_LONG,
        symptom_count=_LONG,
        exemplars=_TEXT,
        words=_WORDS,
        cut=_BOOLEAN,
        cause=_of(**_CAUSE, **_keywords("path", "pods"), changes=_TEXT),
        causes={"type": "nested", **_of(**_CAUSE, reason_codes=_KEYWORD, reasons=_TEXT)},
        symptoms={"type": "nested", **_of(**_SYMPTOM)},
    ),
    # only read back: neither searched nor aggregated, thus of any length
    "record": {"type": "keyword", "index": False, "doc_values": False},
}
HISTORY: Fields = {
    **{name: ECS[name] for name in ("@timestamp", "ecs", "message", "event", "service")},
    "incident": _of(
        **_keywords("id", "application", "status", "title", "severity", "verdict", "changed"),
        revision=_LONG,
        changed_since=_LONG,
        node_count=_LONG,
        symptom_count=_LONG,
        late_revision=_TEXT,
        cause=_of(**_keywords("node"), probability=_DOUBLE),
    ),
}
"""Of one revision's document."""


def mappings() -> Fields:
    """Return the mappings as an index has them in the end."""
    return {"dynamic": "strict", "_meta": META, "properties": {**ECS, **KUBERNETES, **INCIDENT}}


def history_mappings() -> Fields:
    """Return the mappings of the history's indices."""
    return {"dynamic": "strict", "_meta": META, "properties": HISTORY}

"""An incident as a document, and back; pure.

In: an incident. Out: where it lies (index, id, version) and what: ECS fields where they fit, an own
object ``incident.*`` with flat fields that Kibana filters and aggregates by, symptoms nested, and
the record itself as the canonical text that it is read back from. All but the record is bounded;
``incident.cut`` says where a list was too long to be whole. The month is that of the incident's
start, which no revision changes: it is the onset of the symptom that the id is a hash of.
"""

import json
import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from pipeline.records import Cause, Incident, IncidentSymptom, canonical, micros
from pipeline.store.searching import searched, words_of

DATASET = "aftershock.incident"
ECS_VERSION = "8.17.0"

MAX_CHARACTERS = 1_024
"""Of a keyword: at most 4 kB of UTF-8, where Lucene takes 32 kB."""
MAX_TEXT = 4_096
"""Of a text: five times the longest exemplar that detection keeps."""
MAX_VALUES = 1_000
"""In a flat list: more nodes than an application has; 4 MB if each were as long as can be."""
MAX_SYMPTOMS = 500
"""Nested, thus a Lucene document each; the server's own limit is 10,000."""
MAX_EXEMPLARS = 100
MAX_WORDS = 20_000
"""Different ones that searches look among: 500 exemplars have no more."""
MAX_WORD = 100
"""Characters: the server's own tokens end at 255 UTF-16 units."""
MAX_ID_BYTES = 512
"""The server's limit of ``_id``."""
MAX_VERSION = 2**63 - 2
"""The server's versions are signed 64 bits."""
MAX_BYTES = 16 * 1024 * 1024
"""Of a document: twenty times the largest that one record of Kafka comes to."""

_SEVERITY = {"minor": 30, "major": 60, "critical": 90}
"""``event.severity`` is a number; of 100, as ECS's risk scores are."""
_CATEGORY = {"auth": "authentication", "network": "network"}
"""ECS's categories are a closed set, and few symptoms have one."""
_ESCAPED = re.compile(r"(?:-[0-9a-f]{2})+")

Document = dict[str, Any]


def index_of(incident: Incident, alias: str) -> str:
    """Return the index of an incident's month. Lifecycle policies read its age off the name."""
    return f"{alias}-{incident.started_at:%Y.%m}.01"


def unfit(incident: Incident) -> str | None:
    """Return why no server would take it, or None: one such would spoil the whole request."""
    if not incident.id:
        return "its id is empty"
    if len(incident.id.encode()) > MAX_ID_BYTES:
        return f"its id is longer than {MAX_ID_BYTES} bytes"
    if incident.revision > MAX_VERSION:
        return f"its revision is above {MAX_VERSION}"
    return None


def document_of(incident: Incident) -> Document:
    """Return the document of an incident."""
    leading = incident.causes[0] if incident.causes else None
    pods = _distinct(pod for cause in incident.causes for pod in cause.pods)
    users = _distinct(_users(incident.nodes))
    return some(
        {
            "@timestamp": _time(incident.started_at),
            "ecs": {"version": ECS_VERSION},
            "message": incident.title[:MAX_TEXT],
            "tags": _kept([incident.status, incident.severity, incident.verdict]),
            "event": event_of(incident, leading),
            "service": some({"name": keyword(incident.application)}),
            "orchestrator": _orchestrator(leading),
            "kubernetes": {"pod": {"name": _kept(pods)}} if pods else None,
            "related": some({"hosts": _kept(pods), "user": _kept(_both_spellings(users))}),
            "labels": some({"graph_version": keyword(incident.graph_version)}),
            "incident": _incident(incident, leading, users),
            "record": canonical(incident).decode(),
        }
    )


def encoded(incident: Incident) -> bytes:
    """Return the document of an incident as JSON.

    Raises:
        ValueError: it has a number that JSON does not have.
    """
    document = document_of(incident)
    text = json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.encode()


def incident_of(document: Document) -> Incident:
    """Return the incident of a document.

    Raises:
        ValidationError: its record is none of ours, or of a version that we do not know.
    """
    return Incident.model_validate_json(document.get("record", ""))


def event_of(incident: Incident, leading: Cause | None) -> Document:
    """Return ECS's ``event.*`` of a revision, by its leading cause."""
    end = incident.resolved_at
    classes = _distinct(symptom.symptom_class for symptom in incident.symptoms)
    return some(
        {
            "kind": "alert",
            "category": [_CATEGORY[name] for name in classes if name in _CATEGORY],
            "type": ["error"] if incident.status == "open" else ["error", "end"],
            "outcome": "failure",
            "module": "aftershock",
            "provider": "aftershock",
            "dataset": DATASET,
            "action": f"incident-{incident.status}",
            "id": incident.id,
            "sequence": incident.revision,
            "severity": _SEVERITY[incident.severity],
            "created": _time(incident.detected_at),
            "start": _time(incident.started_at),
            "end": end and _time(end),
            "duration": end and max(0, micros(end) - micros(incident.started_at)) * 1_000,  # ns
            "reason": leading and "; ".join(reason.text for reason in leading.reasons)[:MAX_TEXT],
        }
    )


def _orchestrator(leading: Cause | None) -> Document:
    return some(
        {
            "type": "kubernetes",
            "resource": some({"name": leading and keyword(leading.node)}),
        }
    )


def _incident(incident: Incident, leading: Cause | None, users: Sequence[str]) -> Document:
    symptoms = incident.symptoms
    causes = _distinct(cause.node for cause in incident.causes)
    exemplars = _distinct(symptom.exemplar[:MAX_TEXT] for symptom in symptoms)
    words = sorted({word[:MAX_WORD] for text in searched(incident) for word in words_of(text)})
    return some(
        {
            "id": incident.id,
            "revision": incident.revision,
            "application": keyword(incident.application),
            "status": incident.status,
            "merged_into": keyword(incident.merged_into),
            "reopened": incident.reopened,
            "title": keyword(incident.title),
            "severity": incident.severity,
            "verdict": incident.verdict,
            "started_us": micros(incident.started_at),
            "detected_at": _time(incident.detected_at),
            "updated_at": _time(incident.updated_at),
            "resolved_at": incident.resolved_at and _time(incident.resolved_at),
            "time_to_detect_s": _seconds(incident.started_at, incident.detected_at),
            "duration_s": incident.resolved_at
            and _seconds(incident.started_at, incident.resolved_at),
            "cause": leading and _leading(leading),
            "causes": [_cause(cause) for cause in incident.causes[:MAX_VALUES]],
            "cause_nodes": _kept(causes),
            "nodes": _kept(_distinct(incident.nodes)),
            "users": _kept(users),
            "user_count": len(users),
            "classes": _kept(_distinct(symptom.symptom_class for symptom in symptoms)),
            "severities": _kept(_distinct(symptom.severity for symptom in symptoms)),
            "signatures": _kept(_distinct(symptom.signature for symptom in symptoms)),
            "detectors": _kept(_distinct(symptom.detector for symptom in symptoms)),
            "absent": _kept(_distinct(incident.absent)),
            "unobserved": _kept(_distinct(incident.unobserved)),
            "counterfactual": keyword(incident.counterfactual),
            "graph_version": keyword(incident.graph_version),
            "late_revision": incident.late_revision and incident.late_revision[:MAX_TEXT],
            "symptom_count": incident.symptom_count,
            "symptoms": [_symptom(symptom) for symptom in symptoms[:MAX_SYMPTOMS]],
            "exemplars": exemplars[:MAX_EXEMPLARS],
            "words": " ".join(words[:MAX_WORDS]),
            "cut": _is_cut(incident, causes) or len(words) > MAX_WORDS,
        }
    )


def _leading(cause: Cause) -> Document:
    return some(
        {
            "node": keyword(cause.node),
            "probability": cause.probability,
            "inferred": cause.inferred,
            "path": _kept(cause.path),
            "pods": _kept(cause.pods),
            "changes": [change.text[:MAX_TEXT] for change in cause.changes[:MAX_EXEMPLARS]],
        }
    )


def _cause(cause: Cause) -> Document:
    return some(
        {
            "node": keyword(cause.node),
            "probability": cause.probability,
            "inferred": cause.inferred,
            "reason_codes": _distinct(reason.code for reason in cause.reasons),
            "reasons": [reason.text[:MAX_TEXT] for reason in cause.reasons[:MAX_EXEMPLARS]],
        }
    )


def _symptom(symptom: IncidentSymptom) -> Document:
    parent = symptom.parent
    return some(
        {
            "id": keyword(symptom.id),
            "node": keyword(symptom.node),
            "detector": keyword(symptom.detector),
            "signature": keyword(symptom.signature),
            "class": symptom.symptom_class,
            "severity": symptom.severity,
            "onset": _time(symptom.onset),
            "last_seen": _time(symptom.last_seen),
            "count": symptom.count,
            "state": symptom.state,
            "exemplar": symptom.exemplar[:MAX_TEXT],
            "parent": parent
            and {
                "symptom": keyword(parent.symptom),
                "edge": keyword(parent.edge),
                "delay_s": parent.delay_s,
                "probability": parent.probability,
            },
        }
    )


def _is_cut(incident: Incident, causes: Sequence[str]) -> bool:
    """Return whether a field that lists are filtered by does not hold all that the record does."""
    values = (incident.application, *incident.nodes, *causes)
    too_long = any(len(value) > MAX_CHARACTERS for value in values)
    return too_long or max(len(incident.nodes), len(causes)) > MAX_VALUES


def _users(nodes: Iterable[str]) -> Iterable[str]:
    """Return whom nodes belong to: ``hub/user/alice`` is alice's, by the topologies' convention."""
    for node in nodes:
        before, _, after = node.partition("/user/")
        if before and after:
            yield after.partition("/")[0]


def _both_spellings(users: Sequence[str]) -> list[str]:
    """Return names as pods spell them and as people type them: ``alice-40x`` is ``alice@x``."""
    return _distinct(spelt for user in users for spelt in (user, _unescaped(user)))


def _unescaped(name: str) -> str:
    def read(escaped: re.Match[str]) -> str:
        try:
            return bytes.fromhex(escaped.group().replace("-", "")).decode()
        except UnicodeDecodeError:  # no escape then, but a name that looks like one
            return escaped.group()

    return _ESCAPED.sub(read, name)


def keyword(value: str | None) -> str | None:
    """Return a value that can be a keyword; a longer one is not searched for, and not kept here."""
    return value if value is not None and len(value) <= MAX_CHARACTERS else None


def _kept(values: Iterable[str]) -> list[str]:
    return [value for value in values if len(value) <= MAX_CHARACTERS][:MAX_VALUES]


def _distinct(values: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(values))


def _time(instant: datetime) -> str:
    return instant.isoformat()


def _seconds(start: datetime, end: datetime) -> float:
    return (micros(end) - micros(start)) / 1e6


def some(fields: Document) -> Document:
    """Leave out what is not there, so that "exists" in Kibana means it; 0 and False are there."""
    return {name: value for name, value in fields.items() if value or value == 0}

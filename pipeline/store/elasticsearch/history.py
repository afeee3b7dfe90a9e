"""Revisions as documents: when an incident changed, and what changed; pure.

In: revisions, in any order, with repeats. Out: for each different one a document that is written
once and never again. It lies in the month in which its incident began, as the incident does: the
same revision always has the same index and id, so that a repeat finds it there. What changed is
told against the revision before it among those that came together: if none did, it is not known.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from pipeline.records import Incident
from pipeline.store.elasticsearch.documents import (
    ECS_VERSION,
    MAX_ID_BYTES,
    MAX_TEXT,
    Document,
    event_of,
    index_of,
    keyword,
    some,
    unfit,
)


@dataclass(frozen=True, slots=True)
class Entry:
    """A revision, and the one before it that came with it."""

    incident: Incident
    before: Incident | None = None

    @property
    def id(self) -> str:
        """Id of its document."""
        return f"{self.incident.id}-{self.incident.revision}"


def history_alias(alias: str) -> str:
    """Return what to search in for the history of an alias's incidents."""
    return f"{alias}-history"


def history_index_of(incident: Incident, alias: str) -> str:
    """Return the index of a revision."""
    return index_of(incident, history_alias(alias))


def entries(revisions: Iterable[Incident]) -> Iterator[Entry]:
    """Yield each different revision once, those of an incident in their order."""
    found: dict[str, dict[int, Incident]] = {}
    for one in revisions:
        found.setdefault(one.id, {}).setdefault(one.revision, one)
    for by_revision in found.values():
        in_order = [by_revision[revision] for revision in sorted(by_revision)]
        yield Entry(in_order[0])
        yield from (Entry(after, before) for before, after in pairwise(in_order))


def unfit_entry(entry: Entry) -> str | None:
    """Return why no server would take it, or None."""
    if len(entry.id.encode()) > MAX_ID_BYTES:
        return f"its id and revision are longer than {MAX_ID_BYTES} bytes"
    return unfit(entry.incident)


def changed(before: Incident, after: Incident) -> list[str]:
    """Return which of ``incident.*`` differ; a cause by its node, nodes by their number."""
    differs = {
        "status": before.status != after.status,
        "severity": before.severity != after.severity,
        "cause": _cause_node(before) != _cause_node(after),
        "node_count": len(before.nodes) != len(after.nodes),
        "symptom_count": before.symptom_count != after.symptom_count,
    }
    return [name for name, is_so in differs.items() if is_so]


def entry_document(entry: Entry) -> Document:
    """Return the document of a revision."""
    incident, before = entry.incident, entry.before
    leading = incident.causes[0] if incident.causes else None
    return some(
        {
            "@timestamp": incident.updated_at.isoformat(),
            "ecs": {"version": ECS_VERSION},
            "message": incident.title[:MAX_TEXT],
            "event": event_of(incident, leading),
            "service": some({"name": keyword(incident.application)}),
            "incident": some(
                {
                    "id": incident.id,
                    "revision": incident.revision,
                    "application": keyword(incident.application),
                    "status": incident.status,
                    "title": keyword(incident.title),
                    "severity": incident.severity,
                    "verdict": incident.verdict,
                    "cause": leading
                    and some({"node": keyword(leading.node), "probability": leading.probability}),
                    "node_count": len(incident.nodes),
                    "symptom_count": incident.symptom_count,
                    "late_revision": incident.late_revision and incident.late_revision[:MAX_TEXT],
                    # with this and no `changed`, none of it did
                    "changed_since": before and before.revision,
                    "changed": before and changed(before, incident),
                }
            ),
        }
    )


def encoded_entry(entry: Entry) -> bytes:
    """Return the document of a revision as JSON: some 10 kB at most, its texts are cut."""
    document = entry_document(entry)
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def _cause_node(incident: Incident) -> str | None:
    return incident.causes[0].node if incident.causes else None

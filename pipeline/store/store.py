"""What any store of incidents must do. Every store passes one suite (``tests/store``)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from pipeline.records import Incident, IncidentStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """Which incidents to list; None: any."""

    application: str | None = None
    status: IncidentStatus | None = None
    node: str | None = None
    """An affected node, or one that is named as a cause."""
    id_prefix: str | None = None


def matches(incident: Incident, query: Query) -> bool:
    """Return whether an incident is one of a query's: what every store's ``list`` means by it."""
    nodes = {*incident.nodes, *(cause.node for cause in incident.causes)}
    return (
        query.application in {None, incident.application}
        and query.status in {None, incident.status}
        and (query.node is None or query.node in nodes)
        and (query.id_prefix is None or incident.id.startswith(query.id_prefix))
    )


@runtime_checkable
class IncidentStore(Protocol):
    """Keeps the latest revision of each incident."""

    def put(self, incidents: Sequence[Incident]) -> None:
        """Keep incidents, all or none; return when they are safe.

        Whatever is there in a newer revision stays; the same revision again changes nothing.

        Raises:
            BrokenWorld: the store is away or full; nothing of this call may be relied upon.
        """

    def delete(self, ids: Sequence[str]) -> None:
        """Forget incidents (those that are not there are no error).

        Raises:
            BrokenWorld: as :meth:`put`.
        """

    def get(self, incident_id: str) -> Incident | None:
        """Return an incident, or None.

        Raises:
            BrokenWorld: the store is away.
        """

    def list(self, query: Query) -> Iterator[Incident]:
        """Yield the incidents of a query by start, then id.

        Raises:
            BrokenWorld: the store is away.
        """

    def close(self) -> None:
        """Let go of files and connections."""

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


@dataclass(frozen=True, slots=True)
class Refused:
    """An incident that a store will never take, whoever tries, and its reason on one line."""

    incident: Incident
    reason: str


@runtime_checkable
class IncidentStore(Protocol):
    """Keeps the latest revision of each incident."""

    def put(self, incidents: Sequence[Incident]) -> Sequence[Refused]:
        """Keep incidents; return when they are safe, with those that were refused.

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

    def search(self, text: str, query: Query) -> Iterator[Incident]:
        """Yield the incidents of a query that have every word of a text, by start, then id.

        Words are those of :func:`~pipeline.store.searching.search_words`; exactly those incidents
        come for which :func:`~pipeline.store.searching.finds` is true (nothing is ranked). An
        engine's own index may narrow what is looked at, and may not lose one of them: with words
        ``w1 w2`` that is a ``simple_query_string`` of ``w1* w2*``, operator *and*, over one field
        that :func:`~pipeline.store.searching.searched` was copied to and that is cut where
        anything but a letter or a digit stands.

        Raises:
            UsageError: the text has no word, or too many.
            BrokenWorld: as :meth:`list`.
        """

    def close(self) -> None:
        """Let go of files and connections."""


@runtime_checkable
class RevisionHistory(Protocol):
    """What a store may do besides: keep each revision that it was told of, not only the latest."""

    @property
    def keeps_history(self) -> bool:
        """Whether it shall."""

    def record(self, revisions: Sequence[Incident]) -> Sequence[Refused]:
        """Keep revisions, in any order; return when they are safe, with those that were refused.

        What is there stays as it is: repeats change nothing.

        Raises:
            BrokenWorld: the store is away or full; nothing of this call may be relied upon.
        """

"""Incidents in Elasticsearch: the interface of every store.

In: incidents. Out: the same bytes. A document is whole, under the incident's id, with its revision
as external version: whatever comes late, twice or in disorder, the highest revision stays. Several
may write at once. What is written is found by readers at once, who refresh before they search.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any

from elasticsearch import AuthorizationException, NotFoundError
from pydantic import ValidationError

from pipeline import clock
from pipeline.errors import BrokenWorld, UsageError
from pipeline.records import Incident
from pipeline.settings_elasticsearch import ElasticsearchSettings
from pipeline.store.elasticsearch import documents, installed
from pipeline.store.elasticsearch.access import connect, told
from pipeline.store.elasticsearch.bulk import Action, Bulk
from pipeline.store.elasticsearch.history import (
    encoded_entry,
    entries,
    history_alias,
    history_index_of,
    unfit_entry,
)
from pipeline.store.elasticsearch.queries import ORDER, asked, ours
from pipeline.store.searching import finds, search_words
from pipeline.store.store import Query, Refused, matches

_PAGE = 200
"""Incidents read at once: 24 MB if each had the 120 kB of the largest."""
_KEEP_ALIVE = "5m"
"""For so long the server holds what a list reads, from page to page."""
_FIND = 1_000
"""Ids looked up at once: the server's limit of one answer is ten times that."""
_MIB = 1024 * 1024

Hits = list[dict[str, Any]]


class ElasticsearchStore:
    """An :class:`~pipeline.store.IncidentStore` behind an alias."""

    def __init__(self, url: str, settings: ElasticsearchSettings, *, create: bool = True) -> None:
        """Connect; a writer checks that new indices will be as they must.

        Raises:
            UsageError: URL or settings cannot be used; a reader finds nothing there.
            BrokenWorld: the server is away, refuses us, or was not prepared.
        """
        self._settings = settings
        self._alias = settings.alias
        self._client, self._where = connect(url, settings)
        self._bulk = Bulk(self._client, self._where, max_bytes=settings.bulk_mib * _MIB)
        self._known: set[str] = set()
        try:
            if create:
                installed.check(self._client, self._where, self._alias)
                if settings.history:
                    installed.check(self._client, self._where, history_alias(self._alias))
            else:
                self._find_alias()
        except (UsageError, BrokenWorld):
            self._client.close()
            raise

    def put(self, incidents: Sequence[Incident]) -> Sequence[Refused]:
        """Keep incidents; see :class:`~pipeline.store.IncidentStore`."""
        chosen: dict[Action, Incident] = {}
        refused: list[Refused] = []
        for incident in incidents:
            if self._is_over(incident):
                continue
            action = self._action(incident)
            if isinstance(action, Refused):
                refused.append(action)
            else:
                chosen[action] = incident
        return [*refused, *self._send(chosen, self._alias)]

    @property
    def keeps_history(self) -> bool:
        """Whether settings say so."""
        return self._settings.history

    def record(self, revisions: Sequence[Incident]) -> Sequence[Refused]:
        """Keep what each revision was; see :class:`~pipeline.store.RevisionHistory`."""
        chosen: dict[Action, Incident] = {}
        refused: list[Refused] = []
        for entry in entries(one for one in revisions if not self._is_over(one)):
            reason = unfit_entry(entry)
            if reason is not None:
                refused.append(Refused(entry.incident, reason))
                continue
            index = history_index_of(entry.incident, self._alias)
            chosen[Action(index, entry.id, None, encoded_entry(entry))] = entry.incident
        return [*refused, *self._send(chosen, history_alias(self._alias))]

    def delete(self, ids: Sequence[str]) -> None:
        """Forget incidents."""
        self._refresh()
        for start in range(0, len(ids), _FIND):
            wanted = [each for each in ids[start : start + _FIND] if each]
            hits = self._search(query=ours({"ids": {"values": wanted}}), size=_FIND, source=False)
            self._bulk.send([Action(hit["_index"], hit["_id"]) for hit in hits])

    def get(self, incident_id: str) -> Incident | None:
        """Return an incident, or None."""
        self._refresh()
        query = ours({"ids": {"values": [incident_id]}})
        hits = self._search(query=query, size=1, source_includes=["record"])
        return self._read(hits[0]) if hits else None

    def list(self, query: Query) -> Iterator[Incident]:
        """Yield the incidents of a query by start, then id, as they are when it begins."""
        return self._listed(query, [])

    def search(self, text: str, query: Query) -> Iterator[Incident]:
        """Yield those of them that have every word of a text."""
        return self._listed(query, search_words(text))

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _listed(self, query: Query, words: Sequence[str]) -> Iterator[Incident]:
        self._refresh()
        with told(self._where):
            opened = self._client.open_point_in_time(
                index=self._alias, keep_alive=_KEEP_ALIVE, ignore_unavailable=True
            )
        try:
            for page in self._pages(opened["id"], asked(query, words)):
                for incident in map(self._read, page):
                    if matches(incident, query) and finds(incident, words):
                        yield incident
        finally:
            with told(self._where), suppress(NotFoundError):  # it has lapsed
                self._client.close_point_in_time(id=opened["id"])

    def _action(self, incident: Incident) -> Action | Refused:
        reason = documents.unfit(incident)
        if reason is not None:
            return Refused(incident, reason)
        try:
            body = documents.encoded(incident)
        except ValueError as trouble:  # a number that JSON does not have
            return Refused(incident, f"it cannot be written as JSON: {trouble}")
        if len(body) > documents.MAX_BYTES:
            return Refused(
                incident, f"its document of {len(body)} bytes is above {documents.MAX_BYTES}"
            )
        index = documents.index_of(incident, self._alias)
        return Action(index, incident.id, incident.revision, body)

    def _send(self, chosen: Mapping[Action, Incident], alias: str) -> Sequence[Refused]:
        for index in {action.index for action in chosen} - self._known:
            installed.prepare(self._client, self._where, index, alias)
            self._known.add(index)
        sent = self._bulk.send(list(chosen))
        return [Refused(chosen[no.action], no.reason) for no in sent]

    def _is_over(self, incident: Incident) -> bool:
        """Return whether its month may be gone already; it would come back, and stay."""
        days = self._settings.retention_d
        return days is not None and incident.started_at < clock.now() - timedelta(days=days)

    def _find_alias(self) -> None:
        with told(self._where):
            try:
                self._client.indices.get_alias(name=self._alias)
            except NotFoundError:
                raise UsageError(
                    f"store {self._where}: no alias {self._alias!r} there; `aftershock index` (or"
                    " `aftershock run`) makes it, or elasticsearch.alias names another"
                ) from None

    def _refresh(self) -> None:
        """Let searches find what has been written before; whoever may not, finds it 1 s later."""
        with told(self._where):
            try:
                self._client.indices.refresh(index=self._alias, ignore_unavailable=True)
            except AuthorizationException:
                return

    def _search(self, **asked: Any) -> Hits:  # noqa: ANN401 - the client's own
        with told(self._where):
            answer = self._client.search(index=self._alias, ignore_unavailable=True, **asked)
        hits: Hits = answer["hits"]["hits"]
        return hits

    def _pages(self, at: str, query: dict[str, Any]) -> Iterator[Hits]:
        after: Any = None
        while True:
            with told(self._where):
                answer = self._client.search(
                    pit={"id": at, "keep_alive": _KEEP_ALIVE},
                    query=query,
                    sort=ORDER,
                    size=_PAGE,
                    search_after=after,
                    source_includes=["record"],
                    track_total_hits=False,
                )
            hits: Hits = answer["hits"]["hits"]
            if hits:
                yield hits
            if len(hits) < _PAGE:
                return
            at, after = answer["pit_id"], hits[-1]["sort"]

    def _read(self, hit: dict[str, Any]) -> Incident:
        try:
            return documents.incident_of(hit["_source"])
        except ValidationError as trouble:
            raise BrokenWorld(
                f"Elasticsearch {self._where}: {hit['_index']}/{hit['_id']} is no incident that"
                f" this version can read ({trouble.error_count()} fields)"
            ) from trouble

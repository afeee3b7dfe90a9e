"""Incidents in one SQLite file: for a laptop, and for tests.

In: incidents. Out: the same bytes. One process writes (the index role), others may read beside it
(write-ahead log). It must not interpret incidents beyond the columns that lists are filtered by.

A search looks through one column that holds the words of each incident: some 100 MB of them a
second, which is tens of thousands of incidents. That needs no extension that a build may lack, and
means by a word exactly what every other store means.
"""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from pipeline.clock import monotonic, sleep
from pipeline.errors import BrokenWorld, UsageError
from pipeline.records import Incident, canonical, micros
from pipeline.store.searching import search_words, searched, words_of
from pipeline.store.store import Query, Refused

_VERSION = 2
"""Of the tables, in ``user_version``. 1 had no words and gets them; any other is refused."""
_WITHOUT_WORDS = 1
_BUSY_S = 10.0
"""How long to wait for another process that is just writing."""
_PAUSE_S = 0.05

_SCHEMA = (
    """
    CREATE TABLE incidents (
        id TEXT PRIMARY KEY,
        revision INTEGER NOT NULL,
        application TEXT NOT NULL,
        status TEXT NOT NULL,
        started_at INTEGER NOT NULL,
        record TEXT NOT NULL,
        words TEXT NOT NULL
    ) WITHOUT ROWID
    """,
    "CREATE INDEX incidents_by_start ON incidents (started_at, id)",
    """
    CREATE TABLE nodes (
        incident TEXT NOT NULL REFERENCES incidents (id) ON DELETE CASCADE,
        node TEXT NOT NULL,
        PRIMARY KEY (incident, node)
    ) WITHOUT ROWID
    """,
    "CREATE INDEX nodes_by_node ON nodes (node)",
    f"PRAGMA user_version = {_VERSION}",
)

_PUT = """
INSERT INTO incidents (id, revision, application, status, started_at, record, words)
VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET
    revision = excluded.revision,
    application = excluded.application,
    status = excluded.status,
    started_at = excluded.started_at,
    record = excluded.record,
    words = excluded.words
WHERE excluded.revision > incidents.revision
"""

_LIST = """
SELECT record FROM incidents
WHERE (:application IS NULL OR application = :application)
  AND (:status IS NULL OR status = :status)
  AND (:prefix IS NULL OR substr(id, 1, length(:prefix)) = :prefix)
  AND (:node IS NULL OR EXISTS (
        SELECT 1 FROM nodes WHERE nodes.incident = incidents.id AND nodes.node = :node))
  AND NOT EXISTS (SELECT 1 FROM json_each(:words) WHERE instr(words, ' ' || value) = 0)
ORDER BY started_at, id
"""


class SqliteStore:
    """An :class:`~pipeline.store.IncidentStore` in a file."""

    def __init__(self, path: str, *, create: bool = True) -> None:
        """Open the file; create it unless told not to.

        Raises:
            UsageError: there is no such file, or it holds something else.
            BrokenWorld: it cannot be opened.
        """
        self._path = path
        if not create and not Path(path).is_file():
            raise UsageError(
                f"store {path}: no such file; `aftershock index` (or `aftershock run`) makes it,"
                " or AFTERSHOCK_STORE (store) names another"
            )
        with self._told():
            self._connection = sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None)
            try:
                self._prepare()
            except (sqlite3.Error, UsageError):
                self._connection.close()
                raise

    def put(self, incidents: Sequence[Incident]) -> Sequence[Refused]:
        """Keep incidents, all or none; a file refuses nothing."""
        with self._told(), self._transaction():
            for incident in incidents:
                self._put(incident)
        return ()

    def delete(self, ids: Sequence[str]) -> None:
        """Forget incidents."""
        with self._told(), self._transaction():
            self._connection.executemany(
                "DELETE FROM incidents WHERE id = ?", [(each,) for each in ids]
            )

    def get(self, incident_id: str) -> Incident | None:
        """Return an incident, or None."""
        with self._told():
            row = self._connection.execute(
                "SELECT record FROM incidents WHERE id = ?", (incident_id,)
            ).fetchone()
        return None if row is None else Incident.model_validate_json(row[0])

    def list(self, query: Query) -> Iterator[Incident]:
        """Yield the incidents of a query by start, then id."""
        return self._listed(query, [])

    def search(self, text: str, query: Query) -> Iterator[Incident]:
        """Yield those of them that have every word of a text."""
        return self._listed(query, search_words(text))

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def _listed(self, query: Query, words: Sequence[str]) -> Iterator[Incident]:
        given = {
            "application": query.application,
            "status": query.status,
            "node": query.node,
            "prefix": query.id_prefix,
            "words": json.dumps(words),
        }
        with self._told():
            for (record,) in self._connection.execute(_LIST, given):
                yield Incident.model_validate_json(record)

    def _put(self, incident: Incident) -> None:
        row = (
            incident.id,
            incident.revision,
            incident.application,
            incident.status,
            micros(incident.started_at),
            canonical(incident).decode(),
            _words(incident),
        )
        if self._connection.execute(_PUT, row).rowcount == 0:
            return  # what is there is as new, or newer
        nodes = {*incident.nodes, *(cause.node for cause in incident.causes)}
        self._connection.execute("DELETE FROM nodes WHERE incident = ?", (incident.id,))
        self._connection.executemany(
            "INSERT INTO nodes (incident, node) VALUES (?, ?)",
            [(incident.id, node) for node in sorted(nodes)],
        )

    def _prepare(self) -> None:
        run = self._connection.execute
        if self._version() != _VERSION:
            self._create()
        run("PRAGMA foreign_keys = ON")
        run("PRAGMA synchronous = FULL")  # acknowledged means on the disk: offsets are committed
        self._allow_readers()

    def _version(self) -> int:
        (version,) = self._connection.execute("PRAGMA user_version").fetchone()
        return int(version)

    def _create(self) -> None:
        """Make the tables in an empty file; of several processes at once the first does."""
        with self._transaction():
            version = self._version()
            if version == _VERSION:
                return
            (others,) = self._connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
            if version == _WITHOUT_WORDS:
                self._add_words()
                return
            if version or others:
                raise UsageError(
                    f"store {self._path}: this is no store of ours, or of another version;"
                    " name another file"
                )
            for statement in _SCHEMA:
                self._connection.execute(statement)

    def _add_words(self) -> None:
        """Bring the tables of the version before up to this one."""
        run = self._connection.execute
        run("ALTER TABLE incidents ADD COLUMN words TEXT NOT NULL DEFAULT ''")
        for incident_id, record in run("SELECT id, record FROM incidents").fetchall():
            words = _words(Incident.model_validate_json(record))
            run("UPDATE incidents SET words = ? WHERE id = ?", (words, incident_id))
        run(f"PRAGMA user_version = {_VERSION}")

    def _allow_readers(self) -> None:
        """Write ahead, so that readers go on beside the writer; SQLite does not wait for that."""
        patience = monotonic() + _BUSY_S
        while True:
            try:
                self._connection.execute("PRAGMA journal_mode = WAL")
            except sqlite3.OperationalError as trouble:
                if trouble.sqlite_errorcode != sqlite3.SQLITE_BUSY or monotonic() > patience:
                    raise
                sleep(_PAUSE_S)
            else:
                return

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        finally:
            if self._connection.in_transaction:  # SQLite itself rolls back on a full disk
                self._connection.execute("ROLLBACK")

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as trouble:
            raise BrokenWorld(f"store {self._path}: {trouble}") from trouble


def _words(incident: Incident) -> str:
    """Return the words of an incident, each once and behind a space: so a beginning is found."""
    found = {word for text in searched(incident) for word in words_of(text)}
    return "".join(f" {word}" for word in sorted(found))

"""Incidents at rest, behind one small interface.

Law: writing is a revision-guarded upsert: an older revision never overwrites a newer one, the same
one again is fine. What comes out is byte for byte what went in.
"""

from pipeline.store.open import open_store
from pipeline.store.searching import finds, search_words, searched
from pipeline.store.store import IncidentStore, Query, Refused, RevisionHistory, matches

__all__ = [
    "IncidentStore",
    "Query",
    "Refused",
    "RevisionHistory",
    "finds",
    "matches",
    "open_store",
    "search_words",
    "searched",
]

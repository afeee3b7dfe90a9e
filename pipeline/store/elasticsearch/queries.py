"""What is asked of the server for a list or a search; pure.

In: what is wanted. Out: a query that finds at least that, and nothing that is not ours: where a
document's lists were cut, whoever reads its record looks again.
"""

from collections.abc import Sequence
from typing import Any

from pipeline.store.elasticsearch.documents import DATASET, MAX_CHARACTERS, MAX_WORD
from pipeline.store.store import Query

Clause = dict[str, Any]

ORDER: list[Clause] = [
    {"incident.started_us": {"order": "asc", "unmapped_type": "long"}},
    {"incident.id": {"order": "asc", "unmapped_type": "keyword"}},
]
"""By start, then id."""


def ours(clause: Clause) -> Clause:
    """Return a clause for our documents alone."""
    return {"bool": {"filter": [{"term": {"event.dataset": DATASET}}, clause]}}


def asked(query: Query, words: Sequence[str] = ()) -> Clause:
    """Return what finds the incidents of a query that have words with these beginnings."""
    clauses: list[Clause] = []
    if query.application is not None:
        clauses.append(_any({"term": {"incident.application": query.application}}))
    if query.node is not None:
        fields = ("incident.nodes", "incident.cause_nodes")
        clauses.append(_any(*({"term": {field: query.node}} for field in fields)))
    if query.status is not None:
        clauses.append({"term": {"incident.status": query.status}})
    if query.id_prefix:
        clauses.append({"prefix": {"incident.id": query.id_prefix[:MAX_CHARACTERS]}})
    clauses += [_any({"prefix": {"incident.words": word[:MAX_WORD]}}) for word in words]
    return ours({"bool": {"filter": clauses}} if clauses else {"match_all": {}})


def _any(*clauses: Clause) -> Clause:
    return {"bool": {"should": [{"term": {"incident.cut": True}}, *clauses]}}

"""What Kibana would ask Elasticsearch for our saved objects: the translation is ours.

Kibana makes these requests in the browser; there is none here. KQL is parsed by ``kibana-ql``,
whose grammar is Kibana's, and turned into the query DSL as Kibana's documentation describes it: a
value is ``match``, a quoted one ``match_phrase``, an asterisk ``exists``. Of a Lens panel, groups
nest in the order of its columns and measures lie innermost. What differs: an "automatic" step of
time is a day, "now" is the test's, the latest value is read by ``top_hits`` where Kibana uses
``top_metrics`` (the engine of the tests lacks it), and what is left as "Other" is not asked for.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from kibana_ql import KqlParser

Json = dict[str, Any]

_PARSER = KqlParser()


def parsed(kql: str) -> Json:
    """Return the tree of a query; raises whatever the parser has for a wrong one."""
    tree: Json = _PARSER.ast(_PARSER.parse(kql))
    return tree


def fields_of(tree: Json) -> Iterator[str]:
    """Yield the fields that a query names."""
    if "field" in tree:
        yield tree["field"]
    for part in (tree.get("left"), tree.get("right"), tree.get("expr"), *tree.get("exprs", ())):
        if isinstance(part, dict):
            yield from fields_of(part)


def query_of(kql: str, period: Mapping[str, str], now: str) -> Json:
    """Return a KQL query within a period as query DSL."""
    times = {
        "gte": period["from"].replace("now", f"{now}||"),
        "lte": period["to"].replace("now", f"{now}||"),
    }
    asked = [_dsl(parsed(kql))] if kql else []
    return {"bool": {"filter": [*asked, {"range": {"@timestamp": times}}]}}


def search_request(attributes: Json, period: Mapping[str, str], now: str) -> Json:
    """Return what Discover asks for a saved search."""
    source = json.loads(attributes["kibanaSavedObjectMeta"]["searchSourceJSON"])
    period = attributes.get("timeRange", period)
    return {
        "query": query_of(source["query"]["query"], period, now),
        "sort": [{field: {"order": order}} for field, order in attributes["sort"]],
        "fields": attributes["columns"],
        "size": 500,
    }


def lens_request(attributes: Json, period: Mapping[str, str], now: str) -> Json:
    """Return what a Lens panel asks."""
    layer = layer_of(attributes)
    request: Json = {
        "query": query_of(attributes["state"]["query"]["query"], period, now),
        "size": 0,
        "track_total_hits": True,
    }
    measures = {
        name: _measure(column)
        for name, column in layer["columns"].items()
        if not column["isBucketed"] and _measure(column)
    }
    inner = measures
    for name in reversed(layer["columnOrder"]):
        column = layer["columns"][name]
        if column["isBucketed"]:
            inner = {name: {**_group(column), "aggs": inner}}
    return {**request, "aggs": inner}


def rows_of(attributes: Json, answer: Json) -> list[Json]:
    """Return what a Lens panel shows, one mapping by column a row."""
    layer = layer_of(attributes)
    groups = [name for name in layer["columnOrder"] if layer["columns"][name]["isBucketed"]]
    whole = {"doc_count": answer["hits"]["total"]["value"], **answer.get("aggregations", {})}
    return list(_rows(layer["columns"], groups, whole))


def layer_of(attributes: Json) -> Json:
    """Return a Lens panel's only layer."""
    ((_, layer),) = attributes["state"]["datasourceStates"]["formBased"]["layers"].items()
    found: Json = layer
    return found


def _rows(columns: Json, groups: list[str], bucket: Json) -> Iterator[Json]:
    if not groups:
        measures = (name for name in columns if not columns[name]["isBucketed"])
        yield {name: _value(columns[name], name, bucket) for name in measures}
        return
    for each in bucket[groups[0]]["buckets"]:
        for row in _rows(columns, groups[1:], each):
            yield {groups[0]: each.get("key_as_string", each["key"]), **row}


def _group(column: Json) -> Json:
    if column["operationType"] == "date_histogram":
        return {"date_histogram": {"field": column["sourceField"], "calendar_interval": "1d"}}
    params = column["params"]
    assert params["orderBy"] == {"type": "column", "columnId": "count"}
    order = {"_count": params["orderDirection"]}
    return {"terms": {"field": column["sourceField"], "size": params["size"], "order": order}}


def _measure(column: Json) -> Json:
    field = column["sourceField"]
    match column["operationType"]:
        case "count":
            return {"filter": _dsl(parsed(column["filter"]["query"]))} if "filter" in column else {}
        case "unique_count":
            return {"cardinality": {"field": field}}
        case "sum":
            return {"sum": {"field": field}}
        case "median":
            return {"percentiles": {"field": field, "percents": [50]}}
        case "percentile":
            return {"percentiles": {"field": field, "percents": [column["params"]["percentile"]]}}
        case "last_value":
            latest = [{column["params"]["sortField"]: "desc"}]
            hit = {"top_hits": {"size": 1, "sort": latest, "_source": False, "fields": [field]}}
            return {"filter": _dsl(parsed(column["filter"]["query"])), "aggs": {"hit": hit}}
    raise AssertionError(column["operationType"])


def _value(column: Json, name: str, bucket: Json) -> Any:  # noqa: ANN401 - whatever is measured
    match column["operationType"]:
        case "count":
            return bucket[name]["doc_count"] if "filter" in column else bucket["doc_count"]
        case "median" | "percentile":
            ((_, value),) = bucket[name]["values"].items()
            return value
        case "last_value":
            hits = bucket[name]["hit"]["hits"]["hits"]
            return hits[0]["fields"][column["sourceField"]][0] if hits else None
        case _:
            return bucket[name]["value"]


def _dsl(tree: Json) -> Json:
    match tree.get("op"):
        case "and":
            return {"bool": {"filter": [_dsl(part) for part in _parts(tree)]}}
        case "or":
            return _any_of([_dsl(part) for part in _parts(tree)])
        case "not":
            return {"bool": {"must_not": _dsl(tree["expr"])}}
        case None:
            return _is(tree["field"], tree["value"])
        case comparison:
            raise AssertionError(f"{comparison}: no query of ours compares")


def _is(field: str, value: object) -> Json:
    if isinstance(value, dict):  # field: (one or another)
        assert value["op"] == "or"
        return _any_of([_is(field, each) for each in _parts(value)])
    if isinstance(value, str):
        return {"match_phrase": {field: value}}
    (word,) = value
    return {"exists": {"field": field}} if word == "*" else {"match": {field: word}}


def _any_of(queries: list[Json]) -> Json:
    return {"bool": {"should": queries, "minimum_should_match": 1}}


def _parts(tree: Json) -> list[Any]:
    right = tree["right"]
    more = right["exprs"] if isinstance(right, dict) and "exprs" in right else [right]
    return [tree["left"], *more]

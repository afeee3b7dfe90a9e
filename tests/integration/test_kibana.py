"""Searches and panels of the dashboard on the real engine: each finds what its title says.

Kibana itself is not there: what it would ask, says ``kibana_asks``.
"""

import json
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from incident_values import at, incident
from kibana_asks import lens_request, rows_of, search_request
from pipeline.kibana.incidents import saved_objects
from pipeline.records import Incident
from pipeline.settings_elasticsearch import ElasticsearchSettings
from pipeline.store.elasticsearch.ensure import ensure
from pipeline.store.elasticsearch.store import ElasticsearchStore
from servers.elasticsearch_server import Elasticsearch

ALIAS = "kibana-incidents"
DAY = 86_400.0
NOW = f"{at(0):%Y-%m-%dT%H:%M:%SZ}"
OBJECTS = {each["id"].removeprefix(f"aftershock-{ALIAS}-"): each for each in saved_objects(ALIAS)}
BOARD = OBJECTS["dashboard"]["attributes"]
PANELS = {
    panel["panelIndex"].removeprefix(f"aftershock-{ALIAS}-"): panel
    for panel in json.loads(BOARD["panelsJSON"])
}
MONTH = {"from": BOARD["timeFrom"], "to": BOARD["timeTo"]}

Json = dict[str, Any]
Ask = Any


def changed(made: Incident, **fields: object) -> Incident:
    return made.model_copy(update=fields)


def incidents() -> list[Incident]:
    """Return incidents of the last months, among them one that was merged and counts nowhere."""
    user = "hub/user/alice-40x"
    hit = {"nodes": ("db", "hub", user)}
    unsure = {"verdict": "ambiguous", "unobserved": ("proxy",), "severity": "minor"}
    slow = {"detected_at": at(-3 * DAY + 65), "resolved_at": at(-3 * DAY + 100)}
    lost = {"merged_into": "new", "verdict": "unknown", "unobserved": ("proxy",)}
    return [
        changed(incident("new", start=-3_600), **hit),
        changed(incident("back", start=-2 * DAY, status="resolved"), reopened=2),
        changed(incident("vague", start=-3 * DAY, status="resolved", node="hub"), **unsure, **slow),
        changed(incident("gone", start=-2 * DAY, status="merged"), **hit, **lost),
        changed(incident("old", start=-80 * DAY, status="resolved", node="hub")),
        changed(incident("ancient", start=-400 * DAY), causes=(), verdict="unknown"),
    ]


@pytest.fixture(scope="module")
def indexed(elasticsearch: Elasticsearch) -> Iterator[Elasticsearch]:
    """The engine with those incidents behind an alias of the tests' own."""
    settings = ElasticsearchSettings(alias=ALIAS, replicas=0)
    ensure(elasticsearch.url, settings)
    store = ElasticsearchStore(elasticsearch.url, settings)
    assert not store.put(incidents())
    store.close()
    yield elasticsearch
    asked(elasticsearch, "DELETE", "/" + ",".join(asked(elasticsearch, "GET", f"/{ALIAS}")))


@pytest.fixture
def ask(indexed: Elasticsearch) -> Ask:
    """Ask what is behind the alias."""
    asked(indexed, "POST", f"/{ALIAS}/_refresh")
    return lambda body: asked(indexed, "POST", f"/{ALIAS}/_search", body)


def asked(server: Elasticsearch, method: str, path: str, body: Json | None = None) -> Json:
    request = urllib.request.Request(  # noqa: S310 - our own, on loopback
        server.url + path,
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request) as answer:  # noqa: S310 - as above
        found: Json = json.load(answer)
        return found


def found(ask: Ask, name: str, typed: str = "*") -> list[str]:
    """Return the ids that a saved search finds, in its order; ``typed`` replaces its asterisk."""
    request = search_request(OBJECTS[name]["attributes"], MONTH, NOW)
    text = json.dumps(request).replace(
        '{"exists": {"field": "related.user"}}', f'{{"match": {{"related.user": "{typed}"}}}}'
    )
    answer = ask(request if typed == "*" else json.loads(text))
    assert answer["hits"]["total"]["value"] == len(answer["hits"]["hits"])
    return [hit["_id"] for hit in answer["hits"]["hits"]]


def shown(ask: Ask, name: str) -> list[Json]:
    """Return the rows of a panel, in the period that it has on the dashboard."""
    attributes = OBJECTS[name]["attributes"]
    period = PANELS[name]["embeddableConfig"].get("timeRange", MONTH)
    return rows_of(attributes, ask(lens_request(attributes, period, NOW)))


def test_open_incidents_are_found_however_long_ago_they_began(ask: Ask) -> None:
    assert found(ask, "open") == ["new", "ancient"]


@pytest.mark.parametrize("typed", ["*", "alice-40x", "alice@x"])
def test_what_hit_a_user_is_found_by_both_spellings_of_the_name(ask: Ask, typed: str) -> None:
    assert found(ask, "user", typed) == ["new"]


def test_what_hit_somebody_else_is_not_found(ask: Ask) -> None:
    assert found(ask, "user", "bob") == []


def test_incidents_are_sorted_by_cause_then_the_latest_first(ask: Ask) -> None:
    assert found(ask, "by-cause") == ["new", "back", "vague"]


def test_low_confidence_is_what_is_ambiguous_or_unknown(ask: Ask) -> None:
    assert found(ask, "low-confidence") == ["vague"]


def test_blind_spots_are_incidents_with_nodes_that_nobody_observes(ask: Ask) -> None:
    assert found(ask, "blind-spots") == ["vague"]


def test_searches_find_all_their_columns(ask: Ask) -> None:
    request = search_request(OBJECTS["blind-spots"]["attributes"], MONTH, NOW)
    (hit,) = ask(request)["hits"]["hits"]
    assert hit["fields"]["incident.unobserved"] == ["proxy"]
    assert hit["fields"].keys() == {*request["fields"]} - {"incident.counterfactual"}


def test_open_now_counts_all_that_are_open(ask: Ask) -> None:
    assert shown(ask, "open-now") == [{"open": 2}]


def test_users_hit_are_counted_once_each(ask: Ask) -> None:
    assert shown(ask, "users-hit") == [{"users": 1}]


def test_time_to_detect_is_that_of_the_incidents_of_the_period(ask: Ask) -> None:
    (row,) = shown(ask, "time-to-detect")
    assert row["median"] == 5  # s, of 5, 5 and 65
    assert 5 < row["p95"] <= 65


def test_incidents_of_low_confidence_are_counted_beside_all(ask: Ask) -> None:
    assert shown(ask, "unsure") == [{"incidents": 3, "unsure": 1}]


def test_incidents_over_time_by_severity(ask: Ask) -> None:
    rows = [(row["severity"], row["time"][:10], row["count"]) for row in shown(ask, "by-severity")]
    day = [f"{at(-days * DAY):%Y-%m-%d}" for days in range(4)]
    assert [row for row in rows if row[2]] == [
        ("major", day[2], 1),
        ("major", day[0], 1),
        ("minor", day[3], 1),
    ]


def test_incidents_over_time_by_cause(ask: Ask) -> None:
    rows = [(row["cause"], row["count"]) for row in shown(ask, "causes-over-time") if row["count"]]
    assert rows == [("db", 1), ("db", 1), ("hub", 1)]


def test_top_causes_are_those_of_most_incidents(ask: Ask) -> None:
    assert shown(ask, "top-causes") == [{"cause": "db", "count": 2}, {"cause": "hub", "count": 1}]


def test_time_to_detect_over_time(ask: Ask) -> None:
    rows = shown(ask, "detect-over-time")
    assert [row["median"] for row in rows] == [65, 5, None, 5]


def test_chronic_causes_are_counted_over_ninety_days(ask: Ask) -> None:
    db, hub = shown(ask, "chronic")
    assert (db["cause"], db["count"], db["open"], db["reopened"]) == ("db", 2, 1, 2)
    assert (hub["cause"], hub["count"], hub["open"], hub["reopened"]) == ("hub", 2, 0, 0)
    assert (db["duration"], hub["duration"]) == (300, 200)  # s; half-way between 100 and 300
    assert db["latest"][:19] == f"{at(-3_600):%Y-%m-%dT%H:%M:%S}"


def test_every_panel_of_the_dashboard_was_asked() -> None:
    tested = {"open", "open-now", "users-hit", "time-to-detect", "unsure", "by-severity"}
    tested |= {"causes-over-time", "top-causes", "detect-over-time", "chronic"}
    assert PANELS.keys() == tested

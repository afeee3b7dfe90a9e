"""Saved objects as Kibana's import takes them; pure.

In: titles, fields, queries. Out: one mapping an object, and the lines of an import file. Every
object bears the oldest stamps that its shape has: a newer Kibana brings it up to date, an older one
refuses it. The shapes are those of 8.9, which all later versions read.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]

OLDEST = (8, 9)
"""The oldest Kibana that takes these objects."""
CORE_STAMP = "8.8.0"
STAMPS = {
    "index-pattern": "7.11.0",
    "search": "7.9.3",
    "lens": "8.9.0",
    "dashboard": "8.7.0",
}
"""Of each type, the version whose shape this is."""
GRID = 48
"""Columns of a dashboard."""
LAYER = "incidents"
"""The only layer of each panel of ours."""

_PANEL_STAMP = "8.8.0"
_INDEX = "kibanaSavedObjectMeta.searchSourceJSON.index"
_HEEDED = {
    "ignoreFilters": False,
    "ignoreQuery": False,
    "ignoreTimerange": False,
    "ignoreValidations": False,
}
"""Controls offer the values that the rest of the page leaves."""
_EMPTY = {"query": {"language": "kuery", "query": ""}, "filter": []}


@dataclass(frozen=True, slots=True)
class Period:
    """A time range that a search or panel has whatever the page shows."""

    start: str
    end: str = "now"

    def as_json(self) -> Json:
        """Return it as Kibana spells it."""
        return {"from": self.start, "to": self.end}


@dataclass(frozen=True, slots=True)
class Panel:
    """A saved object on a dashboard: where it lies on the grid, and how it differs there."""

    shown: Json
    x: int
    y: int
    width: int
    height: int
    period: Period | None = None


def data_view(ident: str, title: str, *, pattern: str, formats: Mapping[str, Json]) -> Json:
    """Return a data view on a pattern of index names, with formats of some of its fields."""
    attributes = {
        "title": pattern,
        "name": title,
        "timeFieldName": "@timestamp",
        "fields": "[]",  # asked from the server each time
        "fieldAttrs": "{}",
        "fieldFormatMap": _text(formats),
        "runtimeFieldMap": "{}",
        "sourceFilters": "[]",
    }
    return _saved("index-pattern", ident, attributes, [])


def search(  # noqa: PLR0913 - what a search is
    ident: str,
    title: str,
    description: str,
    *,
    view: Json,
    query: str,
    columns: Sequence[str],
    sort: Sequence[tuple[str, str]] = (("@timestamp", "desc"),),
    period: Period | None = None,
) -> Json:
    """Return a saved search."""
    source = {
        "query": {"language": "kuery", "query": query},
        "filter": [],
        "indexRefName": _INDEX,
    }
    attributes: Json = {
        "title": title,
        "description": description,
        "columns": list(columns),
        "sort": [list(by) for by in sort],
        "grid": {},
        "hideChart": False,
        "isTextBasedQuery": False,
        "timeRestore": period is not None,
        "kibanaSavedObjectMeta": {"searchSourceJSON": _text(source)},
    }
    if period is not None:
        attributes["timeRange"] = period.as_json()
    return _saved("search", ident, attributes, [_reference(_INDEX, view)])


def lens(  # noqa: PLR0913 - what a panel is
    ident: str,
    title: str,
    description: str,
    *,
    view: Json,
    query: str,
    columns: Mapping[str, Json],
    drawn: tuple[str, Json],
) -> Json:
    """Return a Lens panel: columns in the order in which they nest, and how they are drawn."""
    layer = {"columns": dict(columns), "columnOrder": list(columns), "incompleteColumns": {}}
    kind, visualization = drawn
    attributes = {
        "title": title,
        "description": description,
        "visualizationType": kind,
        "state": {
            "visualization": visualization,
            "query": {"language": "kuery", "query": query},
            "filters": [],
            "datasourceStates": {"formBased": {"layers": {LAYER: layer}}},
            "internalReferences": [],
            "adHocDataViews": {},
        },
    }
    name = f"indexpattern-datasource-layer-{LAYER}"
    return _saved("lens", ident, attributes, [_reference(name, view)])


def dashboard(  # noqa: PLR0913 - what a dashboard is
    ident: str,
    title: str,
    description: str,
    *,
    view: Json,
    panels: Sequence[Panel],
    controls: Mapping[str, str],
    period: Period,
) -> Json:
    """Return a dashboard of saved objects, with controls that filter it: field → title."""
    named = {f"filter-{field}": (field, label) for field, label in controls.items()}
    attributes = {
        "title": title,
        "description": description,
        "version": 1,
        "timeRestore": True,
        "timeFrom": period.start,
        "timeTo": period.end,
        "refreshInterval": {"pause": False, "value": 60_000},
        "optionsJSON": _text(
            {
                "hidePanelTitles": False,
                "syncColors": True,
                "syncCursor": True,
                "syncTooltips": False,
                "useMargins": True,
            }
        ),
        "panelsJSON": _text([_panel(panel) for panel in panels]),
        "controlGroupInput": {
            "chainingSystem": "HIERARCHICAL",
            "controlStyle": "oneLine",
            "ignoreParentSettingsJSON": _text(_HEEDED),
            "panelsJSON": _text(
                {
                    name: _control(name, order, field, label)
                    for order, (name, (field, label)) in enumerate(named.items())
                }
            ),
        },
        "kibanaSavedObjectMeta": {"searchSourceJSON": _text(_EMPTY)},
    }
    references = [
        _reference(f"{panel.shown['id']}:panel_{panel.shown['id']}", panel.shown)
        for panel in panels
    ]
    references += [_reference(f"controlGroup_{name}:optionsListDataView", view) for name in named]
    return _saved("dashboard", ident, attributes, references)


def ndjson(objects: Iterable[Json]) -> bytes:
    """Return an import file; the same objects are the same bytes."""
    return "".join(_text(each) + "\n" for each in objects).encode()


def _panel(panel: Panel) -> Json:
    index = panel.shown["id"]
    place = {"x": panel.x, "y": panel.y, "w": panel.width, "h": panel.height, "i": index}
    config: Json = {"enhancements": {}}
    if panel.period is not None:
        config["timeRange"] = panel.period.as_json()
    return {
        "version": _PANEL_STAMP,
        "type": panel.shown["type"],
        "panelIndex": index,
        "gridData": place,
        "embeddableConfig": config,
        "panelRefName": f"panel_{index}",
    }


def _control(name: str, order: int, field: str, label: str) -> Json:
    explicit = {
        "id": name,
        "fieldName": field,
        "title": label,
        "selectedOptions": [],
        "enhancements": {},
    }
    return {
        "type": "optionsListControl",
        "order": order,
        "grow": True,
        "width": "medium",
        "explicitInput": explicit,
    }


def _saved(kind: str, ident: str, attributes: Json, references: list[Json]) -> Json:
    return {
        "type": kind,
        "id": ident,
        "attributes": attributes,
        "references": references,
        "coreMigrationVersion": CORE_STAMP,
        "typeMigrationVersion": STAMPS[kind],
    }


def _reference(name: str, to: Json) -> Json:
    return {"name": name, "type": to["type"], "id": to["id"]}


def _text(content: object) -> str:
    return json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))

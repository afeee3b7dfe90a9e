"""The import file without a Kibana: what can be wrong with it that a reader of it can see."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from kibana_asks import fields_of, layer_of, parsed
from pipeline.cli import app
from pipeline.kibana.columns import RECORDS
from pipeline.kibana.incidents import saved_objects
from pipeline.kibana.shapes import CORE_STAMP, GRID, ndjson
from pipeline.store.elasticsearch.mappings import mappings

FILE = Path(__file__).parents[2] / "deploy" / "kibana" / "aftershock.ndjson"
OBJECTS = [json.loads(line) for line in FILE.read_text(encoding="utf-8").splitlines()]
GROUPED = {"keyword", "date", "boolean"}
MEASURED = {"long", "double", "date"}

Json = dict[str, Any]


def of_type(kind: str) -> list[Json]:
    return [each for each in OBJECTS if each["type"] == kind]


def texts(value: object) -> Iterator[str]:
    """Yield every text that must be JSON, by the names that Kibana gives such."""
    if isinstance(value, dict):
        for name, part in value.items():
            if name.endswith(("JSON", "Map")) or name in {"fields", "fieldAttrs"}:
                yield part
            else:
                yield from texts(part)


def field_types(properties: Json, path: str = "", nested: str = "") -> Iterator[tuple[str, str]]:
    """Yield each field that the server has with its type; of those in a nested object, "nested"."""
    for name, of in properties.items():
        here = "nested" if of.get("type") == "nested" else nested
        if "properties" in of:
            yield from field_types(of["properties"], f"{path}{name}.", here)
        else:
            yield path + name, nested or of["type"]


TYPES = dict(field_types(mappings()["properties"]))


def queries() -> Iterator[str]:
    for each in OBJECTS:
        attributes = each["attributes"]
        if each["type"] == "search":
            source = json.loads(attributes["kibanaSavedObjectMeta"]["searchSourceJSON"])
            yield source["query"]["query"]
        if each["type"] == "lens":
            yield attributes["state"]["query"]["query"]
            yield from (
                column["filter"]["query"]
                for column in layer_of(attributes)["columns"].values()
                if "filter" in column
            )


def test_the_file_is_what_the_program_makes() -> None:
    assert (
        CliRunner().invoke(app, ["kibana", "export", "--check", "--output", str(FILE)]).exit_code
        == 0
    )
    assert ndjson(saved_objects("incidents")) == FILE.read_bytes()


def test_a_changed_file_does_not_pass(tmp_path: Path) -> None:
    changed = tmp_path / "aftershock.ndjson"
    changed.write_bytes(FILE.read_bytes() + b"\n")
    assert (
        CliRunner().invoke(app, ["kibana", "export", "--check", "--output", str(changed)]).exit_code
    )


def test_each_object_is_stamped_with_the_oldest_version_of_its_shape() -> None:
    stamps = {(each["type"], each["typeMigrationVersion"]) for each in OBJECTS}
    assert stamps == {
        ("index-pattern", "7.11.0"),
        ("search", "7.9.3"),
        ("lens", "8.9.0"),
        ("dashboard", "8.7.0"),
    }
    assert {each["coreMigrationVersion"] for each in OBJECTS} == {CORE_STAMP} == {"8.8.0"}


def test_no_two_objects_have_one_id_also_in_other_spaces() -> None:
    everywhere = [*OBJECTS, *saved_objects("incidents", "ops"), *saved_objects("others")]
    assert len({each["id"] for each in everywhere}) == 3 * len(OBJECTS)


def test_what_kibana_keeps_as_text_is_json() -> None:
    found = [text for each in OBJECTS for text in texts(each["attributes"])]
    assert len(found) == 4 + 5 + 5  # of the data view, the searches, the dashboard
    for text in found:
        json.loads(text)


def test_references_lead_to_objects_in_the_file() -> None:
    known = {(each["type"], each["id"]) for each in OBJECTS}
    assert all((to["type"], to["id"]) in known for each in OBJECTS for to in each["references"])


def test_references_have_the_names_that_kibana_looks_for() -> None:
    for each in of_type("search"):
        assert [to["name"] for to in each["references"]] == [
            json.loads(each["attributes"]["kibanaSavedObjectMeta"]["searchSourceJSON"])[
                "indexRefName"
            ]
        ]
    for each in of_type("lens"):
        layers = each["attributes"]["state"]["datasourceStates"]["formBased"]["layers"]
        names = [f"indexpattern-datasource-layer-{layer}" for layer in layers]
        assert [to["name"] for to in each["references"]] == names
    for each in of_type("dashboard"):
        panels = json.loads(each["attributes"]["panelsJSON"])
        controls = json.loads(each["attributes"]["controlGroupInput"]["panelsJSON"])
        assert {(to["name"], to["type"]) for to in each["references"]} == {
            *((f"{at['panelIndex']}:{at['panelRefName']}", at["type"]) for at in panels),
            *((f"controlGroup_{name}:optionsListDataView", "index-pattern") for name in controls),
        }


def test_panels_fill_the_grid_without_overlap() -> None:
    (board,) = of_type("dashboard")
    places = [panel["gridData"] for panel in json.loads(board["attributes"]["panelsJSON"])]
    cells = [
        (x, y)
        for at in places
        for x in range(at["x"], at["x"] + at["w"])
        for y in range(at["y"], at["y"] + at["h"])
    ]
    assert len(cells) == len(set(cells)) == GRID * (1 + max(y for _, y in cells))


@pytest.mark.parametrize("kql", sorted(set(queries())))
def test_queries_parse_and_ask_for_fields_that_are_searchable(kql: str) -> None:
    fields = set(fields_of(parsed(kql)))
    assert fields
    assert all(TYPES[field] in GROUPED | MEASURED for field in fields)


@pytest.mark.parametrize("saved", of_type("search"), ids=lambda each: each["id"])
def test_searches_show_fields_that_exist_and_sort_by_such_that_can(saved: Json) -> None:
    attributes = saved["attributes"]
    assert set(attributes["columns"]) <= TYPES.keys()
    assert all(TYPES[field] in GROUPED for field, _ in attributes["sort"])


@pytest.mark.parametrize("panel", of_type("lens"), ids=lambda each: each["id"])
def test_panels_group_and_measure_fields_whose_type_can(panel: Json) -> None:
    layer = layer_of(panel["attributes"])
    assert set(layer["columnOrder"]) == layer["columns"].keys()
    for column in layer["columns"].values():
        if column["sourceField"] == RECORDS:
            assert column["operationType"] == "count"
        elif column["isBucketed"] or column["operationType"] == "unique_count":
            assert TYPES[column["sourceField"]] in GROUPED
        else:
            assert TYPES[column["sourceField"]] in MEASURED


@pytest.mark.parametrize("panel", of_type("lens"), ids=lambda each: each["id"])
def test_panels_draw_all_their_columns_and_no_others(panel: Json) -> None:
    def mentioned(value: object) -> Iterator[str]:
        if isinstance(value, dict):
            for name, part in value.items():
                if name.endswith("ccessor") or name == "columnId":
                    yield part
                elif name == "accessors":
                    yield from part
                else:
                    yield from mentioned(part)
        if isinstance(value, list):
            for part in value:
                yield from mentioned(part)

    drawn = sorted(mentioned(panel["attributes"]["state"]["visualization"]))
    assert drawn == sorted(layer_of(panel["attributes"])["columns"])


def test_controls_and_formats_are_of_fields_that_exist() -> None:
    (board,), (view,) = of_type("dashboard"), of_type("index-pattern")
    controls = json.loads(board["attributes"]["controlGroupInput"]["panelsJSON"]).values()
    assert all(TYPES[of["explicitInput"]["fieldName"]] == "keyword" for of in controls)
    assert json.loads(view["attributes"]["fieldFormatMap"]).keys() <= TYPES.keys()


def test_an_incident_links_to_a_search_that_is_imported_with_it() -> None:
    for space in ("default", "ops"):
        view, *others = saved_objects("incidents", space)
        link = json.loads(view["attributes"]["fieldFormatMap"])["incident.id"]["params"][
            "urlTemplate"
        ]
        searches = [each["id"] for each in others if each["type"] == "search"]
        assert any(link.startswith(f"discover#/view/{ident}?") for ident in searches)
        assert link.endswith("incident.id:%22{{value}}%22'))")

"""PetShop's conversion: directions, units, times, and that nothing tells which issue it is."""

import json
from pathlib import Path
from typing import Any

import yaml

from benchmarks.truth.branching import alike, lines_of
from benchmarks.truth.petshop import convert


def _samples(path: Path, node: str, name: str) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in lines_of(path)]
    return [line for line in lines if (line["node"], line["name"]) == (node, name)]


def test_cause_and_effect_are_the_reverse_of_a_call(shop: Path, tmp_path: Path) -> None:
    topology = yaml.safe_load(convert(shop, tmp_path / "out")[0].topology.read_text("utf-8"))
    edges = {(edge["cause"], edge["effect"]) for edge in topology["edges"]}
    assert edges == {("Search", "PetSite"), ("lb_remote", "PetSite")}  # and nobody affects itself


def test_the_entry_is_one_and_a_view_of_calls_is_an_endpoint(shop: Path, tmp_path: Path) -> None:
    topology = yaml.safe_load(convert(shop, tmp_path / "out")[0].topology.read_text("utf-8"))
    by_id = {node.pop("id"): node for node in topology["nodes"]}
    assert by_id == {"PetSite": {"entry": True}, "Search": {}, "lb_remote": {"kind": "endpoint"}}


def test_full_availability_is_an_error_ratio_of_zero(shop: Path, tmp_path: Path) -> None:
    first = convert(shop, tmp_path / "out")[0].observations
    ratios = [sample["value"] for sample in _samples(first, "Search", "request_error_ratio")]
    assert ratios == [0.0, 0.0, 0.015, 0.0, 0.03]


def test_what_is_counted_and_timed_keeps_its_unit(shop: Path, tmp_path: Path) -> None:
    first = convert(shop, tmp_path / "out")[0].observations
    assert _samples(first, "Search", "request_count")[0]["value"] == 12.0
    assert _samples(first, "Search", "request_duration_seconds")[0]["value"] == 0.25
    assert _samples(first, "PetSite", "request_duration_p99_seconds")[0]["value"] == 0.5


def test_an_issue_follows_the_baseline_without_a_gap(shop: Path, tmp_path: Path) -> None:
    for recording in convert(shop, tmp_path / "out"):
        samples = _samples(recording.observations, "Search", "request_count")
        assert [sample["time"][11:19] for sample in samples] == [
            "22:13:20", "22:18:20", "22:23:20", "22:28:20", "22:33:20"
        ]  # fmt: skip


def test_an_empty_cell_is_no_sample(shop: Path, tmp_path: Path) -> None:
    second = convert(shop, tmp_path / "out")[1].observations
    assert len(_samples(second, "Search", "request_error_ratio")) == 4


def test_nothing_but_the_rows_of_the_issue_tells_which_it_is(shop: Path, tmp_path: Path) -> None:
    one, other = (lines_of(each.observations) for each in convert(shop, tmp_path / "out"))
    assert alike(one, other) >= 3 * 4  # all of the baseline
    assert {key for line in (*one, *other) for key in json.loads(line)} == {
        "signal", "time", "node", "name", "value"
    }  # fmt: skip
    assert b"issue" not in b"".join((*one, *other))


def test_labels_name_the_cause_the_alarmed_node_and_the_issue_s_time(
    shop: Path, tmp_path: Path
) -> None:
    quiet, fault = json.loads(convert(shop, tmp_path / "out")[0].labels.read_text())["cases"]
    assert (quiet["root_cause"], quiet["end"]) == ([], fault["start"])
    assert (fault["root_cause"], fault["affected"]) == (["Search"], ["PetSite"])
    assert (fault["start"][11:19], fault["end"][11:19]) == ("22:23:20", "22:33:20")

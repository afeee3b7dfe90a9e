"""The catalogue: all scenarios, found by id or name."""

import re

import pytest

from pipeline.errors import UsageError
from pipeline.simulate.scenarios.catalogue import CATALOGUE, chosen


def test_all_scenarios_are_there_in_order_each_with_a_name_of_its_own() -> None:
    assert list(CATALOGUE) == [f"S{number:02}" for number in range(1, 29)]
    names = [scenario.name for scenario in CATALOGUE.values()]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", name) for name in names)


def test_a_recording_fits_into_a_day_with_a_gap_to_the_next() -> None:
    assert all(0 < scenario.needs_s < 17 * 3600 for scenario in CATALOGUE.values())


def test_scenarios_are_found_by_id_or_name_each_once_in_the_catalogues_order() -> None:
    found = chosen(["database-dies", "s17", "S1", "S02"])
    assert [scenario.id for scenario in found] == ["S01", "S02", "S17"]


def test_what_is_not_there_is_told_with_what_is_near() -> None:
    with pytest.raises(UsageError, match=r"databse-dies: .* did you mean .*S01 \(database-dies\)"):
        chosen(["S01", "databse-dies"])

"""The gate: no score below its floor (``benchmarks/truth/floors.yaml``)."""

from collections.abc import Iterable, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import yaml

from benchmarks.truth import nezha, petshop, simulated
from benchmarks.truth.case import DATA, data_folder
from benchmarks.truth.run import analysed, pooled
from pipeline.score import Scores, shortfalls
from pipeline.score.thresholds import AT_LEAST, AT_MOST
from pipeline.simulate.scenarios.catalogue import CATALOGUE

FILE = Path(petshop.__file__).with_name("floors.yaml")
FLOORS: Mapping[str, Any] = yaml.safe_load(FILE.read_text("utf-8"))

pytestmark = [pytest.mark.truth, pytest.mark.timeout(900)]


def _check(name: str, scores: Scores, floor: Mapping[str, Any]) -> None:
    missed = shortfalls(scores, floor["require"])
    assert not missed, (
        f"{name}: {'; '.join(missed)} (a floor falls only with a reason: {FILE.name})"
    )


def test_petshop_train_keeps_its_floors(tmp_path: Path) -> None:
    source = data_folder() / petshop.FOLDER
    if not source.is_dir():
        pytest.skip(f"no PetShop data at {source}: name the folder that holds it by {DATA}")
    report = pooled(analysed(petshop.convert(source, tmp_path)))
    _check("petshop", report.total, FLOORS["petshop"]["all"])
    for kind, floor in FLOORS["petshop"]["kinds"].items():
        _check(f"petshop, {kind}", report.by_kind[kind], floor)


def test_nezha_s_day_keeps_its_floor(tmp_path: Path) -> None:
    archive = data_folder() / nezha.ARCHIVE
    if not archive.is_file():
        pytest.skip(f"no {archive}: name the folder that holds it by {DATA}")
    _check(
        "nezha", pooled(analysed(nezha.convert(archive, tmp_path))).total, FLOORS["nezha"]["all"]
    )


@pytest.mark.parametrize("scenario", CATALOGUE)
def test_a_simulated_fault_keeps_its_floor(scenario: str, tmp_path: Path) -> None:
    assert scenario in FLOORS["simulated"]["scenarios"], f"give {scenario} a floor in {FILE.name}"
    seeds = FLOORS["simulated"]["seeds"]
    scores = _simulated((scenario,), seeds, tmp_path)
    _check(scenario, scores, FLOORS["simulated"]["scenarios"][scenario])


@pytest.mark.parametrize("pair", FLOORS["together"]["pairs"])
def test_two_faults_at_once_are_told_apart_as_well_as_the_floor_says(
    pair: str, tmp_path: Path
) -> None:
    scores = _simulated(pair.split("+"), FLOORS["together"]["seeds"], tmp_path)
    _check(pair, scores, FLOORS["together"]["pairs"][pair])


def _simulated(names: Iterable[str], seeds: Iterable[int], folder: Path) -> Scores:
    scenarios = tuple(CATALOGUE[name] for name in names)
    recordings = [simulated.convert(scenarios, seed, folder / str(seed)) for seed in seeds]
    return pooled(chain.from_iterable(analysed([recording]) for recording in recordings)).total


def test_every_floor_says_why_and_demands_what_can_be_measured() -> None:
    petshop_floors = [FLOORS["petshop"]["all"], *FLOORS["petshop"]["kinds"].values()]
    public = [*petshop_floors, FLOORS["nezha"]["all"]]
    simulated_floors = [FLOORS["simulated"]["scenarios"], FLOORS["together"]["pairs"]]
    for floor in [*public, *chain.from_iterable(floors.values() for floors in simulated_floors)]:
        assert floor["because"]
        assert floor["require"].keys() <= {*AT_LEAST, *AT_MOST}

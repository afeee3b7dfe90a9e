"""Laws of an application's versions: which graph held when."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import permutations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from topology import Application, NodeTemplate, Timeline, TopologyError, timelines
from topology.load import checked
from topology.versions import MAX_VERSIONS

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
FILE = "application: shop\n{since}nodes:\n  - id: {node}\n"

Read = Callable[..., Application]


def version(hours: float | None, node: str = "web") -> Application:
    since = None if hours is None else NOON + timedelta(hours=hours)
    return Application(name="shop", valid_from=since, nodes=(NodeTemplate(id=node),))


def written(folder: Path, name: str, since: str = "", node: str = "web") -> tuple[str, dict]:  # type: ignore[type-arg]
    file = folder / name
    file.write_text(FILE.format(since=since, node=node), encoding="utf-8")
    return str(file), {}


def test_a_version_holds_from_its_instant_up_to_the_next() -> None:
    old, new = version(None), version(0)
    timeline = Timeline.of([new, old])
    assert timeline.at(NOON - timedelta(microseconds=1)) is old
    assert timeline.at(NOON) is new
    assert timeline.latest is new


def test_what_is_older_than_the_first_is_told_by_the_first() -> None:
    first, second = version(0), version(1)
    assert Timeline.of([first, second]).at(NOON - timedelta(days=9)) is first


@given(st.permutations([None, -2.5, 0, 1, 7]))
def test_the_order_of_files_makes_no_difference(hours: list[float | None]) -> None:
    assert Timeline.of(map(version, hours)) == Timeline.of(map(version, sorted_hours(hours)))


def sorted_hours(hours: list[float | None]) -> list[float | None]:
    return sorted(hours, key=lambda hour: -99.0 if hour is None else hour)


def test_of_too_many_versions_the_oldest_is_told(tmp_path: Path) -> None:
    since = [f"valid_from: 2026-03-{day:02}T12:00:00Z\n" for day in range(1, MAX_VERSIONS + 2)]
    files = [written(tmp_path, f"{n}.yaml", each) for n, each in enumerate(since)]
    assert len(timelines(files[1:])[0].versions) == MAX_VERSIONS
    with pytest.raises(TopologyError, match=r"0\.yaml:2: T027: .*latest 8"):
        timelines(reversed(files))


def test_the_version_leaves_out_since_when_it_holds() -> None:
    assert version(None).version == version(0).version == version(5).version
    assert version(0).version != version(0, node="db").version


def test_a_time_in_another_zone_is_the_same_instant(read_text: Read) -> None:
    since = "valid_from: 2026-03-02T13:00:00+01:00\n"
    application = read_text(FILE.format(since=since, node="a"))
    assert application.valid_from == NOON
    assert application.model_dump(mode="json")["valid_from"] == "2026-03-02T12:00:00Z"
    assert Application.model_validate_json(application.model_dump_json()) == application


def test_files_of_one_name_are_versions_and_others_are_others(tmp_path: Path) -> None:
    old = written(tmp_path, "old.yaml")
    new = written(tmp_path, "new.yaml", "valid_from: 2026-03-02T12:00:00Z\n", "db")
    hub, shop = timelines([("jupyterhub-openshift", {}), new, old])
    assert [hub.name, shop.name] == ["jupyterhub-openshift", "shop"]
    assert [found.nodes[0].id for found in shop.versions] == ["web", "db"]
    assert shop.declares("web")
    assert shop.declares("db")


@pytest.mark.parametrize("since", ["", "valid_from: 2026-03-02T12:00:00Z\n"])
def test_two_files_from_the_same_instant_are_told(tmp_path: Path, since: str) -> None:
    files = [written(tmp_path, name, since, name[0]) for name in ("a.yaml", "b.yaml")]
    for one, other in permutations(files):
        with pytest.raises(TopologyError, match=r"\.yaml:[12]: T026: .*application shop") as told:
            timelines([one, other])
        assert told.value.file == other[0]


def test_all_that_cannot_be_beside_the_others_is_told_once(tmp_path: Path) -> None:
    days = [1, 2, 1, *range(3, MAX_VERSIONS + 3), 2]
    since = [f"valid_from: 2026-03-{day:02}T12:00:00Z\n" for day in days]
    files = [written(tmp_path, f"{n}.yaml", each) for n, each in enumerate(since)]
    verdicts = checked([("jupyterhub-openshift", {}), ("nowhere", {}), *files])
    codes = {
        name.rpartition("/")[2]: found.problems[0].code
        for name, found in verdicts
        if isinstance(found, TopologyError)
    }
    last = f"{len(days) - 1}.yaml"
    wanted = {"nowhere": "T001", "2.yaml": "T026", last: "T026", "0.yaml": "T027", "1.yaml": "T027"}
    assert codes == wanted

"""From settings to recordings: what must hold whatever the scenario is."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from pipeline.errors import UsageError
from pipeline.ingest.files import Reader
from pipeline.records import Event, Log
from pipeline.simulate.disturb import Disturbances
from pipeline.simulate.folder import LABELS, NOTES, simulate
from pipeline.simulate.run import Recording, Settings
from pipeline.simulate.scenarios.scenario import Case, Scenario, Stage

SMALL = Settings(users=3, hours=0.6)


def _nothing_answers(stage: Stage) -> Case:
    def finished() -> None:
        stage.cluster.api.delay_s = 0.0

    def begun() -> None:
        stage.cluster.api.delay_s = 8.0

    end_s = stage.begin_s + 300
    stage.kernel.at(stage.begin_s, begun)
    stage.kernel.at(end_s, finished)
    return Case(stage.begin_s, end_s, ("platform/openshift-api",))


def _nothing(stage: Stage) -> Case:
    return Case(stage.begin_s, stage.begin_s + 60)


SLOW = Scenario("S37", "slow", "The API server is slow", _nothing_answers, needs_s=600)
CALM = Scenario("S38", "calm", "Nothing happens", _nothing, needs_s=600, benign=True)


def recorded(
    folder: Path,
    scenarios: Sequence[Scenario] = (SLOW,),
    *,
    seeds: Sequence[int] = (1,),
    settings: Settings = SMALL,
) -> dict[str, bytes]:
    recordings = [Recording((one,), seed, settings) for one in scenarios for seed in seeds]
    simulate(recordings, folder)
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def times(recording: bytes) -> list[datetime]:
    return [datetime.fromisoformat(json.loads(line)["time"]) for line in recording.splitlines()]


@pytest.mark.long
def test_a_recording_is_the_same_whatever_is_simulated_with_it(tmp_path: Path) -> None:
    alone = recorded(tmp_path / "alone")
    among = recorded(tmp_path / "among", [CALM, SLOW], seeds=[2, 1])
    assert alone["S37-seed1.jsonl"] == among["S37-seed1.jsonl"]
    assert among["S37-seed1.jsonl"] != among["S37-seed2.jsonl"]
    assert alone == recorded(tmp_path / "again")


@pytest.mark.long
def test_recordings_of_a_run_do_not_touch_in_time_or_share_uids(tmp_path: Path) -> None:
    files = recorded(tmp_path / "D", [SLOW, CALM], seeds=[1, 2])
    recordings = [content for name, content in files.items() if name.endswith(".jsonl")]
    spans = sorted((min(seen), max(seen)) for seen in map(times, recordings))
    assert all(later - end > timedelta(hours=6) for (_, end), (later, _) in pairwise(spans))
    for key in ("pod_uid", "source_uid"):
        uids = [{json.loads(line).get(key) for line in one.splitlines()} for one in recordings]
        assert all(len(one) > 1 for one in uids)
        assert set.intersection(*uids) <= {None}


def test_labels_and_notes_lie_beside_the_recordings_and_are_not_read(tmp_path: Path) -> None:
    recorded(tmp_path / "D")
    reader = Reader([tmp_path / "D"])
    observations = list(reader)
    assert reader.counts["rejected"] == reader.counts["blank"] == 0
    assert reader.counts["observations"] == len(observations) > 0
    assert reader.counts["ignored_files"] == 2
    assert {LABELS, NOTES} <= {file.name for file in (tmp_path / "D").iterdir()}


def test_before_the_fault_is_a_quiet_in_which_any_incident_is_false(tmp_path: Path) -> None:
    files = recorded(tmp_path / "D", settings=replace(SMALL, disturbances=Disturbances(skew_s=30)))
    quiet, fault = json.loads(files[LABELS])["cases"]
    assert (quiet["id"], quiet["root_cause"]) == ("S37-seed1-quiet", [])
    assert (fault["id"], fault["kind"]) == ("S37-seed1", "slow")
    assert fault["root_cause"] == ["platform/openshift-api"]
    rest = datetime.fromisoformat(fault["start"]) - datetime.fromisoformat(quiet["end"])
    assert rest == timedelta(seconds=60 + 30)


def test_of_faults_at_once_each_is_a_case_and_what_is_none_is_left_out(tmp_path: Path) -> None:
    simulate([Recording((SLOW, SLOW, CALM), 1, SMALL)], tmp_path / "D")
    cases = json.loads((tmp_path / "D" / LABELS).read_bytes())["cases"]
    recording = "S37+S37+S38-seed1"
    assert [case["id"] for case in cases] == [f"{recording}-quiet", *[f"{recording}-S37"] * 2]


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        (Settings(users=0), "--users 0: give a number from 1 to 500"),
        (Settings(users=501), "--users 501"),
        (Settings(noise=-1), "--noise -1: give a factor, from 0 to 100"),
        (Settings(hours=0.4), "too short for S37, whose course takes 10 minutes.*give 0.5"),
        (Settings(hours=float("nan")), "--hours nan"),
        (Settings(disturbances=Disturbances(no_logs_of=30)), "--no-logs-of 30: give a share"),
        (Settings(disturbances=Disturbances(skew_s=-1)), "--skew -1: give seconds"),
    ],
)
def test_what_cannot_be_simulated_is_told_before_anything_is_written(
    settings: Settings, told: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=told):
        recorded(tmp_path / "D", settings=settings)
    assert not (tmp_path / "D").exists()


def test_strangers_come_only_with_noise(tmp_path: Path) -> None:
    def asked(noise: float) -> int:
        files = recorded(tmp_path / f"{noise:g}", settings=replace(SMALL, noise=noise))
        return sum(content.count(b"404 GET /hub/") for content in files.values())

    assert asked(0) == 0 < asked(30)


def test_logs_of_all_pods_can_be_missing(tmp_path: Path) -> None:
    recorded(tmp_path / "D", settings=replace(SMALL, disturbances=Disturbances(no_logs_of=1)))
    kinds = {type(observation) for observation in Reader([tmp_path / "D"])}
    assert Event in kinds
    assert Log not in kinds

"""What goes wrong with the taking down, each thing alone."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from pipeline.simulate.disturb import REPLICA_SHIFT_S, Disturbances, Disturbed, Missing
from pipeline.simulate.recorder import Fields, line

MORNING = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
Record = tuple[datetime, Fields]


def chance(*name: str) -> Random:
    return Random("/".join(name))


def log(second: float, message: str = "hello", *, pod: str = "a", machine: str = "wrk-1") -> Record:
    time = MORNING + timedelta(seconds=second)
    where = {"pod": pod, "cluster_node": machine}
    return time, {"signal": "log", **where, "message": message}


def event(second: int, *, reason: str = "Unhealthy", machine: str = "wrk-1") -> Record:
    time = MORNING + timedelta(seconds=second)
    about = {"kind": "Pod", "name": "a", "reason": reason, "cluster_node": machine}
    return time, {"signal": "event", **about, "first_time": "2026-03-02T08:00:00Z"}


def sample(second: float, **labels: str) -> Record:
    time = MORNING + timedelta(seconds=second)
    return time, {"signal": "metric", "name": "up", "value": 1.0, "labels": labels}


def disturbed(disturbances: Disturbances, records: Iterable[Record]) -> list[Record]:
    out: list[Record] = []
    layer = Disturbed(lambda time, fields: out.append((time, fields)), disturbances, chance)
    for time, fields in records:
        layer.take(time, fields)
    layer.close()
    return out


def test_nothing_goes_wrong_unless_it_is_asked_for() -> None:
    records = [log(0), event(1), sample(2)]
    assert disturbed(Disturbances(), records) == records


def test_the_same_pods_are_without_logs_all_the_time() -> None:
    records = [log(second, pod=f"p{second % 100}") for second in range(300)]
    kept = disturbed(Disturbances(no_logs_of=0.3), [*records, event(300)])
    pods = [fields["pod"] for _, fields in kept if fields["signal"] == "log"]
    assert 55 <= len(set(pods)) <= 85
    assert all(pods.count(pod) == 3 for pod in pods)
    assert kept[-1] == event(300)


@pytest.mark.parametrize(
    ("missing", "left"),
    [
        (Missing("events", "wrk-1"), ["log", "metric"]),
        (Missing("metrics", "jupyterhub-db-*"), ["log", "event"]),
        (Missing("logs", "jupyterhub-db-*"), ["log", "event", "metric"]),
    ],
)
def test_a_signal_is_missing_of_what_the_pattern_names(missing: Missing, left: list[str]) -> None:
    records = [log(0), event(1), sample(2, pod="jupyterhub-db-1-abcde")]
    kept = disturbed(Disturbances(without=(missing,)), records)
    assert [fields["signal"] for _, fields in kept] == left


def test_clocks_are_off_by_machine_and_prometheus_has_its_own() -> None:
    records = [log(n, machine=f"wrk-{n % 3}") for n in range(30)]
    shifted = disturbed(Disturbances(skew_s=20), records)
    skews = [time - before for (time, _), (before, _) in zip(shifted, records, strict=True)]
    assert len(set(skews)) == 3
    assert all(abs(skew) <= timedelta(seconds=20) for skew in skews)
    assert disturbed(Disturbances(skew_s=20), [sample(5)]) == [sample(5)]


@pytest.mark.parametrize(
    "stamp",
    [
        "[I {:%Y-%m-%d %H:%M:%S}.250 JupyterHub log:189] 200 GET /hub/api",
        "{:%H:%M:%S}.250 [ConfigProxy] info: 200 GET /",
        "I{:%m%d %H:%M:%S}.250000       1 log.go:172] http",
        "[E {:%y%m%d %H:%M:%S} ioloop:763] trouble",
        '{{"ts":"{:%Y-%m-%dT%H:%M:%S}.250Z","msg":"at 23:15:00"}}',
    ],
)
def test_a_line_is_stamped_by_the_clock_that_dates_its_record(stamp: str) -> None:
    time = MORNING.replace(hour=0, minute=0, second=1, microsecond=250_000)
    _, fields = log(0, stamp.format(time), machine="wrk-7")
    ((shifted, after),) = disturbed(Disturbances(skew_s=3000), [(time, fields)])
    assert shifted != time
    expected = stamp.format(shifted)
    if ".250" in stamp:
        expected = expected.replace(".250", f".{shifted:%f}"[:4], 1)
    assert after["message"] == expected


def test_an_event_is_never_older_than_its_first_time_and_masters_have_their_own_clock() -> None:
    ((time, fields),) = disturbed(Disturbances(skew_s=300), [event(0, machine="wrk-7")])
    assert time.isoformat().replace("+00:00", "Z") == fields["first_time"]
    assert time.microsecond == 0
    assert disturbed(Disturbances(skew_s=300), [event(0, reason="Scheduled")]) == [
        event(0, reason="Scheduled")
    ]


def test_each_sample_comes_twice_from_two_replicas() -> None:
    doubled = disturbed(
        Disturbances(replicas=True), [sample(0, job="a"), log(1), sample(60, job="a")]
    )
    shifts = [doubled[n + 1][0] - doubled[n][0] for n in (0, 3)]
    assert [fields["signal"] for _, fields in doubled].count("metric") == 4
    assert shifts[0] == shifts[1]
    assert timedelta(0) < shifts[0] <= timedelta(seconds=REPLICA_SHIFT_S)


def test_late_records_come_within_their_time_and_none_is_lost() -> None:
    records = [log(second, str(second)) for second in range(600)]
    late = disturbed(Disturbances(late_s=60), records)
    assert sorted(late, key=lambda record: record[0]) == records
    newest = MORNING
    for time, _ in late:
        assert newest - time <= timedelta(seconds=61)
        newest = max(newest, time)
    assert late != records


def test_a_share_of_the_records_comes_twice() -> None:
    records = [log(second, str(second)) for second in range(1000)]
    twice = disturbed(Disturbances(duplicates=0.1), records)
    assert {line(*record) for record in twice} == {line(*record) for record in records}
    assert 1060 <= len(twice) <= 1140

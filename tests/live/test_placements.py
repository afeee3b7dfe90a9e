"""What the topology topic says of pods is brought up to date."""

from datetime import UTC, datetime, timedelta

from pipeline.broker.message import Message
from pipeline.live.placements import KEPT, ended, forgotten, latest
from pipeline.records import Placement, canonical

NOW = datetime(2026, 3, 2, 10, tzinfo=UTC)


def place(pod: str = "p", *, until: datetime | None = None) -> Placement:
    return Placement(
        application="a",
        node="hub",
        namespace="ns",
        pod=pod,
        pod_uid="u",
        since=NOW - timedelta(days=3),
        until=until,
    )


def message(key: bytes, value: bytes | None) -> Message:
    return Message(topic="t", partition=0, offset=0, key=key, value=value, headers=())


def test_what_is_said_last_counts_and_graphs_are_no_placements() -> None:
    told = [
        message(b"1", canonical(place("old"))),
        message(b"2", canonical(place("gone"))),
        message(b"app", b'{"kind":"graph"}'),
        message(b"1", canonical(place("new"))),
        message(b"2", None),
    ]
    assert [found.pod for found in latest(told)] == ["new"]


def test_a_pod_that_went_unseen_is_ended_and_one_that_is_there_is_not() -> None:
    told = [place("here"), place("gone"), place("known", until=NOW)]
    assert [(e.pod, e.until) for e in ended(told, {"ns/here/u"}, NOW)] == [("gone", NOW)]


def test_a_pod_is_forgotten_a_day_after_it_went() -> None:
    told = [place("a", until=NOW - KEPT), place("b", until=NOW - KEPT * 2), place("c")]
    assert [found.pod for found in forgotten(told, NOW)] == ["b"]

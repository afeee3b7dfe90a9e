"""Bytes of a log stream become observations: in order, each once, and what is lost is told."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from live_sink import KeptSink
from pipeline.ingest.files import MAX_LINE_BYTES
from pipeline.ingest.route import Router
from pipeline.live.logs.budget import Budget
from pipeline.live.logs.cursor import Cursor
from pipeline.live.logs.lines import DROPPED_TOLD_S, ROTATED_TOLD_S, LiveLog
from topology.load import load
from topology.versions import Timeline

HUB = "jupyterhub-124-x7k2p"
ROUTER_OF = Router([Timeline.of([load("jupyterhub-openshift", {})])])


@pytest.fixture
def sink() -> KeptSink:
    return KeptSink()


@pytest.fixture
def log(sink: KeptSink) -> LiveLog:
    return log_into(sink)


def log_into(sink: KeptSink, *, burst: int = 1000) -> LiveLog:
    return LiveLog(
        namespace="ns",
        pod=HUB,
        pod_uid="u1",
        container="main",
        cluster_node="wrk-1",
        node="jupyterhub/hub",
        source="test",
        cursor=Cursor(),
        budget=Budget(1.0, burst),
        router=ROUTER_OF,
        sink=sink,
        counts=Counter(),
    )


def stamped(*texts: str, first: int = 0) -> bytes:
    lines = (f"2026-03-02T10:00:{first + n:02d}.5Z {text}\n" for n, text in enumerate(texts))
    return "".join(lines).encode()


@given(st.lists(st.text("abc ü\u2028\t", max_size=8), max_size=20), st.data())
def test_however_the_stream_is_cut_the_lines_are_the_same(
    texts: list[str], data: st.DataObject
) -> None:
    sink, content = KeptSink(), stamped(*texts)
    log = log_into(sink)
    while content:
        cut = data.draw(st.integers(1, len(content)))
        log.feed(content[:cut], now=0.0)
        content = content[cut:]
    log.end()
    assert sink.texts() == texts


def test_a_last_line_without_an_end_is_a_line(log: LiveLog, sink: KeptSink) -> None:
    log.feed(stamped("one", "two")[:-1], now=0.0)
    assert sink.texts() == ["one"]
    log.end()
    assert sink.texts() == ["one", "two"]


def test_bytes_that_are_no_text_stay_readable(log: LiveLog, sink: KeptSink) -> None:
    log.feed(b"2026-03-02T10:00:00Z caf\xe9\n", now=0.0)
    assert sink.texts() == ["caf\\xe9"]


def test_the_kubelets_own_complaints_are_rejected_with_their_bytes(
    log: LiveLog, sink: KeptSink
) -> None:
    complaint = b"unable to retrieve container logs for cri-o://5f"
    log.feed(complaint + b"\n" + stamped("one"), now=0.0)
    assert [rejected.value for rejected in sink.rejects] == [complaint]
    assert sink.texts() == ["one"]


def test_a_line_beyond_all_bounds_is_rejected_in_parts_and_reading_goes_on(
    log: LiveLog, sink: KeptSink
) -> None:
    long = b"2026-03-02T10:00:00Z " + b"x" * (2 * MAX_LINE_BYTES)
    for cut in range(0, len(long), 100_000):
        log.feed(long[cut : cut + 100_000], now=0.0)
    log.feed(b"\n" + stamped("one", first=1), now=0.0)
    assert b"".join(part.value for part in sink.rejects) == long
    assert [part.last for part in sink.rejects] == [False] * (len(sink.rejects) - 1) + [True]
    assert sink.texts() == ["one"]


def test_lines_beyond_the_budget_are_one_gap_with_their_number_and_their_time(
    sink: KeptSink,
) -> None:
    log = log_into(sink, burst=2)
    log.feed(stamped(*"abcde"), now=0.0)
    log.tick(DROPPED_TOLD_S - 1)
    assert sink.gaps == []
    log.tick(DROPPED_TOLD_S)
    (gap,) = sink.gaps
    assert (gap.reason, gap.lost, gap.since.second, gap.until.second) == ("rate-limited", 3, 2, 4)


def test_what_was_dropped_is_not_read_again(sink: KeptSink) -> None:
    log = log_into(sink, burst=2)
    log.feed(stamped(*"abcde"), now=0.0)
    log.reread(must_overlap=True)
    log.feed(stamped(*"abcde"), now=100.0)
    assert sink.texts() == ["a", "b"]


def test_a_known_line_that_does_not_come_again_is_a_gap(log: LiveLog, sink: KeptSink) -> None:
    log.feed(stamped("one"), now=0.0)
    log.reread(must_overlap=True)
    log.feed(stamped("nine", first=9), now=1.0)
    log.tick(1.0 + ROTATED_TOLD_S)
    (gap,) = sink.gaps
    assert (gap.reason, gap.lost, gap.since.second, gap.until.second) == (
        "not-followed",
        None,
        0,
        9,
    )


def test_it_is_no_gap_where_another_instance_has_begun(log: LiveLog, sink: KeptSink) -> None:
    log.feed(stamped("one"), now=0.0)
    log.reread(must_overlap=True)
    log.feed(stamped("nine", first=9), now=1.0)
    log.forgive()
    log.tick(100.0)
    assert sink.gaps == []


def test_lines_of_one_container_go_to_the_nodes_that_they_speak_for(
    log: LiveLog, sink: KeptSink
) -> None:
    log.feed(stamped("[I 2026 JupyterHub] x", "12:59:59.477 [ConfigProxy] info: x"), now=0.0)
    assert [node for node, _ in sink.observed] == ["jupyterhub/hub", "jupyterhub/proxy"]

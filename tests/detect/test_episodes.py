"""What an episode is: onset, end, evidence, identity, and when it is told."""

from itertools import pairwise
from typing import Any

import pytest

from detect_laws import Course, at, closed_to, run
from pipeline.detect.detector import Detector
from pipeline.detect.pack import SignaturePack
from pipeline.detect.registry import detectors
from pipeline.detect.settings import DetectSettings
from pipeline.records import Log, Signal, Symptom

Detectors = dict[Signal, Detector[Any]]
LOST = "[W 2026-03-02 10:00:00.000 JupyterHub base:318] Rolling back session due to database error"
MISSING = "[W 2026-03-02 10:00:00.000 JupyterHub proxy:320] Adding missing route for /user/a/"


def lost(second: float, *, pod: str = "p-1") -> Log:
    return Log(time=at(second), message=LOST, pod=pod, cluster_node=f"on-{pod}")


def closed(detector: Detector[Any], *observations: Log) -> list[Symptom]:
    return [s for s in run(detector, observations).symptoms if s.state == "closed"]


def test_a_gap_of_quiet_parts_two_episodes(by_signal: Detectors) -> None:
    first, second = closed(by_signal["log"], lost(0), lost(299), lost(599))
    assert (first.onset, first.last_seen, first.count) == (at(0), at(299), 2)
    assert (second.onset, second.count) == (at(599), 1)
    assert first.id != second.id


def test_the_closed_revision_counts_its_facts_and_its_end(by_signal: Detectors) -> None:
    (symptom,) = closed(by_signal["log"], *(lost(second) for second in range(40)))
    assert (symptom.count, symptom.revision) == (40, 41)
    assert symptom.exemplars == (LOST,) * 3


def test_an_episode_of_hours_keeps_small_facts(by_signal: Detectors) -> None:
    detector = by_signal["log"]
    facts = detector.new_facts()
    for second in range(0, 7200, 5):
        detector.apply(facts, [lost(second)], closed_to(second - 120))
        detector.revisions(facts, "n", closed_to(second - 120))
    assert len(detector.dump(facts)) < 6_000


def test_the_first_sign_is_told_at_once_and_then_when_it_grows(by_signal: Detectors) -> None:
    told = run(by_signal["log"], [lost(second) for second in range(20)]).symptoms
    assert [s.count for s in told if s.state == "open"] == [1, 2, 4, 8, 16]


def test_an_episode_that_goes_on_is_told_every_half_minute(by_signal: Detectors) -> None:
    told = run(by_signal["log"], [lost(second) for second in range(0, 3000, 10)]).symptoms
    ages = [(s.last_seen - s.onset).seconds for s in told if s.count > 64]
    assert max(b - a for a, b in pairwise(ages)) == 30


def test_fewer_than_at_least_make_no_symptom_and_are_counted(by_signal: Detectors) -> None:
    missing = [Log(time=at(second), message=MISSING) for second in (0, 10, 90, 100)]
    told = run(by_signal["log"], missing)
    assert told.symptoms == []
    assert told.counts["below_threshold"] == 4


def test_detection_is_when_the_evidence_sufficed(by_signal: Detectors) -> None:
    missing = [Log(time=at(second), message=MISSING) for second in (0, 90, 100, 145, 160)]
    (symptom,) = closed(by_signal["log"], *missing)
    assert (symptom.onset, symptom.detected_at, symptom.count) == (at(0), at(145), 5)


def test_an_earlier_sign_takes_the_place_of_what_was_told(by_signal: Detectors) -> None:
    course = Course(delays=(100.0, 0.0))
    told = run(by_signal["log"], [lost(10), lost(50)], course).symptoms
    assert [s.onset for s in told] == [at(50), at(10), at(10)]
    assert told[1].supersedes == told[2].supersedes == (told[0].id,)


def test_a_late_line_between_joins_two_episodes(restless: Detectors) -> None:
    course = Course(delays=(0.0, 100.0, 0.0))
    told = run(restless["log"], [lost(0), lost(60), lost(120)], course).symptoms
    apart = [s for s in told if s.count == 1]
    assert len({s.id for s in apart}) == 2
    assert told[-1].count == 3
    assert apart[1].id in told[-1].supersedes


def test_all_ids_that_it_was_told_under_are_listed(by_signal: Detectors) -> None:
    course = Course(delays=(110.0, 80.0, 0.0))
    told = run(by_signal["log"], [lost(10), lost(30), lost(50)], course).symptoms
    assert told[-1].supersedes == (told[0].id, told[1].id)


def test_what_comes_just_before_the_end_goes_on(by_signal: Detectors) -> None:
    quiet = Log(time=at(425), message="nothing")
    told = run(by_signal["log"], [lost(3), lost(302), quiet, lost(500)]).symptoms
    assert [s.count for s in told if s.state == "closed"] == [3]


def test_evidence_is_taken_in_event_order(by_signal: Detectors) -> None:
    missing = [Log(time=at(second), message=MISSING) for second in (11, 12, 13)]
    quiet = Log(time=at(130.6), message="nothing")
    course = Course(delays=(0.0, 119.0, 0.0, 0.0))
    told = run(by_signal["log"], [*missing, quiet], course).symptoms
    assert {s.detected_at for s in told} == {at(13)}


def test_the_same_line_twice_is_a_duplicate_but_not_of_another_pod(by_signal: Detectors) -> None:
    told = run(by_signal["log"], [lost(1), lost(1), lost(1, pod="p-2")])
    assert told.counts["duplicate"] == 1
    assert (told.symptoms[-1].count, told.symptoms[-1].pods) == (2, ("p-1", "p-2"))
    assert told.symptoms[-1].cluster_nodes == ("on-p-1", "on-p-2")


def test_what_is_beyond_the_bound_is_overflow(pack: SignaturePack) -> None:
    narrow = detectors(pack, DetectSettings(max_fingerprints=1))["log"]
    told = run(narrow, [lost(0), Log(time=at(1), message="Proxy stopped with exit code 1")])
    assert told.counts["overflow"] == 1
    assert {s.signature for s in told.symptoms} == {"database-connection-lost"}


def test_silence_wakes_at_the_end_of_the_episode(by_signal: Detectors) -> None:
    detector = by_signal["log"]
    facts = detector.new_facts()
    assert detector.notify_at(facts) is None
    detector.apply(facts, [lost(7)], closed_to(0))
    detector.revisions(facts, "n", closed_to(0))
    assert detector.notify_at(facts) == closed_to(60)  # the line's minute closes
    assert detector.revisions(facts, "n", closed_to(60)) == []
    assert detector.notify_at(facts) == closed_to(307)
    assert detector.revisions(facts, "n", closed_to(306.9)) == []
    assert [s.state for s in detector.revisions(facts, "n", closed_to(307))] == ["closed"]
    assert detector.notify_at(facts) is None


@pytest.mark.parametrize(
    ("node", "implicated"),
    [
        ("jupyterhub/db", {"infrastructure/volume/jupyterhub-db"}),
        ("jupyterhub/user/a-40b", {"infrastructure/volume/jupyterhub-nb-a-40b-pvc"}),
        ("jupyterhub/hub", set()),
    ],
)
def test_what_is_implicated_depends_on_the_node(
    by_signal: Detectors, node: str, implicated: set[str]
) -> None:
    detector = by_signal["log"]
    facts = detector.new_facts()
    full = Log(time=at(0), message="OSError: [Errno 28] No space left on device")
    detector.apply(facts, [full], closed_to(0))
    (symptom,) = detector.revisions(facts, node, closed_to(0))
    named = {i.node for i in symptom.implicates}
    assert named - {"infrastructure/storage"} == implicated
    assert ("infrastructure/storage" in named) == bool(implicated)


def test_a_pack_without_a_signature_lets_its_facts_go(pack: SignaturePack) -> None:
    detector = detectors(pack)["log"]
    facts = detector.new_facts()
    detector.apply(facts, [lost(0), lost(1)], closed_to(0))
    bare = detectors(pack.model_copy(update={"signatures": ()}))["log"]
    counts = bare.counts(bare.load(detector.dump(facts)))
    assert (counts["received"], counts["no_symptom"], counts["waiting"]) == (2, 2, 0)


def test_facts_say_the_same_whether_a_look_is_remembered_or_not(by_signal: Detectors) -> None:
    detector = by_signal["log"]
    facts = detector.new_facts()
    for second in (0, 50, 20, 400, 390, 900):
        detector.apply(facts, [lost(second)], closed_to(second - 120))
        detector.revisions(facts, "n", closed_to(second - 120))
        restarted = detector.load(detector.dump(facts))
        assert detector.dump(restarted) == detector.dump(facts)
        assert detector.counts(restarted) == detector.counts(facts)
        assert detector.notify_at(restarted) == detector.notify_at(facts)

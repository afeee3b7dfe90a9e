"""Kubernetes events: cumulative counts become occurrences."""

from typing import Any

from detect_laws import Course, at, run
from pipeline.detect.detector import Detector
from pipeline.records import Event, Signal, Symptom

Detectors = dict[Signal, Detector[Any]]


def unhealthy(second: float, count: int = 1, **more: Any) -> Event:  # noqa: ANN401 - fields of an event
    fields = {"kind": "Pod", "name": "p-1", "source_uid": "e-1", "message": "Readiness probe"}
    return Event(time=at(second), reason="Unhealthy", count=count, **(fields | more))


def closed(detector: Detector[Any], *events: Event, delays: tuple[float, ...] = (0,)) -> Symptom:
    (symptom,) = [
        s for s in run(detector, events, Course(delays=delays)).symptoms if s.state == "closed"
    ]
    return symptom


def test_an_update_adds_what_its_count_grew_by(by_signal: Detectors) -> None:
    symptom = closed(by_signal["event"], unhealthy(0), unhealthy(10, 2), unhealthy(90, 7))
    assert (symptom.count, symptom.onset, symptom.last_seen) == (7, at(0), at(90))
    assert symptom.resolution_s == 1.0


def test_updates_add_the_same_in_any_order(by_signal: Detectors) -> None:
    symptom = closed(
        by_signal["event"], unhealthy(0), unhealthy(10, 2), unhealthy(90, 7), delays=(110, 100, 0)
    )
    assert (symptom.count, symptom.onset) == (7, at(0))


def test_seen_first_with_a_count_it_began_when_it_says(by_signal: Detectors) -> None:
    symptom = closed(by_signal["event"], unhealthy(100, 4, first_time=at(70)))
    assert (symptom.count, symptom.onset, symptom.detected_at) == (4, at(70), at(100))


def test_seen_first_long_after_it_began_it_is_one_occurrence(by_signal: Detectors) -> None:
    symptom = closed(by_signal["event"], unhealthy(4000, 40, first_time=at(70)))
    assert (symptom.count, symptom.onset) == (1, at(4000))


def test_the_same_count_again_is_a_duplicate(by_signal: Detectors) -> None:
    told = run(by_signal["event"], [unhealthy(0, 2), unhealthy(0, 2), unhealthy(30, 2)])
    assert told.counts["duplicate"] == 2
    assert told.symptoms[-1].last_seen == at(0)


def test_objects_without_identity_are_occurrences_each(by_signal: Detectors) -> None:
    events = [unhealthy(second, source_uid=None) for second in (0, 10, 20)]
    assert closed(by_signal["event"], *events).count == 3


def test_without_its_own_uid_object_reason_and_first_time_tell(by_signal: Detectors) -> None:
    events = [
        unhealthy(n * 10, n, source_uid=None, uid="u-1", first_time=at(10)) for n in (1, 2, 3)
    ]
    assert closed(by_signal["event"], *events).count == 3


def test_the_machine_is_implicated_by_its_name(by_signal: Detectors) -> None:
    evicted = Event(
        time=at(0), reason="Evicted", kind="Pod", name="p-1", message="low", cluster_node="wrk-1"
    )
    symptom = closed(by_signal["event"], evicted)
    assert [i.node for i in symptom.implicates] == ["infrastructure/node/wrk-1"]


def test_a_first_login_is_suppressed_and_counted(by_signal: Detectors) -> None:
    waiting = "0/12 nodes are available: 12 pod has unbound immediate PersistentVolumeClaims."
    event = Event(
        time=at(0), reason="FailedScheduling", kind="Pod", name="p", type="Warning", message=waiting
    )
    told = run(by_signal["event"], [event])
    assert (told.symptoms, told.counts["suppressed"]) == ([], 1)


def test_facts_of_an_old_event_object_are_forgotten(by_signal: Detectors) -> None:
    detector = by_signal["event"]
    facts = detector.new_facts()
    detector.apply(facts, [unhealthy(0)], 0)
    detector.revisions(facts, "n", 2**62)
    assert facts.identities == {}
    assert facts.tracks == {}

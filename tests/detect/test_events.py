"""Kubernetes events: cumulative counts become occurrences."""

from typing import Any

from detect_laws import Course, at, run
from pipeline.detect.detector import Detector
from pipeline.detect.pack import SignaturePack
from pipeline.detect.registry import detectors
from pipeline.detect.settings import DetectSettings
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


def waiting_for_a_claim(second: float, count: int) -> Event:
    message = "0/12 nodes are available: 12 pod has unbound immediate PersistentVolumeClaims."
    fields = {"kind": "Pod", "name": "p", "type": "Warning", "source_uid": "e-9"}
    return Event(time=at(second), reason="FailedScheduling", message=message, count=count, **fields)


def test_a_first_logins_short_wait_is_counted_and_no_symptom(by_signal: Detectors) -> None:
    told = run(by_signal["event"], [waiting_for_a_claim(0, 1), waiting_for_a_claim(2, 2)])
    assert (told.symptoms, told.counts["below_threshold"]) == ([], 2)


def test_a_claim_that_is_never_bound_is_a_symptom(by_signal: Detectors) -> None:
    waits = [waiting_for_a_claim(90 * n, n + 1) for n in range(6)]
    symptom = closed(by_signal["event"], *waits)
    assert (symptom.signature, symptom.detected_at) == ("claim-unbound", at(360))


def test_facts_of_an_old_event_object_are_forgotten(by_signal: Detectors) -> None:
    detector = by_signal["event"]
    facts = detector.new_facts()
    detector.apply(facts, [unhealthy(0)], 0)
    detector.revisions(facts, "n", 2**62)
    assert facts.identities == {}
    assert facts.tracks == {}


def test_a_pack_without_a_signature_lets_its_facts_go(
    pack: SignaturePack, by_signal: Detectors
) -> None:
    detector = by_signal["event"]
    facts = detector.new_facts()
    detector.apply(facts, [unhealthy(0), unhealthy(5, 2), unhealthy(6, 2)], 0)
    bare = detectors(pack.model_copy(update={"signatures": ()}))["event"]
    counts = bare.counts(bare.load(detector.dump(facts)))
    assert counts["received"] == counts["no_symptom"] == 3


def test_objects_and_episodes_beyond_their_bounds_are_overflow(pack: SignaturePack) -> None:
    again = {"reason": "BackOff", "message": "Back-off restarting failed container"}
    back_off = unhealthy(1, source_uid="e-2").model_copy(update=again)
    for settings in (DetectSettings(max_identities=1), DetectSettings(max_fingerprints=1)):
        told = run(detectors(pack, settings)["event"], [unhealthy(0), back_off])
        assert told.counts["overflow"] == 1


def test_a_signature_may_ask_for_type_and_kind() -> None:
    signature = {
        "id": "a",
        "signal": "event",
        "title": "t",
        "reasons": ["R"],
        "type": "Warning",
        "kinds": ["Node"],
        "examples": [{"reason": "R"}],
    }
    pack = SignaturePack.model_validate({"pack": "p", "version": 1, "signatures": [signature]})
    kinds = [("Warning", "Node"), ("Normal", "Node"), ("Warning", "Pod")]
    events = [
        Event(time=at(0), reason="R", kind=kind, name="x", type=severity)
        for severity, kind in kinds
    ]
    assert run(detectors(pack)["event"], events).counts["in_symptom"] == 1


def test_an_object_silent_for_hours_is_seen_first_again(by_signal: Detectors) -> None:
    events = [unhealthy(0, 5), unhealthy(3 * 3600, 7)]
    told = run(by_signal["event"], events).symptoms
    assert [s.count for s in told if s.state == "closed"] == [1, 1]

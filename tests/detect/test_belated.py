"""Law 7: what comes too late is counted as late, changes nothing, and is told as late."""

from typing import Any

import pytest

from detect_laws import at, closed_to
from pipeline.detect.belated import MAX_BELATED, MAX_RECORDS, REMEMBERED
from pipeline.detect.detector import Detector
from pipeline.records import Event, Log, Observation, Signal, Symptom, canonical

Detectors = dict[Signal, Detector[Any]]
LOST = "[E 2026-03-02 10:00:00.000 JupyterHub orm:764] Rolling back session due to database error x"
FAILED = "[E 2026-03-02 10:00:00.000 JupyterHub base:89] Failed to get current user"
MISSING = "[W 2026-03-02 10:00:00.000 JupyterHub proxy:320] Adding missing route for /user/a/"
"""Takes three in a minute."""
NOW = 3_000.0


def lost(second: float, message: str = LOST) -> Log:
    return Log(time=at(second), message=message, pod="p-1")


def late(
    detector: Detector[Any],
    facts: Any,  # noqa: ANN401 - any detector's
    told: list[Observation],
    now: float = NOW,
) -> list[Symptom]:
    """Return what is told as late of what comes now."""
    detector.apply(facts, told, closed_to(now))
    return [s for s in detector.revisions(facts, "n", closed_to(now)) if s.late]


def unhealthy(second: float, count: int = 1, uid: str | None = None) -> Event:
    fields = {"kind": "Pod", "name": "p", "reason": "Unhealthy", "message": "Readiness"}
    return Event(time=at(second), count=count, source_uid=uid, **fields)


@pytest.mark.parametrize("late", [lost(10), unhealthy(10)])
def test_it_is_told_once_and_more_of_it_revises(by_signal: Detectors, late: Observation) -> None:
    detector = by_signal[late.signal]
    facts = detector.new_facts()
    revisions = []
    for second in (10, 12):
        detector.apply(facts, [late.model_copy(update={"time": at(second)})], closed_to(NOW))
        facts = detector.load(detector.dump(facts))  # a restart changes nothing
        revisions += detector.revisions(facts, "n", closed_to(NOW))
        assert detector.revisions(facts, "n", closed_to(NOW)) == []
    assert len({symptom.id for symptom in revisions}) == 1
    assert [symptom.count for symptom in revisions] == [1, 2]
    assert revisions[0].revision < revisions[1].revision
    assert {(symptom.state, symptom.late) for symptom in revisions} == {("closed", True)}
    assert detector.counts(facts)["late"] == 2


def test_what_may_be_in_an_episode_already_is_not_told_again(by_signal: Detectors) -> None:
    detector = by_signal["log"]
    facts = detector.new_facts()
    detector.apply(facts, [lost(10), lost(40)], closed_to(0))
    detector.revisions(facts, "n", closed_to(60))
    detector.apply(facts, [lost(40)], closed_to(60))
    assert not [s for s in detector.revisions(facts, "n", closed_to(60)) if s.late]


def test_it_is_bounded_and_forgotten(by_signal: Detectors) -> None:
    detector = by_signal["log"]
    facts = detector.new_facts()
    detector.apply(facts, [lost(20 * n) for n in range(MAX_BELATED + 9)], closed_to(NOW))
    assert len(detector.revisions(facts, "n", closed_to(NOW))) == MAX_BELATED
    detector.revisions(facts, "n", closed_to(NOW) + REMEMBERED)
    assert facts.belated == {}


def test_what_is_harmless_stays_so(by_signal: Detectors) -> None:
    detector = by_signal["log"]
    facts = detector.new_facts()
    line = "ERROR:tornado.application:b'INFO:bokeh.server.server:Starting'"
    detector.apply(facts, [Log(time=at(1), message=line)], closed_to(NOW))
    assert detector.revisions(facts, "jupyterhub/user/a", closed_to(NOW)) == []


@pytest.mark.parametrize("record", [lost(40), unhealthy(40), unhealthy(40, 3, "e-1")])
def test_what_is_read_again_before_its_bucket_is_folded_is_not_late(
    by_signal: Detectors, record: Observation
) -> None:
    detector = by_signal[record.signal]
    facts = detector.new_facts()
    assert late(detector, facts, [record], 0) == []
    assert late(detector, facts, [record], 80) == []
    assert detector.counts(facts)["late"] == 1


def test_an_older_update_of_a_counted_event_object_is_not_told(by_signal: Detectors) -> None:
    detector = by_signal["event"]
    facts = detector.new_facts()
    assert late(detector, facts, [unhealthy(500, 5, "e-1")], 400) == []
    assert late(detector, facts, [unhealthy(40, 2, "e-1")], 600) == []
    assert len(late(detector, facts, [unhealthy(40, 2, "e-2")], 600)) == 1


@pytest.mark.parametrize("record", [lost(40), unhealthy(40)])
def test_a_late_record_that_comes_again_counts_once(
    by_signal: Detectors, record: Observation
) -> None:
    detector = by_signal[record.signal]
    facts = detector.new_facts()
    assert [s.count for s in late(detector, facts, [record, record])] == [1]
    assert late(detector, facts, [record]) == []


def test_one_line_read_often_is_not_enough_where_it_takes_many(by_signal: Detectors) -> None:
    detector = by_signal["log"]
    facts = detector.new_facts()
    assert late(detector, facts, [lost(40, MISSING)] * 9) == []
    (told,) = late(detector, facts, [lost(40 + n, MISSING) for n in range(1, 3)])
    assert (told.count, told.detected_at) == (3, at(42))


def test_what_is_no_symptom_does_not_hold_its_place_for_ever(by_signal: Detectors) -> None:
    detector = by_signal["log"]
    facts = detector.new_facts()
    assert late(detector, facts, [lost(20 * n, MISSING) for n in range(MAX_BELATED)]) == []
    assert len(facts.belated) == MAX_BELATED
    assert len(late(detector, facts, [lost(9_000)], 10_000)) == 1


def test_its_revisions_never_begin_anew(by_signal: Detectors) -> None:
    detector = by_signal["log"]
    facts = detector.new_facts()
    revisions = []
    for hours in (1, 1.9, 2.1, 3):
        told = [lost(40 + hours), lost(41 + hours)]
        revisions += [s.revision for s in late(detector, facts, told, hours * 3_600)]
    assert revisions == [3, 5]


def test_records_beyond_the_bound_are_counted_as_late_only(by_signal: Detectors) -> None:
    detector = by_signal["log"]
    facts = detector.new_facts()
    (told,) = late(detector, facts, [lost(40 + n / 100) for n in range(MAX_RECORDS + 9)])
    assert (told.count, detector.counts(facts)["late"]) == (MAX_RECORDS, MAX_RECORDS + 9)


def test_what_is_as_ever_is_so_when_it_is_late(by_signal: Detectors) -> None:
    detector = by_signal["log"]
    facts = detector.new_facts()
    for minute in range(0, 480, 30):
        assert late(detector, facts, [lost(60 * minute, FAILED)], 60 * minute) == []
    (told,) = late(detector, facts, [lost(60 * 465, FAILED)], 60 * 475)
    assert told.whisper


def test_who_knows_no_late_symptoms_reads_all_others_as_before(by_signal: Detectors) -> None:
    detector = by_signal["log"]
    facts = detector.new_facts()
    (told,) = late(detector, facts, [lost(40)])
    assert b'"late":true' in canonical(told)
    assert b"late" not in canonical(told.model_copy(update={"late": False}))
    assert Symptom.model_validate_json(canonical(told)) == told

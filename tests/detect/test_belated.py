"""Law 7: what comes too late is counted as late, changes nothing, and is told as late."""

from typing import Any

import pytest

from detect_laws import at, closed_to
from pipeline.detect.belated import MAX_BELATED, REMEMBERED
from pipeline.detect.detector import Detector
from pipeline.records import Event, Log, Observation, Signal

Detectors = dict[Signal, Detector[Any]]
LOST = "[E 2026-03-02 10:00:00.000 JupyterHub orm:764] Rolling back session due to database error x"
NOW = 3_000.0


def lost(second: float) -> Log:
    return Log(time=at(second), message=LOST, pod="p-1")


def unhealthy(second: float) -> Event:
    return Event(time=at(second), kind="Pod", name="p", reason="Unhealthy", message="Readiness")


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

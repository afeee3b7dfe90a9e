"""Limits on counters: each increase counts once, with its size, whoever reads it and when."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detect_laws import COURSES, NODE, Course, assert_adds_up, at, closed_to, run
from effort import tries
from pipeline.detect.detector import Detector
from pipeline.detect.pack import SignaturePack
from pipeline.detect.registry import detectors
from pipeline.records import Metric, Signal, Symptom

Detectors = dict[Signal, Detector[Any]]
RESTARTS = "kube_pod_container_status_restarts_total"
SPAWNS = "jupyterhub_server_spawn_duration_seconds_count"


def reading(second: float, value: float, name: str = RESTARTS, **labels: str) -> Metric:
    return Metric(time=at(second), name=name, value=value, labels={"status": "throttled"} | labels)


def closed(detector: Detector[Any], samples: list[Metric]) -> list[Symptom]:
    return [s for s in run(detector, samples).symptoms if s.state == "closed"]


def read(values: list[float], step: float = 60, **labels: str) -> list[Metric]:
    return [reading(i * step, value, **labels) for i, value in enumerate(values)]


@pytest.fixture(scope="module")
def hasty(pack: SignaturePack) -> Detector[Any]:
    """A detector that wants to see growth within 80 s: late samples matter to what suffices."""
    soon = [s.model_copy(update={"within_s": 80.0}) for s in pack.signatures]
    return detectors(pack.model_copy(update={"signatures": tuple(soon)}))["metric"]


def test_an_increase_counts_once_with_its_size_when_it_is_first_seen(by_signal: Detectors) -> None:
    (symptom,) = closed(by_signal["metric"], read([3, 3, 5, 5, 5, 6, 6, 6]))
    assert (symptom.count, symptom.onset, symptom.last_seen) == (3, at(120), at(300))


@pytest.mark.parametrize(("values", "counts"), [([7, 7, 2, 2, 3], [3]), ([7, 7, 0, 0], [])])
def test_a_counter_that_fell_has_grown_from_0(
    by_signal: Detectors, values: list[float], counts: list[int]
) -> None:
    assert [s.count for s in closed(by_signal["metric"], read(values))] == counts


def test_nothing_is_said_of_a_time_when_nobody_looked(by_signal: Detectors) -> None:
    assert closed(by_signal["metric"], read([3, 40], step=151)) == []
    assert closed(by_signal["metric"], read([40])) == []


@pytest.mark.parametrize("apart", [0.4, 9, 30])
def test_two_replicas_count_once(by_signal: Detectors, apart: float) -> None:
    ours = read([3, 3, 4, 6, 6, 6], prometheus_replica="a")
    theirs = [
        reading(i * 60 + apart, v, prometheus_replica="b") for i, v in enumerate([3, 3, 4, 6])
    ]
    (symptom,) = closed(by_signal["metric"], [*ours, *theirs])
    assert symptom.count == 3


def test_a_replica_that_reads_behind_makes_no_fresh_start(by_signal: Detectors) -> None:
    ours = read([3, 3, 4, 6, 6, 6], prometheus_replica="a")
    behind = [reading(i * 60 + 0.4, v, prometheus_replica="b") for i, v in enumerate([3, 3, 3, 4])]
    (symptom,) = closed(by_signal["metric"], [*ours, *behind])
    assert symptom.count == 3


def test_an_increase_is_told_at_once_and_revised_by_what_comes_later(by_signal: Detectors) -> None:
    detector, facts = by_signal["metric"], by_signal["metric"].new_facts()
    detector.apply(facts, read([3, 4]), closed_to(-120))
    (early,) = detector.revisions(facts, "n", closed_to(-120))
    detector.apply(facts, [reading(40, 4), reading(90, 7)], closed_to(-30))
    (later,) = detector.revisions(facts, "n", closed_to(-30))
    assert (early.onset, early.count) == (at(60), 1)
    assert (later.onset, later.count, later.supersedes) == (at(40), 4, (early.id,))


@pytest.mark.parametrize(
    ("values", "told"), [([0, 1, 1, 1, 1], 0), ([0, 2], 1), ([0, 1, 1, 1, 1, 2], 0), ([0, 1, 2], 1)]
)
def test_what_suffices_is_growth_and_not_samples(
    by_signal: Detectors, values: list[float], told: int
) -> None:
    """Two within 300 s, from the last moment on at which there was less."""
    assert len(closed(by_signal["metric"], read(values, name=SPAWNS))) == told


def test_a_late_reading_takes_back_nothing_that_was_told(hasty: Detector[Any]) -> None:
    """By the three readings in time both grew within 80 s; the late one says: not so."""
    samples = [reading(i, v, SPAWNS) for i, v in [(0, 0), (70, 1), (140, 2), (25, 1)]]
    late = run(hasty, samples, Course(delays=(0, 0, 0, 119)))
    assert (late.symptoms, late.counts) == ([], run(hasty, samples).counts)


def test_facts_older_than_sizes_are_not_told_again(by_signal: Detectors) -> None:
    detector, facts = by_signal["metric"], by_signal["metric"].new_facts()
    detector.apply(facts, read([3, 4]), closed_to(-120))
    detector.revisions(facts, NODE, closed_to(120))
    for series in facts.series.values():
        series.asked = ()
    facts = detector.load(detector.dump(facts))
    detector.apply(facts, [reading(120, 4)], closed_to(120))
    assert_adds_up(detector, facts)
    assert detector.revisions(facts, NODE, closed_to(180)) == []


readings = st.lists(
    st.builds(
        lambda second, value, name, pod: reading(second, value, name, pod=pod),
        st.one_of(st.integers(0, 90).map(lambda tens: tens * 10.0), st.floats(0, 900)),
        st.integers(0, 4).map(float),
        st.sampled_from([RESTARTS, SPAWNS]),
        st.sampled_from(["p-1", "p-2"]),
    ),
    min_size=8,
    max_size=50,
)


@settings(deadline=None, max_examples=tries(200))
@given(readings, COURSES)
def test_growth_does_not_depend_on_the_course(
    hasty: Detector[Any], observations: list[Metric], course: Course
) -> None:
    told, plain = run(hasty, observations, course), run(hasty, observations)
    assert (told.closed, told.counts) == (plain.closed, plain.counts)

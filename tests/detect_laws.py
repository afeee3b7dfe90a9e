"""Drives a detector as a partition does: observations come late, in batches, with restarts."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from pipeline.detect.detector import Detector
from pipeline.records import Observation, Symptom, canonical, micros

START = datetime(2026, 3, 2, 10, tzinfo=UTC)
START_US = micros(START)
LATENESS_S = 120.0
NODE = "jupyterhub/hub"
FAR = 40 * 86_400.0


def at(seconds: float) -> datetime:
    """Return a time by its distance from the start."""
    return START + timedelta(seconds=seconds)


def closed_to(seconds: float) -> int:
    """Return a ``closed_to`` by its distance from the start."""
    return START_US + round(seconds * 1e6)


@dataclass(frozen=True)
class Course:
    """In which order, in which batches and with which interruptions observations arrive."""

    delays: Sequence[float] = (0.0,)
    """By how many seconds each arrives late (taken in turn), below ``LATENESS_S``."""
    batch: int = 1
    restart: bool = False
    """Facts go through a snapshot after each batch."""
    step: bool = False
    """In the end, time goes on by what the detector asks for, instead of far at once."""
    tell: int = 1
    """Revisions are asked for after every so many batches."""


COURSES = st.builds(
    Course,
    delays=st.lists(st.floats(0, LATENESS_S - 1), min_size=1, max_size=9),
    batch=st.integers(1, 9),
    restart=st.booleans(),
    step=st.booleans(),
    tell=st.integers(1, 5),
)


@dataclass
class Told:
    """What a detector told of a node."""

    symptoms: list[Symptom] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)

    @property
    def closed(self) -> list[bytes]:
        """Closed revisions, without the ids that the order of arrival gave them meanwhile."""
        closed = [s for s in self.symptoms if s.state == "closed"]
        return sorted(canonical(s.model_copy(update={"supersedes": ()})) for s in closed)


def run(
    detector: Detector[Any], observations: Sequence[Observation], course: Course | None = None
) -> Told:
    """Return what the detector tells, and check what must hold on the way."""
    course = course or Course()
    facts, told = detector.new_facts(), Told()
    closed = -(2**62)
    for number, (closed_at, batch) in enumerate(batches(observations, course)):
        closed = closed_at
        detector.apply(facts, batch, closed)
        assert_adds_up(detector, facts)
        if number % course.tell == 0:
            told.symptoms += detector.revisions(facts, NODE, closed)
            assert_adds_up(detector, facts)
        if course.restart:
            facts = restarted(detector, facts)
    if course.step:
        told.symptoms += step_to_the_end(detector, facts, closed)
    told.symptoms += detector.revisions(facts, NODE, closed_to(FAR))
    told.counts = assert_adds_up(detector, facts)
    assert told.counts["waiting"] == 0
    assert detector.revisions(facts, NODE, closed_to(FAR)) == []
    assert_revisions_grow(told.symptoms)
    return told


def batches(
    observations: Sequence[Observation], course: Course
) -> Iterator[tuple[int, list[Observation]]]:
    """Yield the batches as they arrive, each with the ``closed_to`` before it."""
    delays = [course.delays[i % len(course.delays)] for i in range(len(observations))]
    arrivals = sorted(
        (
            (o.time + timedelta(seconds=d), i)
            for i, (o, d) in enumerate(zip(observations, delays, strict=True))
        ),
    )
    closed = -(2**62)
    for first in range(0, len(arrivals), course.batch):
        arrived = arrivals[first : first + course.batch]
        closed = max(closed, micros(arrived[0][0]) - round(LATENESS_S * 1e6))
        yield closed, [observations[i] for _, i in arrived]


def restarted(detector: Detector[Any], facts: object) -> object:
    """Return the facts after a restart: they say what they said before."""
    loaded = detector.load(detector.dump(facts))
    assert detector.counts(loaded) == detector.counts(facts)
    assert detector.notify_at(loaded) == detector.notify_at(facts)
    return loaded


def step_to_the_end(detector: Detector[Any], facts: object, closed: int) -> list[Symptom]:
    """Let time go on to each moment that the detector asks for, until it asks for none."""
    told = detector.revisions(facts, NODE, closed)
    while (wake := detector.notify_at(facts)) is not None:
        assert wake > closed
        assert detector.revisions(facts, NODE, wake - 1) == []
        told += detector.revisions(facts, NODE, wake)
        closed = wake
    assert detector.revisions(facts, NODE, closed_to(FAR)) == []
    return told


def assert_adds_up(detector: Detector[Any], facts: object) -> dict[str, int]:
    """Check that each observation is in exactly one bucket."""
    counts = detector.counts(facts)
    assert counts["received"] == sum(n for name, n in counts.items() if name != "received")
    assert min(counts.values()) >= 0
    return counts


def assert_revisions_grow(symptoms: Sequence[Symptom]) -> None:
    """Check that per id revisions grow, that closed is final, and that no open one is left."""
    latest: dict[str, Symptom] = {}
    for symptom in symptoms:
        known = latest.get(symptom.id)
        assert known is None or (known.revision < symptom.revision and known.state == "open")
        for former in symptom.supersedes:
            latest.pop(former, None)
        latest[symptom.id] = symptom
    assert {symptom.state for symptom in latest.values()} <= {"closed"}

"""Laws 3, 4 and 7: order, batching, restarts and frequency change nothing; nothing is lost."""

from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from detect_laws import COURSES, NODE, Course, at, batches, run
from effort import tries
from pipeline.detect.detector import Detector
from pipeline.records import Event, Log, Metric, Signal

Detectors = dict[Signal, Detector[Any]]
PATIENT = settings(deadline=None, max_examples=tries(60))
"""A busy machine is no failure."""

LINES = (
    "[E 2026-03-02 10:00:00.000 JupyterHub orm:764] Rolling back session due to database error x",
    "[E 2026-03-02 10:00:00.000 JupyterHub log:189] 500 GET /hub/home (a@::1) 12.40ms",
    "[W 2026-03-02 10:00:00.000 JupyterHub proxy:320] Adding missing route for /user/alice/ (x)",
    "[E 260302 10:00:00 web:1871] Uncaught exception GET /x",
    "Failing suspected API request to not-running server",
    "[I 2026-03-02 10:00:00.000 JupyterHub log:189] 200 GET /hub/home (a@::1) 12.40ms",
)
ABOUT = (
    "[W 2026-03-02 10:00:00.000 JupyterHub user:812] {}'s server never showed up at http://x/",
    "[E 2026-03-02 10:00:00.000 JupyterHub user:655] Unhandled error starting {}'s server: no",
)
USERS = [f"user{number}@lab.org" for number in range(10)]
"""More than a symptom singles out."""
SECONDS = st.one_of(st.integers(0, 99).map(float), st.floats(0, 900))

logs = st.lists(
    st.builds(
        lambda s, line, pod: Log(time=at(s), message=line, pod=pod, cluster_node=f"on-{pod}"),
        SECONDS,
        st.sampled_from(LINES)
        | st.builds(str.format, st.sampled_from(ABOUT), st.sampled_from(USERS)),
        st.sampled_from(["p-1", "p-2"]),
    ),
    min_size=20,
    max_size=80,
)


def _updates(uid: str, steps: list[tuple[float, int]], *, began: bool, reason: str) -> list[Event]:
    """An event object as Kubernetes updates it: time and count grow, first_time stays."""
    seconds, count, updates = 0.0, 0, []
    for wait, more in steps:
        seconds += wait
        count += more
        updates.append(
            Event(
                time=at(seconds),
                kind="Pod",
                name="p-1",
                reason=reason,
                message="Back-off restarting failed container",
                source_uid=uid,
                count=count,
                first_time=at(steps[0][0] - 100) if began else None,
            )
        )
    return updates


objects = st.builds(
    _updates,
    st.uuids().map(str),
    st.lists(st.tuples(st.floats(0, 500), st.integers(1, 4)), min_size=1, max_size=8),
    began=st.booleans(),
    reason=st.sampled_from(["Unhealthy", "BackOff", "Pulled"]),
)
loose = st.builds(
    lambda s, n, m: Event(
        time=at(s), kind="Pod", name="p-2", reason="Unhealthy", count=n, message=m
    ),
    SECONDS,
    st.integers(1, 3),
    st.sampled_from(["Readiness probe failed", "Liveness probe failed"]),
)
events = st.tuples(st.lists(objects, max_size=4), st.lists(loose, max_size=15)).map(
    lambda parts: [update for updates in parts[0] for update in updates] + parts[1]
)

POD = {"pod": "p-1", "container": "notebook"}


def _series(name: str, values: list[float], *, labels: dict[str, str], step: float) -> list[Metric]:
    return [
        Metric(time=at(i * step), name=name, value=value, labels=labels)
        for i, value in enumerate(values)
    ]


def _sampled(
    name: str, values: tuple[float, ...], labels: dict[str, str]
) -> st.SearchStrategy[list[Metric]]:
    return st.builds(
        lambda chosen, step: _series(name, chosen, labels=labels, step=step),
        st.lists(st.sampled_from(values), max_size=40),
        st.sampled_from([15.0, 31.0, 60.0]),
    )


def _noisy(seed: int, step: float) -> list[Metric]:
    """A duration that is calm for half an hour and more, then strange now and then."""
    dice = Random(seed)
    calm = [dice.gauss(0.1, 0.01) for _ in range(25 + int(1800 / step))]
    strange = [dice.choice([0.1, 0.1, 5.0, 0.3]) for _ in range(60)]
    return _series("response_time", calm + strange, labels={"pod": "p-2"}, step=step)


def _served(seed: int, step: float) -> list[Metric]:
    """Requests of a service that is calm for a while, then slow and failing now and then."""
    dice = Random(seed)
    count = 60 + int(1800 / step)
    slow = [1.0] * (count - 40) + [dice.choice([1.0, 1.0, 1.3, 9.0]) for _ in range(40)]
    durations = [dice.gauss(0.1, 0.005) * factor for factor in slow]
    failing = [0.1 if factor > 1.3 else 0.0 for factor in slow]
    return [
        *_series("request_duration_seconds", durations, labels={}, step=step),
        *_series("request_error_ratio", failing, labels={}, step=step),
        *_series("request_count", [200.0] * count, labels={}, step=step),
    ]


metrics = st.tuples(
    _sampled("up", (1.0, 1.0, 0.0), {"job": "hub"}),
    _sampled("kube_pod_status_ready", (1.0, 0.0), {"pod": "p-1", "condition": "true"}),
    _sampled("kube_pod_container_status_restarts_total", (1.0, 1.0, 2.0, 0.0), POD),
    _sampled("container_memory_working_set_bytes", (10.0, 96.0, 99.0), POD),
    _sampled("kube_pod_container_resource_limits", (100.0, 110.0), POD | {"resource": "memory"}),
    st.builds(_noisy, st.integers(0, 10**6), st.sampled_from([20.0, 60.0, 300.0])),
    st.builds(_served, st.integers(0, 10**6), st.sampled_from([20.0, 60.0, 300.0])),
).map(lambda parts: [sample for part in parts for sample in part])


@PATIENT
@given(logs, COURSES)
def test_log_symptoms_do_not_depend_on_the_course(
    restless: Detectors, observations: list[Log], course: Course
) -> None:
    detector = restless["log"]
    assert run(detector, observations, course).closed == run(detector, observations).closed


@PATIENT
@given(events, COURSES)
def test_event_symptoms_do_not_depend_on_the_course(
    restless: Detectors, observations: list[Event], course: Course
) -> None:
    detector = restless["event"]
    assert run(detector, observations, course).closed == run(detector, observations).closed


@PATIENT
@given(metrics, COURSES)
def test_metric_symptoms_do_not_depend_on_the_course(
    restless: Detectors, observations: list[Metric], course: Course
) -> None:
    detector = restless["metric"]
    assert run(detector, observations, course).closed == run(detector, observations).closed


@PATIENT
@given(metrics, COURSES)
def test_what_is_undecided_is_kept_as_a_restart_works_it_out(
    restless: Detectors, observations: list[Metric], course: Course
) -> None:
    detector = restless["metric"]
    facts = detector.new_facts()
    for number, (closed, batch) in enumerate(batches(observations, course)):
        detector.apply(facts, batch, closed)
        assert facts.undecided == detector.load(detector.dump(facts)).undecided
        if number % course.tell == 0:
            detector.revisions(facts, NODE, closed)
            assert facts.undecided == detector.load(detector.dump(facts)).undecided


@PATIENT
@given(st.one_of(logs, events, metrics), COURSES)
def test_counts_do_not_depend_on_the_course(
    restless: Detectors, observations: list[Any], course: Course
) -> None:
    for detector in (restless[o.signal] for o in observations[:1]):
        assert run(detector, observations, course).counts == run(detector, observations).counts


@PATIENT
@given(st.one_of(logs, events), COURSES)
def test_a_repeat_changes_no_symptom(
    restless: Detectors, observations: list[Any], course: Course
) -> None:
    for detector in (restless[o.signal] for o in observations[:1]):
        twice = [o for o in observations for _ in range(2)]
        assert run(detector, twice, course).closed == run(detector, observations).closed

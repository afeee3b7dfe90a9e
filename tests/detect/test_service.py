"""Well-known service metrics: extra waiting and extra failures, strong and weak."""

from random import Random
from typing import Any

import pytest

from detect_laws import Course, at, run
from pipeline.detect.detector import Detector
from pipeline.records import Metric, Signal, Symptom

Detectors = dict[Signal, Detector[Any]]
Row = tuple[float, float, float]
"""Requests, share that fails, mean duration in seconds."""
NAMES = ("request_count", "request_error_ratio", "request_duration_seconds")


def calm(count: int, seed: int = 1) -> list[Row]:
    dice = Random(seed)
    return [(100 + dice.randrange(9), 0.0, dice.gauss(0.1, 0.002)) for _ in range(count)]


def samples(rows: list[Row], step: float = 60) -> list[Metric]:
    return [
        Metric(time=at(number * step), name=name, value=value)
        for number, row in enumerate(rows)
        for name, value in zip(NAMES, row, strict=True)
    ]


def told(by_signal: Detectors, rows: list[Row], step: float = 60) -> list[Symptom]:
    return [s for s in run(by_signal["metric"], samples(rows, step)).symptoms if not s.whisper]


@pytest.mark.parametrize("step", [20, 60, 300])
def test_slow_requests_are_told_with_all_the_seconds_that_they_waited_more(
    by_signal: Detectors, step: float
) -> None:
    slow = [(100.0, 0.0, 0.6)] * 6
    last = [s for s in told(by_signal, [*calm(99), *slow, *calm(9)], step) if s.state == "closed"]
    (symptom,) = (s for s in last if s.symptom_class == "latency")
    assert symptom.amount is not None
    assert symptom.amount.unit == "seconds"
    assert symptom.amount.total == pytest.approx(6 * 100 * 0.5, rel=0.1)


def test_failures_are_counted_against_what_usually_fails(by_signal: Detectors) -> None:
    usual = [(r, 0.02 if n % 2 else 0.0, d) for n, (r, _, d) in enumerate(calm(60))]
    failing = [(100.0, 0.2, 0.1)] * 3
    last = [s for s in told(by_signal, [*usual, *failing, *usual]) if s.state == "closed"]
    (symptom,) = (s for s in last if s.symptom_class == "error")
    assert symptom.amount is not None
    assert symptom.amount.total == pytest.approx(3 * (20 - 1), abs=1)


def test_trouble_of_two_hours_ago_is_remembered_over_restarts(by_signal: Detectors) -> None:
    slow = [(100.0, 0.4, 0.6)] * 3
    rows = samples([*calm(40), *slow, *calm(120), *slow, *calm(9)])
    restarted = run(by_signal["metric"], rows, Course(restart=True))
    assert restarted.closed == run(by_signal["metric"], rows).closed


def test_one_failure_more_is_a_whisper(by_signal: Detectors) -> None:
    rows = [*calm(60), (100.0, 0.01, 0.1), *calm(9)]
    found = run(by_signal["metric"], samples(rows)).symptoms
    assert [s.whisper for s in found if s.symptom_class == "error"] == [True, True]


def test_a_quiet_day_has_no_symptom(by_signal: Detectors) -> None:
    assert told(by_signal, calm(1440)) == []


def test_a_service_with_a_long_tail_stays_quiet_within_its_tail(by_signal: Detectors) -> None:
    rows = [(r, e, 0.9 if n % 40 == 7 else d) for n, (r, e, d) in enumerate(calm(400))]
    assert told(by_signal, rows) == []


def test_without_a_count_of_requests_means_are_compared(by_signal: Detectors) -> None:
    rows = [*calm(60), (0, 0, 0.5), (0, 0, 0.5), (0, 0, 0.5)]
    alone = [s for s in samples(rows) if s.name == "request_duration_seconds"]
    found = [s for s in run(by_signal["metric"], alone).symptoms if not s.whisper]
    assert {s.symptom_class for s in found} == {"latency"}


def test_every_sample_ends_in_one_bucket(by_signal: Detectors) -> None:
    rows = [*calm(60), *[(100.0, 0.3, 0.9)] * 4, *calm(20)]
    counts = run(by_signal["metric"], samples(rows)).counts
    assert counts["received"] == 3 * len(rows)
    assert sum(counts.values()) == 2 * counts["received"]

"""Counters and histograms of requests tell what gauges would: extra failing, extra waiting."""

import math
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detect_laws import COURSES, NODE, Course, assert_adds_up, at, run
from effort import tries
from pipeline.detect.detector import Detector
from pipeline.detect.pack import SignaturePack
from pipeline.detect.registry import NodeDetectors
from pipeline.detect.requests import COUNT, Cumulative, Part, Requests, Served, close, quantile
from pipeline.detect.samples import MINUTE
from pipeline.records import Metric, Signal, Symptom

Detectors = dict[Signal, Detector[Any]]
NAME = "http_request_duration_seconds"
BOUNDS = (0.1, 0.5, 2.5, math.inf)


class Hub:
    """A hub that counts its requests, as Prometheus sees them each minute."""

    def __init__(self, pod: str = "hub-1", seed: int = 1, *, summed: bool = True) -> None:
        self.pod, self.dice, self.summed = pod, Random(seed), summed
        self.totals: dict[tuple[str, str], float] = {}
        self.samples: list[Metric] = []

    def minute(self, number: float, *, failing: int = 0, lasting: float = 0.05) -> None:
        """Answer requests for a minute, and be scraped."""
        for status, count in (("200", 100 + self.dice.randrange(9)), ("500", failing)):
            for _ in range(count):
                self._answer(status, self.dice.gauss(lasting, lasting / 50))
        for (part, code), value in self.totals.items():
            name, _, bound = part.partition("|")
            labels = {"pod": self.pod, "code": code, "handler": "LoginHandler"}
            labels |= {"le": bound} if bound else {}
            sample = Metric(time=at(number * 60), name=name, value=value, labels=labels)
            self.samples.append(sample)

    def _answer(self, code: str, seconds: float) -> None:
        found = {f"{NAME}_count": 1.0, f"{NAME}_sum": seconds} if self.summed else {}
        found |= {f"{NAME}_bucket|{bound}": float(seconds <= bound) for bound in BOUNDS}
        for part, more in found.items():
            self.totals[part, code] = self.totals.get((part, code), 0.0) + more


def told(detectors: Detectors, hub: Hub, kind: str, course: Course | None = None) -> list[Symptom]:
    symptoms = run(detectors["metric"], hub.samples, course).symptoms
    return [s for s in symptoms if s.state == "closed" and not s.whisper and kind in s.signature]


def outage(hub: Hub, **trouble: float) -> Hub:
    for number in range(60):
        hub.minute(number, **(trouble if 45 <= number < 50 else {}))  # type: ignore[arg-type]
    return hub


def test_failures_are_told_with_their_amount(by_signal: Detectors) -> None:
    (symptom,) = told(by_signal, outage(Hub(), failing=20), "requests-fail")
    assert symptom.amount is not None
    assert symptom.amount.total == pytest.approx(100, abs=6)


@pytest.mark.parametrize("summed", [True, False])
def test_waiting_is_told_by_the_mean_or_else_by_quantiles(
    by_signal: Detectors, *, summed: bool
) -> None:
    (symptom,) = told(by_signal, outage(Hub(summed=summed), lasting=1.0), "requests-wait")
    assert symptom.amount is not None
    assert symptom.amount.total > 100


def test_the_hub_s_own_counters_are_known(by_signal: Detectors) -> None:
    hub = outage(Hub(), failing=20)
    own = {f"{NAME}_count": "jupyterhub_request_duration_seconds_count"}
    renamed = [s.model_copy(update={"name": own[s.name]}) for s in hub.samples if s.name in own]
    hub.samples = renamed
    (symptom,) = told(by_signal, hub, "requests-fail")
    assert symptom.amount is not None


def test_a_calm_hub_says_nothing(by_signal: Detectors) -> None:
    assert told(by_signal, outage(Hub()), "requests") == []


def test_a_restart_of_the_counters_is_no_burst(by_signal: Detectors) -> None:
    hub = outage(Hub())
    hub.totals = dict.fromkeys(hub.totals, 0.0)
    for number in range(60, 70):
        hub.minute(number)
    assert told(by_signal, hub, "requests") == []


def test_what_an_old_process_has_counted_before_is_nobody_s_burst(by_signal: Detectors) -> None:
    hub, old = outage(Hub()), Hub(pod="hub-2", seed=2)
    old.totals[f"{NAME}_count", "500"] = 1e6
    for number in range(45, 60):
        old.minute(number + 0.1)
    hub.samples += old.samples
    assert told(by_signal, hub, "requests-fail") == []


def test_a_pause_of_the_scrapes_adds_nothing(by_signal: Detectors) -> None:
    hub = outage(Hub())
    hub.totals[f"{NAME}_count", "500"] = 1e4
    for number in range(90, 100):
        hub.minute(number)
    assert told(by_signal, hub, "requests-fail") == []


def test_each_sample_is_accounted_for_once(by_signal: Detectors) -> None:
    counts = run(by_signal["metric"], outage(Hub(), failing=20).samples).counts
    assert counts["received"] == sum(n for name, n in counts.items() if name != "received")
    assert counts["overflow"] == counts["waiting"] == 0


@settings(deadline=None, max_examples=tries(15))
@given(st.integers(0, 99), st.integers(0, 30), COURSES)
def test_they_do_not_depend_on_the_course(
    by_signal: Detectors, seed: int, failing: int, course: Course
) -> None:
    hub = outage(Hub(seed=seed), failing=failing)
    detector = by_signal["metric"]
    assert run(detector, hub.samples, course).closed == run(detector, hub.samples).closed
    assert run(detector, hub.samples, course).counts == run(detector, hub.samples).counts


def test_a_second_replica_changes_no_symptom(by_signal: Detectors) -> None:
    hub = outage(Hub(), failing=20)
    (alone,) = told(by_signal, hub, "requests-fail")
    hub.samples += [
        s.model_copy(update={"labels": s.labels | {"prometheus_replica": "b"}}) for s in hub.samples
    ]
    (both,) = told(by_signal, hub, "requests-fail")
    assert both == alone


@pytest.mark.parametrize("silent_h", [0.1, 1, 5.9, 6, 7])
def test_how_often_minutes_are_closed_changes_nothing(silent_h: float) -> None:
    def served(steps: int) -> list[Served]:
        known = Requests()
        for name in ("200", "500"):
            known.counters[name] = Cumulative(Part("v", "hub-1", COUNT, name == "500"), own=True)
        for minute in range(10 * 60):
            known.counters["200"].put(minute * MINUTE, 100.0 * minute)
            if not 60 <= minute < 60 * (1 + silent_h):
                known.counters["500"].put(minute * MINUTE, float(minute))
        ends = [round((at + 1) * 600 / steps) * MINUTE for at in range(steps)]
        return [each for end in ends for each in close(known, end, ("v",))[0]]

    assert served(1) == served(10) == served(600)


def test_a_newer_pack_that_puts_a_limit_on_a_counter_counts_nothing_twice(
    pack: SignaturePack, by_signal: Detectors
) -> None:
    name = "jupyterhub_request_duration_seconds_count"
    samples = [
        s.model_copy(update={"name": name})
        for s in outage(Hub(), failing=3).samples
        if s.name == f"{NAME}_count"
    ]
    without = NodeDetectors(pack.model_copy(update={"signatures": ()})).at("metric", NODE)
    facts = without.new_facts()
    without.apply(facts, samples[:50], 0)
    facts = by_signal["metric"].load(without.dump(facts))
    by_signal["metric"].apply(facts, samples[50:200], 0)
    assert_adds_up(by_signal["metric"], facts)


@pytest.mark.parametrize(
    ("share", "value"), [(0.25, 0.05), (0.5, 0.1), (0.9, 0.42), (0.99, 0.492), (1.0, 0.5)]
)
def test_a_quantile_lies_evenly_within_its_bucket(share: float, value: float) -> None:
    assert quantile(share, {0.1: 10, 0.5: 20, math.inf: 20}) == pytest.approx(value)


def test_of_the_open_bucket_no_more_is_known_than_where_it_begins() -> None:
    assert quantile(0.9, {0.1: 10, 0.5: 20, math.inf: 40}) == 0.5
    assert math.isnan(quantile(0.5, {0.1: 0, math.inf: 0}))
    assert math.isnan(quantile(0.5, {0.1: 5}))

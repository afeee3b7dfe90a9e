"""Metric limits and baselines."""

from random import Random
from typing import Any

import pytest

from detect_laws import NODE, START_US, Course, assert_adds_up, at, closed_to, run
from pipeline.detect.baseline import rate
from pipeline.detect.detector import Detector
from pipeline.detect.metric_facts import MAX_PAIRS
from pipeline.detect.pack import SignaturePack
from pipeline.detect.registry import detectors, longest_span_s
from pipeline.detect.settings import DetectSettings
from pipeline.records import Metric, Signal, Symptom

Detectors = dict[Signal, Detector[Any]]
LATENCY = "upstream_response_time_seconds"


def sample(second: float, name: str, value: float, **labels: str) -> Metric:
    return Metric(time=at(second), name=name, value=value, labels=labels)


def series(name: str, values: list[float], step: float = 60, **labels: str) -> list[Metric]:
    return [sample(i * step, name, value, **labels) for i, value in enumerate(values)]


def calm(count: int, level: float = 0.1) -> list[float]:
    dice = Random(1)
    return [dice.gauss(level, level / 20) for _ in range(count)]


def closed(detector: Detector[Any], samples: list[Metric]) -> list[Symptom]:
    return [s for s in run(detector, samples).symptoms if s.state == "closed"]


def test_a_limit_is_told_with_the_sample_that_breaks_it(by_signal: Detectors) -> None:
    detector = by_signal["metric"]
    facts = detector.new_facts()
    detector.apply(facts, [sample(60, "up", 0, job="hub")], closed_to(0))
    (symptom,) = detector.revisions(facts, "n", closed_to(0))
    assert (symptom.signature, symptom.onset, symptom.state) == ("scrape-failed", at(60), "open")


@pytest.mark.parametrize(("values", "told"), [([0, 1, 1, 1], 0), ([0, 0, 1, 1], 1)])
def test_a_limit_may_have_to_last(by_signal: Detectors, values: list[float], told: int) -> None:
    unready = series("kube_pod_status_ready", values, condition="true", pod="p")
    found = run(by_signal["metric"], unready)
    assert len([s for s in found.symptoms if s.state == "closed"]) == told
    assert found.counts["below_threshold"] == 1 - told


def test_a_ratio_is_of_the_same_thing_and_of_the_same_time(by_signal: Detectors) -> None:
    free = sample(0, "kubelet_volume_stats_available_bytes", 5, persistentvolumeclaim="c")
    room = "kubelet_volume_stats_capacity_bytes"
    assert (
        closed(by_signal["metric"], [free, sample(9, room, 100, persistentvolumeclaim="d")]) == []
    )
    assert (
        closed(by_signal["metric"], [free, sample(500, room, 100, persistentvolumeclaim="c")]) == []
    )
    (symptom,) = closed(
        by_signal["metric"], [free, sample(9, room, 100, persistentvolumeclaim="c")]
    )
    assert [i.node for i in symptom.implicates] == ["infrastructure/volume/c"]


def test_a_divisor_that_comes_late_does_not_cut_an_episode_in_two(by_signal: Detectors) -> None:
    name, room = "kubelet_volume_stats_available_bytes", "kubelet_volume_stats_capacity_bytes"
    samples = [
        sample(0, name, 5, persistentvolumeclaim="c"),
        sample(0, room, 100, persistentvolumeclaim="c"),
        sample(659, name, 5, persistentvolumeclaim="c"),
        sample(719, room, 100, persistentvolumeclaim="c"),
        sample(829, "up", 1),
    ]
    last = Course(delays=(0, 0, 0, 119, 0))
    assert (
        run(by_signal["metric"], samples, last).closed == run(by_signal["metric"], samples).closed
    )
    assert len(closed(by_signal["metric"], samples)) == 1


@pytest.mark.parametrize("divisors", [(100, 80), (80, 100)])
def test_any_divisor_of_the_span_may_break_the_limit(
    by_signal: Detectors, divisors: tuple[float, float]
) -> None:
    free, room = "kubelet_volume_stats_available_bytes", "kubelet_volume_stats_capacity_bytes"
    rooms = [sample(2, room, divisor, pod="p") for divisor in divisors]
    (symptom,) = closed(by_signal["metric"], [sample(3, free, 9, pod="p"), *rooms])
    assert (symptom.onset, symptom.count) == (at(3), 1)
    used, limit = "kube_resourcequota", {"type": "hard", "resource": "pods"}
    hard = [sample(2, used, divisor, **limit) for divisor in divisors]
    taken = sample(3, used, 79, type="used", resource="pods")
    assert len(closed(by_signal["metric"], [taken, *hard])) == 1


def test_two_blips_do_not_last(by_signal: Detectors) -> None:
    unready = series("kube_pod_status_ready", [0, 1, 1, 1, 0, 1], condition="true", pod="p")
    told = run(by_signal["metric"], unready)
    assert (told.symptoms, told.counts["below_threshold"]) == ([], 2)


def test_what_lasts_is_detected_when_it_has_lasted(by_signal: Detectors) -> None:
    name = "kube_pod_status_ready"
    many = [sample(60 + i / 5, name, 0, pod=f"p-{i}", condition="true") for i in range(22)]
    samples = [sample(5, name, 0, pod="p"), *many, sample(66, name, 0, pod="p")]
    (symptom,) = closed(by_signal["metric"], samples)
    assert (symptom.onset, symptom.detected_at, symptom.count) == (at(5), at(66), 24)


@pytest.mark.parametrize(
    ("labels", "label"),
    [({"pod": "p"}, "instance"), ({"container": "c"}, "id"), ({}, "prometheus_replica")],
)
def test_labels_that_tell_who_looked_make_no_series(
    by_signal: Detectors, labels: dict[str, str], label: str
) -> None:
    samples = [sample(0, "up", 0, **labels, **{label: value}) for value in "ab"]
    assert run(by_signal["metric"], samples).counts["duplicate"] == 1


def test_a_counter_that_falls_has_counted_from_nothing() -> None:
    assert rate([(0, 50), (60_000_000, 30)]) == 0.5
    assert rate([(0, 50)]) is None


def test_a_counter_that_grows_is_told_and_one_that_starts_anew_is_not(
    by_signal: Detectors,
) -> None:
    name = "kube_pod_container_status_restarts_total"
    assert closed(by_signal["metric"], series(name, [3, 3, 0, 0], container="c")) == []
    (symptom,) = closed(by_signal["metric"], series(name, [3, 3, 4, 4, 4, 4, 4], container="c"))
    assert symptom.onset == at(120)


def test_two_replicas_of_the_scraper_see_one_series(by_signal: Detectors) -> None:
    samples = [sample(0, "up", 0, job="hub", prometheus_replica=f"r-{n}") for n in (0, 1)]
    told = run(by_signal["metric"], samples)
    assert (told.counts["duplicate"], told.symptoms[-1].count) == (1, 1)


@pytest.mark.parametrize("step", [60, 300])
def test_latency_far_above_its_past_is_a_symptom(by_signal: Detectors, step: float) -> None:
    values = [*calm(40), 0.4, 0.4, 0.4, *calm(20)]
    (symptom,) = closed(by_signal["metric"], series(LATENCY, values, step))
    assert (symptom.symptom_class, symptom.severity) == ("latency", "major")
    assert (symptom.onset, symptom.last_seen) == (at(40 * step), at(42 * step))
    assert symptom.count == 3
    assert symptom.score > 6
    assert symptom.resolution_s == step


def test_one_minute_suffices_only_when_it_is_very_far_off(by_signal: Detectors) -> None:
    assert closed(by_signal["metric"], series(LATENCY, [*calm(40), 0.17, *calm(20)])) == []
    assert len(closed(by_signal["metric"], series(LATENCY, [*calm(40), 0.9, *calm(20)]))) == 1


def test_faster_than_ever_is_no_trouble(by_signal: Detectors) -> None:
    assert closed(by_signal["metric"], series(LATENCY, [*calm(40), *[0.001] * 9])) == []


def test_a_constant_series_does_not_explode(by_signal: Detectors) -> None:
    values = [*[7.0] * 60, 7.1, 7.2, 7.1, *[7.0] * 20]
    assert closed(by_signal["metric"], series("workers", values)) == []


def test_a_slow_fault_does_not_teach_the_baseline(by_signal: Detectors) -> None:
    (symptom,) = closed(by_signal["metric"], series(LATENCY, [*calm(60), *[0.5] * 30]))
    assert symptom.count == 30


def test_after_an_hour_the_new_level_is_normal(by_signal: Detectors) -> None:
    (symptom,) = closed(by_signal["metric"], series(LATENCY, [*calm(60), *[0.5] * 300]))
    assert 40 <= symptom.count <= 70


def test_a_counter_is_compared_by_its_rate(by_signal: Detectors) -> None:
    steps = [*[60.0] * 40, *[600.0] * 3, *[60.0] * 10]
    grown = [sum(steps[: i + 1]) for i in range(len(steps))]
    restarted = [*grown[:20], *(value - grown[19] for value in grown[20:])]
    (symptom,) = closed(by_signal["metric"], series("http_requests_total", restarted))
    assert (symptom.onset, symptom.count) == (at(40 * 60), 3)


def test_quiet_noise_is_no_trouble(by_signal: Detectors) -> None:
    noise = [s for n in range(20) for s in series(LATENCY, calm(300), handler=f"h-{n}")]
    assert closed(by_signal["metric"], noise) == []


def test_buckets_of_histograms_are_no_series_of_their_own(by_signal: Detectors) -> None:
    told = run(by_signal["metric"], [sample(0, "x_seconds_bucket", 1, le="1")])
    assert told.counts["no_symptom"] == 1


def test_series_beyond_the_bound_are_overflow(pack: SignaturePack) -> None:
    narrow = detectors(pack, DetectSettings(max_series=1))["metric"]
    told = run(narrow, [sample(0, LATENCY, 1, handler=h) for h in "ab"])
    assert told.counts["overflow"] == 1


@pytest.mark.parametrize("value", [1e308, -1e308, 5e-324, -0.0])
def test_absurd_values_do_no_harm(by_signal: Detectors, value: float) -> None:
    samples = series(LATENCY, [*calm(30), value, value, value])
    for symptom in run(by_signal["metric"], samples).symptoms:
        assert symptom.score <= 1e6


def test_all_has_closed_after_the_longest_span(pack: SignaturePack, by_signal: Detectors) -> None:
    detector = by_signal["metric"]
    facts = detector.new_facts()
    samples = [*series(LATENCY, [*calm(40), 9, 9]), sample(41 * 60, "up", 0)]
    detector.apply(facts, samples, closed_to(0))
    detector.revisions(facts, "n", START_US + int((41 * 60 + longest_span_s(pack)) * 1e6))
    assert facts.tracks == {}
    assert detector.counts(facts)["waiting"] == 0


def test_a_newer_pack_takes_over_the_facts_of_an_older(
    pack: SignaturePack, by_signal: Detectors
) -> None:
    detector = by_signal["metric"]
    facts = detector.new_facts()
    free = sample(0, "kubelet_volume_stats_available_bytes", 50, persistentvolumeclaim="c")
    detector.apply(facts, [free, sample(0, "up", 0), *series(LATENCY, calm(5))], closed_to(0))
    bare = detectors(pack.model_copy(update={"signatures": (), "baselines": ()}))["metric"]
    counts = bare.counts(bare.load(detector.dump(facts)))
    assert counts["received"] == counts["no_symptom"] == 7


def looked_at_by(pack: SignaturePack, rule: str) -> Detector[Any]:
    """Return a detector of the pack with a limit that looks at latencies instead."""
    other = {"metrics": (LATENCY,), "where": {}, "by": ()}
    signatures = (s.model_copy(update=other) if s.id == rule else s for s in pack.signatures)
    return detectors(pack.model_copy(update={"signatures": tuple(signatures)}))["metric"]


@pytest.mark.parametrize("rule", ["container-restarted", "scrape-failed"])
def test_what_a_limit_no_longer_looks_at_is_counted_once(
    pack: SignaturePack, by_signal: Detectors, rule: str
) -> None:
    older, newer = looked_at_by(pack, rule), by_signal["metric"]
    facts = older.new_facts()
    older.apply(facts, series(LATENCY, [0, 1, 2]), closed_to(0))
    facts = newer.load(older.dump(facts))
    newer.apply(
        facts, [*series("workers", [1, 2]), *series(LATENCY, [0, 1, 2, 3, 0])], closed_to(0)
    )
    for second in (0, 120, 200, 9000):
        assert_adds_up(newer, facts)
        newer.revisions(facts, NODE, closed_to(second))
    assert assert_adds_up(newer, facts)["waiting"] == 0


def test_a_new_limit_looks_at_known_series(pack: SignaturePack, by_signal: Detectors) -> None:
    older, newer = by_signal["metric"], looked_at_by(pack, "container-restarted")
    facts = older.new_facts()
    older.apply(facts, series(LATENCY, [1, 1, 1]), closed_to(0))
    facts = newer.load(older.dump(facts))
    newer.apply(facts, series(LATENCY, [1, 1, 1, 1, 2, 2]), closed_to(0))
    (symptom, *_) = newer.revisions(facts, NODE, closed_to(0))
    assert (symptom.signature, symptom.onset) == ("container-restarted", at(240))
    assert_adds_up(newer, facts)


def test_ratios_beyond_the_bound_are_overflow(pack: SignaturePack) -> None:
    roomy = detectors(pack, DetectSettings(max_series=2 * MAX_PAIRS))["metric"]
    name = "kubelet_volume_stats_available_bytes"
    samples = [sample(0, name, 5, persistentvolumeclaim=f"c-{n}") for n in range(MAX_PAIRS + 3)]
    divisor = sample(0, "kubelet_volume_stats_capacity_bytes", 9, persistentvolumeclaim="d")
    told = run(roomy, [*samples, divisor], Course(batch=1000))
    assert told.counts["overflow"] == 3


def test_a_series_silent_for_hours_begins_anew(by_signal: Detectors) -> None:
    detector = by_signal["metric"]
    facts = detector.new_facts()
    detector.apply(facts, series(LATENCY, calm(40)), closed_to(0))
    detector.revisions(facts, "n", closed_to(7 * 3600))
    assert facts.series == {}


def test_a_past_before_a_long_silence_is_no_past(by_signal: Detectors) -> None:
    after = [sample(8 * 3600 + 60 * i, LATENCY, 0.9) for i in range(9)]
    assert closed(by_signal["metric"], [*series(LATENCY, calm(40)), *after]) == []

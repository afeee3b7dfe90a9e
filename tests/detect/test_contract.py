"""What every detector keeps to, whatever its signal."""

from typing import Any, get_args

import msgspec
import pytest

from detect_laws import NODE, at, closed_to
from pipeline.detect.detector import Detector
from pipeline.detect.fingerprints import LENGTH, bounded, fingerprint
from pipeline.records import SIGNALS, Event, Log, Metric, Observation, Signal

Detectors = dict[Signal, Detector[Any]]
SIGN: dict[Signal, Observation] = {
    "log": Log(time=at(5), message="Proxy stopped with exit code 1"),
    "event": Event(time=at(5), kind="Pod", name="p", reason="Unhealthy", message="Readiness"),
    "metric": Metric(time=at(5), name="up", value=0),
}
each = pytest.mark.parametrize("signal", SIGNALS)


def test_every_signal_has_its_detector(by_signal: Detectors) -> None:
    assert set(by_signal) == set(get_args(Signal))
    assert all(detector.signal == signal for signal, detector in by_signal.items())


@each
def test_before_closed_to_is_late_and_changes_no_episode(
    by_signal: Detectors, signal: Signal
) -> None:
    detector = by_signal[signal]
    facts = detector.new_facts()
    detector.apply(facts, [SIGN[signal]], closed_to(5.1))
    assert facts.tracks == {}
    told = detector.revisions(facts, NODE, closed_to(1e5))
    assert [symptom.late for symptom in told] == [True] * (signal != "metric")
    assert detector.counts(facts)["late"] == detector.counts(facts)["received"] == 1


@each
def test_a_second_call_tells_nothing_new(by_signal: Detectors, signal: Signal) -> None:
    detector = by_signal[signal]
    facts = detector.new_facts()
    detector.apply(facts, [SIGN[signal]], closed_to(0))
    assert len(detector.revisions(facts, NODE, closed_to(0))) == 1
    assert detector.revisions(facts, NODE, closed_to(0)) == []


@each
def test_a_snapshot_is_all_there_is_and_in_json_as_an_older_release_wrote_it_too(
    by_signal: Detectors, signal: Signal
) -> None:
    detector = by_signal[signal]
    facts = detector.new_facts()
    detector.apply(facts, [SIGN[signal]], closed_to(0))
    detector.revisions(facts, NODE, closed_to(0))
    dumped = detector.dump(facts)
    again = detector.load(dumped)
    assert again == detector.load(msgspec.json.encode(msgspec.msgpack.decode(dumped))) == facts
    assert detector.dump(again) == dumped
    assert detector.notify_at(again) == detector.notify_at(facts)


@each
def test_facts_of_nothing_ask_for_nothing(by_signal: Detectors, signal: Signal) -> None:
    detector = by_signal[signal]
    facts = detector.new_facts()
    assert detector.notify_at(facts) is None
    assert detector.revisions(facts, NODE, closed_to(1e6)) == []
    assert set(detector.counts(facts).values()) == {0}


@each
def test_observations_of_another_signal_are_a_bug(by_signal: Detectors, signal: Signal) -> None:
    detector = by_signal[signal]
    other = SIGN["log" if signal != "log" else "event"]
    with pytest.raises(TypeError, match="not a"):
        detector.apply(detector.new_facts(), [other], 0)


def test_fingerprints_are_readable_bounded_and_apart() -> None:
    assert fingerprint("a", {"y": "2", "x": "1"}) == "a{x=1,y=2}"
    long = [fingerprint("a", {"x": "1" * 500 + end}) for end in "ab"]
    assert [len(text) for text in long] == [LENGTH, LENGTH]
    assert long[0] != long[1]
    assert bounded("short") == "short"

"""Each signature recognises its examples, and not its counter-examples."""

from typing import Literal

import pytest
from _pytest.mark import ParameterSet

from detect_laws import NODE, at, closed_to
from pipeline.detect.load_pack import load_pack
from pipeline.detect.pack import EventExample, EventSignature, LogSignature, MetricSignature, Sample
from pipeline.detect.registry import detectors
from pipeline.records import Event, Log, Metric, Observation

PACK = load_pack("jupyterhub")
DETECTORS = detectors(PACK)
Signature = LogSignature | EventSignature | MetricSignature
Example = str | EventExample | tuple[Sample, ...]


def recognised(observations: list[Observation]) -> set[str]:
    """The ids of the signatures that recognise something."""
    detector = DETECTORS[observations[0].signal]
    facts = detector.new_facts()
    detector.apply(facts, observations, closed_to(0))
    told = detector.revisions(facts, NODE, closed_to(1e6))
    return {symptom.signature for symptom in told} | set(facts.suppressed)


def made(signature: Signature, example: Example) -> list[Observation]:
    """What the example stands for, as often as the signature wants to see it."""
    often = range(signature.at_least)
    if isinstance(example, str):
        return [Log(time=at(i), message=example) for i in often]
    if isinstance(example, EventExample):
        return [Event(time=at(i), name="x", **example.model_dump()) for i in often]
    assert isinstance(signature, MetricSignature)
    rounds = 1 if signature.limit.increases else 2 + int(signature.for_s // 60)
    return [
        Metric(time=at(60 * i + offset), **sample.model_dump())
        for i in range(rounds)
        for offset, sample in enumerate(example)
    ]


def cases(field: Literal["examples", "counter_examples"]) -> list[ParameterSet]:
    return [
        pytest.param(signature, example, id=f"{signature.id}-{number}")
        for signature in PACK.signatures
        for number, example in enumerate(getattr(signature, field))
    ]


@pytest.mark.parametrize(("signature", "example"), cases("examples"))
def test_an_example_is_recognised(signature: Signature, example: Example) -> None:
    assert recognised(made(signature, example)) == {signature.id}


@pytest.mark.parametrize(("signature", "example"), cases("counter_examples"))
def test_a_counter_example_is_not_recognised(signature: Signature, example: Example) -> None:
    assert signature.id not in recognised(made(signature, example))

"""A pack's examples put to the whole pack: is each recognised by its signature, and no other?

An example stands at a node where its signature holds. Of logs and events the first signature that
recognises something wins, so another one before it would take it away. Limits on metrics stand
beside each other: the one must be among those that are broken. Pure.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pipeline.detect.pack import SignaturePack
from pipeline.detect.registry import NodeDetectors
from pipeline.detect.rules import filled
from pipeline.detect.signatures import (
    EventExample,
    EventSignature,
    LogSignature,
    MetricSignature,
    Sample,
    Signature,
)
from pipeline.records import Event, Log, Metric, Observation

ANYWHERE = "anywhere"
"""The node of examples whose signature is not limited to nodes of some form: of no form itself."""
_SOMEBODY = "somebody"
_START = datetime(2026, 3, 2, 10, tzinfo=UTC)
_BEFORE_ALL = -(2**62)
_SCRAPED_EVERY_S = 60

Example = str | EventExample | tuple[Sample, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one example, or counter-example, at one node."""

    signature: str
    number: int
    """Of the example in its list, from 1."""
    counter: bool
    """It is a counter-example."""
    text: str
    node: str
    recognised: tuple[str, ...]
    """Ids of the signatures that recognised it."""
    right: bool

    @property
    def told(self) -> str:
        """Return in one line what is wrong, or that nothing is."""
        kind = "counter-example" if self.counter else "example"
        what = (
            f"recognised as {', '.join(self.recognised)}" if self.recognised else "not recognised"
        )
        where = "" if self.node == ANYWHERE else f" at {self.node}"
        return f"{self.signature}: {kind} {self.number}{where}: {what}: {self.text}"


def outcomes(pack: SignaturePack) -> Iterator[Outcome]:
    """Yield what becomes of each example and counter-example of a pack, in order."""
    detectors = NodeDetectors(pack)
    for signature in pack.signatures:
        for node in [filled(form, _SOMEBODY) for form in signature.at] or [ANYWHERE]:
            for counter in (False, True):
                for number, example in enumerate(_examples(signature, counter=counter), 1):
                    found = _recognised(detectors, signature, example, node)
                    yield Outcome(
                        signature=signature.id,
                        number=number,
                        counter=counter,
                        text=_text(example),
                        node=node,
                        recognised=found,
                        right=_is_right(signature, found, counter=counter),
                    )


def _examples(signature: Signature, *, counter: bool) -> Sequence[Example]:
    if counter:
        return signature.counter_examples
    return signature.examples


def _is_right(signature: Signature, recognised: Sequence[str], *, counter: bool) -> bool:
    if counter:
        return signature.id not in recognised
    if isinstance(signature, MetricSignature):
        return signature.id in recognised
    return [*recognised] == [signature.id]


def _recognised(
    detectors: NodeDetectors, signature: Signature, example: Example, node: str
) -> tuple[str, ...]:
    detector = detectors.at(signature.signal, node)
    facts = detector.new_facts()
    detector.apply(facts, _observations(signature, example), _BEFORE_ALL)
    if isinstance(signature, MetricSignature):
        symptoms = detector.revisions(facts, node, _BEFORE_ALL)
        return tuple(sorted({symptom.signature for symptom in symptoms}))
    told = {track.rule for track in facts.tracks.values()}
    return tuple(sorted(told | set(facts.suppressed)))


def _observations(signature: Signature, example: Example) -> list[Observation]:
    """Return what an example stands for; samples as often as the limit wants to see them."""
    match signature, example:
        case LogSignature(), str():
            return [Log(time=_START, message=example)]
        case EventSignature(), EventExample():
            return [Event(time=_START, name="example", **example.model_dump())]
        case MetricSignature(), tuple():
            return list(_samples(signature, example))
        case _:
            raise TypeError(f"not an example of {signature.signal}s: {example!r}")


def _samples(signature: MetricSignature, example: Sequence[Sample]) -> Iterator[Metric]:
    once = signature.limit.increases
    rounds = 1 if once else 2 + int(signature.for_s // _SCRAPED_EVERY_S)
    for scrape in range(rounds):
        for position, sample in enumerate(example):
            seconds = scrape * _SCRAPED_EVERY_S + position
            yield Metric(time=_START + timedelta(seconds=seconds), **sample.model_dump())


def _text(example: Example) -> str:
    """Return an example in one line."""
    if isinstance(example, str):
        return example
    if isinstance(example, EventExample):
        return f"{example.reason} ({example.type}, {example.kind}): {example.message}"
    return ", ".join(f"{sample.name} = {sample.value:g}" for sample in example)

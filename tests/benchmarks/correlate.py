"""``python -m benchmarks.correlate``: what one symptom costs, by the size of the graph.

The same symptoms an hour at ever larger graphs: their cost must not grow with the graph. Then many
active symptoms at once: what taking one in costs, and what explaining them all does. CPU time.
"""

import random
import resource
import statistics
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from hashlib import blake2b

from benchmarks.bench import cpu_of, say
from pipeline.correlate.application import ApplicationState
from pipeline.correlate.evidence import seen
from pipeline.correlate.explain import explain
from pipeline.correlate.likelihood import Likelihood
from pipeline.correlate.parents import Weights
from pipeline.correlate.settings import CorrelateSettings
from pipeline.records import Symptom, micros
from topology.graph import Graph
from topology.model import Application, Delay, Edge, NodeTemplate

SIZES = (100, 10_000, 100_000)
CALLS = 3
"""Nodes that a node of the graphs calls."""
ROUNDS = 5
SYMPTOMS = 400
EVERY_S = 5.0
"""Event time between two symptoms, wherever they are."""
ACTIVE = (100, 300, 1_000)
LAST = 50
"""Symptoms that taking one in is measured on."""
_START = datetime(2026, 3, 2, 10, tzinfo=UTC)


def main() -> None:
    """Measure and print."""
    say(f"symptoms each {EVERY_S:g} s, {SYMPTOMS} of them, {ROUNDS} rounds (min, median, max):")
    for size in SIZES:
        _by_size(size)
    say("active at once, at 300 of 10,000 nodes:")
    model = Likelihood(Graph(services(10_000)), CorrelateSettings())
    for active in ACTIVE:
        _at_once(model, active)


def _by_size(size: int) -> None:
    model = Likelihood(Graph(services(size)), CorrelateSettings())
    told = list(symptoms(size, SYMPTOMS, EVERY_S))
    _taken_in(model, told)  # the graph's routes are found once
    spent = sorted(cpu_of(partial(_taken_in, model, told)) / SYMPTOMS for _ in range(ROUNDS))
    figures = ", ".join(f"{s * 1e6:.0f}" for s in (spent[0], statistics.median(spent), spent[-1]))
    say(f"  {size:>7,} nodes: {figures} µs a symptom, {_rss_mb():.0f} MB resident so far")


def _at_once(model: Likelihood, active: int) -> None:
    weights = Weights(model)
    told = symptoms(300, active, 600 / active)
    pieces = [seen(symptom, model.settings) for symptom in told]
    for piece in pieces[:-LAST]:
        weights.put(piece)
    taking = cpu_of(lambda: [weights.put(piece) for piece in pieces[-LAST:]]) / LAST
    explaining = cpu_of(lambda: explain(pieces, weights))
    took = f"{taking * 1e6:.0f} µs to take one in"
    say(f"  {active:>5,} symptoms: {took}, {explaining * 1e3:.0f} ms to explain all as one")


def services(size: int) -> Application:
    """Return services in layers of ten, each of which calls three of the layer below."""
    chance = random.Random(size)
    delay = Delay(typical_s=5, longest_s=60)
    edges = [
        Edge(cause=_name(called), effect=_name(caller), delay=delay, strength=0.7)
        for caller in range(10, size)
        for called in chance.sample(range(caller // 10 * 10 - 10, caller // 10 * 10), CALLS)
    ]
    nodes = tuple(NodeTemplate(id=_name(number)) for number in range(size))
    return Application(name=f"services-{size}", nodes=nodes, edges=tuple(edges))


def symptoms(size: int, count: int, every_s: float) -> Iterator[Symptom]:
    """Yield symptoms at random nodes, each half a minute long."""
    chance = random.Random(count)
    for number in range(count):
        onset = _START + timedelta(seconds=number * every_s)
        yield Symptom(
            id=blake2b(f"{number}".encode(), digest_size=8).hexdigest(),
            revision=2,
            node=_name(chance.randrange(size)),
            detector="logs",
            signature="trouble",
            fingerprint="trouble",
            symptom_class="error",
            severity="major",
            title="trouble",
            onset=onset,
            detected_at=onset,
            last_seen=onset + timedelta(seconds=30),
            resolution_s=0.1,
            count=1,
            state="closed",
            score=0.0,
            exemplars=("a line",),
        )


def _taken_in(model: Likelihood, told: list[Symptom]) -> None:
    """Add symptoms to an application, and let them go when they are over."""
    state = ApplicationState(model)
    for symptom in told:
        state.add(symptom, None)
        over = micros(symptom.onset) - 1_800_000_000
        state.forget([s.id for s in state.symptoms.values() if micros(s.last_seen) < over])


def _name(number: int) -> str:
    return f"service-{number}"


def _rss_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()

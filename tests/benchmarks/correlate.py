"""``python -m benchmarks.correlate``: what one symptom costs, by the size of the graph.

The same symptoms a second at ever larger graphs, a thousand of them active: once anywhere, once at
a hundred neighbouring nodes, so that each has as much in its reach in every graph. Taking one in
(its rates to all in reach) and explaining what it is a part of are told apart. CPU time, of all
threads; each case in a process of its own, so that memory is its own too.
"""

import multiprocessing
import os
import random
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from hashlib import blake2b

from benchmarks.bench import cpu_of, say
from benchmarks.outbox import rss_mib
from pipeline.correlate.application import ApplicationState
from pipeline.correlate.lifecycle import Moment
from pipeline.correlate.likelihood import Likelihood
from pipeline.correlate.settings import CorrelateSettings
from pipeline.records import Symptom, micros
from topology.graph import Graph
from topology.load import load
from topology.model import Application, Delay, Edge, NodeTemplate

SIZES = (100, 10_000, 100_000)
CALLS = 3
"""Nodes that a node of the graphs calls."""
NEIGHBOURS = 100
"""Nodes of every graph that trouble is at, where it is local."""
ACTIVE = 1_000
EVERY_S = 1.0
"""Event time between two symptoms: as many are active as are not final yet."""
ROUNDS = 5
BLOCK = 100
"""Symptoms in a round."""
EXPLAINED = 20
AT_MOST_S = 3.0
"""CPU time that explaining is measured for, at least once."""
SERVICES, SHIPPED = "services", "jupyterhub-openshift"
_START = datetime(2026, 3, 2, 10, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Case:
    """A graph, and where trouble is."""

    kind: str
    size: int
    local: bool = False

    def application(self) -> Application:
        """Return what is declared: each service, or the shipped application, with any users."""
        return services(self.size) if self.kind == SERVICES else load(self.kind)

    def nodes(self) -> Sequence[str]:
        """Return the nodes where symptoms are."""
        named = _service if self.kind == SERVICES else _user
        middle = self.size // 2 if self.local else NEIGHBOURS // 2
        count = NEIGHBOURS if self.local else self.size
        return [named(middle - NEIGHBOURS // 2 + number) for number in range(count)]


def main() -> None:
    """Measure and print."""
    threads = os.environ.get("OPENBLAS_NUM_THREADS", "as many as it likes")
    say(f"one symptom each {EVERY_S:g} s, {ACTIVE:,} active; BLAS threads: {threads}")
    say(f"(min, median, max of {ROUNDS} rounds of {BLOCK}, or of explaining some, alone):")
    for kind, local in ((SERVICES, True), (SERVICES, False), (SHIPPED, False)):
        for size in SIZES:
            _alone(partial(measure, Case(kind, size, local)))


def measure(case: Case) -> None:
    """Take symptoms in and explain them; print what that took."""
    model = Likelihood(Graph(case.application()), CorrelateSettings())
    told = list(symptoms(case.nodes(), ACTIVE + ROUNDS * BLOCK))
    _, first = _taken_in(model, told)
    state, taking = _taken_in(model, told)
    explaining, together = _explained(state, told[-EXPLAINED:])
    where = "neighbouring" if case.local else "any"
    say(f"  {case.kind}, {case.size:,} nodes, trouble at {where}, {rss_mib():.0f} MiB RSS:")
    say(f"    take one in, its ways unknown    {_figures(first)}")
    say(f"    take one in                      {_figures(taking)}")
    say(f"    explain what it is a part of     {_figures(explaining)}, {together} symptoms")


def services(size: int) -> Application:
    """Return services in layers of ten, each of which calls three of the layer below."""
    chance = random.Random(size)
    delay = Delay(typical_s=5, longest_s=60)
    edges = [
        Edge(cause=_service(called), effect=_service(caller), delay=delay, strength=0.7)
        for caller in range(10, size)
        for called in chance.sample(range(caller // 10 * 10 - 10, caller // 10 * 10), CALLS)
    ]
    nodes = tuple(NodeTemplate(id=_service(number)) for number in range(size))
    return Application(name=f"services-{size}", nodes=nodes, edges=tuple(edges))


def symptoms(nodes: Sequence[str], count: int) -> Iterator[Symptom]:
    """Yield symptoms at random nodes, each half a minute long."""
    chance = random.Random(count)
    for number in range(count):
        onset = _START + timedelta(seconds=number * EVERY_S)
        yield Symptom(
            id=blake2b(f"{number}".encode(), digest_size=8).hexdigest(),
            revision=2,
            node=chance.choice(nodes),
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


def _taken_in(model: Likelihood, told: Sequence[Symptom]) -> tuple[ApplicationState, list[float]]:
    """Return a state with the last of the symptoms, and the CPU of each in rounds, in seconds."""
    state = ApplicationState(model)
    for symptom in told[:ACTIVE]:
        state.add(symptom, None)
    rounds = []
    for begin in range(0, len(told) - ACTIVE, BLOCK):
        gone, come = told[begin : begin + BLOCK], told[begin + ACTIVE : begin + ACTIVE + BLOCK]
        rounds.append(cpu_of(partial(_replace, state, gone, come)) / BLOCK)
    return state, rounds


def _replace(state: ApplicationState, gone: Sequence[Symptom], come: Sequence[Symptom]) -> None:
    for former, symptom in zip(gone, come, strict=True):
        state.forget([former.id])
        state.add(symptom, None)


def _explained(state: ApplicationState, told: Sequence[Symptom]) -> tuple[list[float], int]:
    """Return the CPU of explaining what each is a part of, in seconds, and how many the most is."""
    now = micros(told[-1].last_seen)
    took: list[float] = []
    together = 0
    for symptom in told:
        before = time.process_time()
        outcome = state.evaluate(symptom.id, Moment(now, None))
        took.append(time.process_time() - before)
        together = max(together, *(incident.symptom_count for incident in outcome.incidents), 0)
        if sum(took) > AT_MOST_S:
            break
    return took, together


def _figures(seconds: Sequence[float]) -> str:
    three = (min(seconds), statistics.median(seconds), max(seconds))
    return "".join(f"{one * 1e6:12,.0f}" for one in three) + " µs"


def _alone(work: Callable[[], None]) -> None:
    """Do something in a new process."""
    fresh = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=fresh) as process:
        process.submit(work).result()


def _service(number: int) -> str:
    return f"service-{number}"


def _user(number: int) -> str:
    return f"jupyterhub/user/user-{number}"


if __name__ == "__main__":
    main()

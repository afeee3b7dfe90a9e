"""``python -m benchmarks.correlate``: what one symptom costs, by the size of the graph.

The same symptoms a second at ever larger graphs, a thousand of them active: once anywhere, once at
a hundred neighbouring nodes, so that each has as much in its reach in every graph. Taking one in
(its rates to all in reach) and explaining what it is a part of are told apart. Then storms: many
symptoms a second of event time, from nothing to far beyond the bound, with a mark each second,
until all is final. CPU time, of all threads; each case in a process of its own, so that memory is
its own too.
"""

import multiprocessing
import os
import random
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from hashlib import blake2b

from benchmarks.bench import cpu_of, say
from benchmarks.outbox import rss_mib
from pipeline.correlate.application import ApplicationState
from pipeline.correlate.lifecycle import Moment
from pipeline.correlate.likelihood import Likelihood
from pipeline.correlate.partition import CorrelatePartition, CorrelateStep
from pipeline.correlate.settings import CorrelateSettings
from pipeline.records import Mark, Symptom, micros
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
STORMS = (20, 2_000)
"""Symptoms a second of event time in a storm."""
STORM_S = 10
"""Seconds that a storm lasts, or longer: until the bound is reached twice over."""
LATE_US = 10_000_000
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
    say("storms, from nothing until all is final:")
    for kind in (SERVICES, SHIPPED):
        for per_s in STORMS:
            _alone(partial(storm, Case(kind, SIZES[0], local=kind == SERVICES), per_s))


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


def storm(case: Case, per_s: int) -> None:
    """Take a storm in, and let time pass until it is final; print what the steps took."""
    application = case.application()
    model = Likelihood(Graph(application), CorrelateSettings())
    core = CorrelatePartition(0, {application.name: model}, lateness_us=LATE_US)
    count = max(STORM_S * per_s, 2 * model.settings.max_symptoms)
    news = Steps()
    time_passes = Steps()
    for number, symptom in enumerate(symptoms(case.nodes(), count, 1 / per_s)):
        if number % per_s == 0:
            time_passes.take(partial(core.on_mark, _mark(number // per_s - LATE_US // 1_000_000)))
        news.take(partial(core.on_symptom, application.name, symptom))
    rss = rss_mib()
    for second in range(int(model.reach_s + model.settings.resolve_after_s) + 60):
        time_passes.take(partial(core.on_mark, _mark(count // per_s + second)))
    total = sum((*news.took, *time_passes.took)) / count
    say(f"  {case.kind}, {per_s:,} a second, {count:,} in all, {rss:.0f} MiB RSS:")
    say(f"    a symptom, all in all            {total * 1e6:12,.0f} µs")
    say(f"    a step with news, of {news}")
    say(f"    a step of a mark, of {time_passes}")


@dataclass(slots=True)
class Steps:
    """Steps of one kind: what each took, in seconds, and how many brought revisions."""

    took: list[float] = field(default_factory=list)
    telling: int = 0

    def take(self, work: Callable[[], CorrelateStep]) -> None:
        """Do a step."""
        before = time.process_time()
        step = work()
        self.took.append(time.process_time() - before)
        self.telling += bool(step.incidents)

    def __str__(self) -> str:
        median, longest = statistics.median(self.took) * 1e6, max(self.took) * 1e6
        many = f"{len(self.took):,}, {self.telling:,} with revisions"
        return f"{many}: median {median:,.0f} µs, longest {longest:,.0f} µs"


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


def _mark(second: int) -> Mark:
    return Mark(source="d", time=_START + timedelta(seconds=second), feeds=("d",))


def symptoms(nodes: Sequence[str], count: int, every_s: float = EVERY_S) -> Iterator[Symptom]:
    """Yield symptoms at random nodes, each half a minute long."""
    chance = random.Random(count)
    for number in range(count):
        onset = _START + timedelta(seconds=number * every_s)
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

"""A generated mixed load: 80 % logs, 15 % metrics, 5 % events, over 1,000 nodes."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import zstandard

from pipeline.records import Event, Log, Metric, Observation, canonical

START = datetime(2026, 3, 2, 10, tzinfo=UTC)
PER_SECOND = 10_000
"""Observations in a second of event time, over all nodes."""
APART = timedelta(hours=6)
"""Between loads of successive seeds: nothing of one is late because of another."""
MATCHING = 0.03
"""Share of log lines that a signature recognises."""
TROUBLED = 20
"""Nodes that all those lines come from: trouble is local."""

_QUIET = (
    "[I {time} JupyterHub log:189] 200 GET /hub/api/users/{n} (user-{n}@10.131.3.{b}) {ms:.2f}ms",
    "[I {time} JupyterHub log:189] 302 GET /metrics -> /hub/metrics (@10.129.6.{b}) {ms:.2f}ms",
    "[D {time} JupyterHub proxy:320] Checking routes ({n} known)",
    'INFO:     10.244.0.{b}:40260 - "GET /services/app/{n} HTTP/1.1" 200 OK',
)
_TROUBLE = "[E {time} JupyterHub orm:757] Database connection error, attempting to reconnect: {n}"
_METRICS = (
    "container_memory_working_set_bytes",
    "container_cpu_usage_seconds_total",
    "request_duration_seconds",
    "request_error_ratio",
    "kube_pod_status_ready",
)


def nodes(count: int) -> list[str]:
    """Return the ids of the nodes."""
    return [f"service-{number:04}" for number in range(count)]


def topology(count: int) -> str:
    """Return a topology file: a tree of services, four under each."""
    names = nodes(count)
    declared = "".join(f"  - id: {name}\n" for name in names)
    edges = "".join(
        f"  - {{cause: {name}, effect: {names[(number - 1) // 4]}}}\n"
        for number, name in enumerate(names)
        if number
    )
    return f"application: load\nnodes:\n{declared}edges:\n{edges}"


def observations(total: int, count: int, seed: int) -> Iterator[Observation]:
    """Yield observations in event-time order."""
    chance = random.Random(seed)
    names = nodes(count)
    start = START + seed * APART
    for number in range(total):
        time = start + timedelta(seconds=number / PER_SECOND)
        kind = chance.random()
        if kind < 0.8:
            yield _log(time, names, chance)
        elif kind < 0.95:
            yield _metric(time, chance.choice(names), chance)
        else:
            yield _event(time, chance.choice(names), number)


def write(path: Path, total: int, count: int, seed: int) -> None:
    """Write them as a recording."""
    with path.open("wb") as file, zstandard.ZstdCompressor().stream_writer(file) as out:
        for observation in observations(total, count, seed):
            out.write(canonical(observation) + b"\n")


def _log(time: datetime, names: list[str], chance: random.Random) -> Log:
    matching = chance.random() < MATCHING
    node = names[chance.randrange(TROUBLED)] if matching else chance.choice(names)
    return log(time, node, chance, matching=matching)


def log(time: datetime, node: str, chance: random.Random, *, matching: bool) -> Log:
    """Return a log line of a node, ``matching`` a signature or not."""
    number = chance.randrange(10_000)
    form = _TROUBLE if matching else chance.choice(_QUIET)
    line = form.format(
        time=f"{time:%Y-%m-%d %H:%M:%S}.000", n=number, b=number % 250, ms=chance.uniform(1, 50)
    )
    return Log(time=time, node=node, pod=f"{node}-pod", container="main", message=line)


def _metric(time: datetime, node: str, chance: random.Random) -> Metric:
    name = chance.choice(_METRICS)
    value = 1.0 if name == "kube_pod_status_ready" else chance.gauss(100, 5)
    return Metric(time=time, node=node, name=name, value=value, labels={"pod": f"{node}-pod"})


def _event(time: datetime, node: str, number: int) -> Event:
    reasons = (("Pulled", "Container image already present"), ("Created", "Created container"))
    reason, message = reasons[number % 2]
    return Event(
        time=time,
        node=node,
        kind="Pod",
        name=f"{node}-pod",
        reason=reason,
        message=message,
        source_uid=f"uid-{number}",
    )

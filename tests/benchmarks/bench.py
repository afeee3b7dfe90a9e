"""``make bench``: CPU per observation, stage by stage in process, then per role end to end.

CPU time, not wall time: the machine may be shared. End to end through the broker named by
``AFTERSHOCK_KAFKA__BOOTSTRAP_SERVERS``, or the embedded one; roles are the real processes.
"""

import argparse
import cProfile
import os
import platform
import pstats
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks import load
from pipeline.assembly import flow_of
from pipeline.broker.ensure import ensure_topics
from pipeline.broker.progress import wait_for_all
from pipeline.demo.broker import embedded_broker
from pipeline.flow import Flow, detected
from pipeline.ingest.batching import Batcher
from pipeline.ingest.steps import Stepper
from pipeline.records import (
    OBSERVATION,
    OBSERVATION_VALUE,
    Batch,
    Mark,
    Symptom,
    canonical,
)
from pipeline.replay import Replay, new_source
from pipeline.settings import Settings
from pipeline.worker.roles import FLOW
from pipeline.worker.run import crew

NODES = 1_000
_TICKS = os.sysconf("SC_CLK_TCK")


def tell(stage: str, seconds: float, items: int, unit: str = "observation") -> None:
    """Print CPU per item."""
    say(f"  {stage:<34}{seconds / items * 1e6:9.2f} µs per {unit} ({items:,})")


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def cpu_of(work: Callable[[], object]) -> float:
    """Return the CPU seconds that some work takes in this process."""
    before = time.process_time()
    work()
    return time.process_time() - before


def in_process(flow: Flow, total: int, *, profile: bool) -> None:
    """Measure decode, route and batch, detect, correlate, each alone."""
    told = list(load.observations(total, NODES, seed=1))
    lines = [canonical(observation) for observation in told]
    density = f"{load.PER_SECOND:,} a second of event time"
    say(f"in process, {total:,} observations ({density}), {NODES:,} nodes:")
    tell("decode a recorded line", cpu_of(_each(OBSERVATION.validate_json, lines)), total)
    published: list[Batch | Mark] = []
    stepper = _stepper(flow)
    tell("route, batch, mark", cpu_of(lambda: published.extend(stepper.run(told))), total)
    encoded: list[bytes] = []
    tell("encode batches", cpu_of(lambda: encoded.extend(map(canonical, published))), total)
    tell("decode batches", cpu_of(_each(OBSERVATION_VALUE.validate_json, encoded)), total)
    symptoms: list[tuple[str, Symptom] | Mark] = []
    tell("detect", _profiled(lambda: _detect(flow, published, symptoms), profile=profile), total)
    told_of = [value for value in symptoms if not isinstance(value, Mark)]
    correlating = _profiled(lambda: _correlate(flow, symptoms), profile=profile)
    tell("correlate", correlating, total)
    tell("correlate", correlating, max(1, len(told_of)), "symptom revision")


def _each(do: Callable[[bytes], object], values: list[bytes]) -> Callable[[], object]:
    """Return the work of doing something to each value, keeping nothing (as a worker would)."""
    return lambda: deque(map(do, values), maxlen=0)


def _stepper(flow: Flow) -> Stepper:
    return Stepper(
        source="bench",
        node_of=flow.router().node_of,
        batcher=Batcher("bench"),
        step_us=int(flow.windows.step_s * 1e6),
        closing_us=flow.closing_us,
        read_counts=dict,
    )


def _detect(
    flow: Flow, published: list[Batch | Mark], symptoms: list[tuple[str, Symptom] | Mark]
) -> None:
    partition = flow.detect_partition(0, 1)
    for offset, value in enumerate(published):
        for step in detected(partition, offset, value):
            symptoms += step.symptoms
            symptoms += [step.mark] if step.mark else []


def _correlate(flow: Flow, symptoms: list[tuple[str, Symptom] | Mark]) -> None:
    partition = flow.correlate_partition(0)
    for value in symptoms:
        if isinstance(value, Mark):
            partition.on_mark(value)
        else:
            partition.on_symptom(*value)


def _profiled(work: Callable[[], object], *, profile: bool) -> float:
    if not profile:
        return cpu_of(work)
    profiler = cProfile.Profile()
    seconds = cpu_of(lambda: profiler.runcall(work))
    pstats.Stats(profiler, stream=sys.stdout).sort_stats("tottime").print_stats(15)
    return seconds


def end_to_end(settings: Settings, folder: Path, total: int) -> None:
    """Measure each role while a load of ``total`` runs, and again while one twice as long runs."""
    flow = flow_of(settings)
    ensure_topics(settings.kafka)
    environment = os.environ | {
        "AFTERSHOCK_KAFKA__BOOTSTRAP_SERVERS": settings.kafka.bootstrap_servers,
        "AFTERSHOCK_KAFKA__TOPIC_PREFIX": settings.kafka.topic_prefix,
        "AFTERSHOCK_TOPOLOGY": ",".join(settings.topology),
        "AFTERSHOCK_STORE": settings.store,
        "AFTERSHOCK_WORKER__SESSION_TIMEOUT_S": str(settings.worker.session_timeout_s),
    }
    with crew(FLOW, environment=environment) as roles:
        for seed, size in ((1, total), (2, 2 * total)):
            recording = folder / f"load-{seed}.jsonl.zst"
            load.write(recording, size, NODES, seed)
            before = {role: _cpu(child.pid) for role, child in roles.children.items()}
            own = time.process_time()
            started = time.monotonic()
            Replay(flow=flow, kafka=settings.kafka, source=new_source()).run([recording])
            replaying = time.process_time() - own
            wait_for_all(settings.kafka, timeout_s=600, say=lambda _line: None)
            wall = time.monotonic() - started
            say(f"end to end, {size:,} observations in {wall:.1f} s of wall time:")
            tell("replay (ingest)", replaying, size)
            for role, child in roles.children.items():
                tell(role, _cpu(child.pid) - before[role], size)
            worker = sum(_cpu(c.pid) - before[r] for r, c in roles.children.items())
            tell("all worker roles", worker, size)
            rss = ", ".join(f"{r} {_peak_mib(c.pid)} MiB" for r, c in roles.children.items())
            say(f"  peak RSS so far: {rss}")


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _peak_mib(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    peak = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(peak.split()[1]) // 1024


@contextmanager
def _broker() -> Iterator[str]:
    given = os.environ.get("AFTERSHOCK_KAFKA__BOOTSTRAP_SERVERS")
    if given:
        yield given
        return
    with embedded_broker() as bootstrap:
        yield bootstrap


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--total", type=int, default=300_000, help="observations")
    parser.add_argument("--profile", action="store_true", help="print where the time goes")
    parser.add_argument("--in-process", action="store_true", help="leave out the broker")
    given = parser.parse_args()
    say(f"{platform.python_implementation()} {platform.python_version()}, {os.cpu_count()} cores")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "load.yaml").write_text(load.topology(NODES))
        settings = Settings.model_validate(
            {"topology": str(folder / "load.yaml"), "store": f"sqlite:///{folder}/incidents.db"}
        )
        in_process(flow_of(settings), given.total, profile=given.profile)
        if given.in_process:
            return
        with _broker() as bootstrap:
            kafka = settings.kafka.model_copy(
                update={"bootstrap_servers": bootstrap, "topic_prefix": f"bench-{os.getpid()}"}
            )
            worker = settings.worker.model_copy(update={"session_timeout_s": 6.0})
            end_to_end(
                settings.model_copy(update={"kafka": kafka, "worker": worker}), folder, given.total
            )


if __name__ == "__main__":
    main()

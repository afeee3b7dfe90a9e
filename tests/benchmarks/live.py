"""Following the logs of a cluster: CPU and memory of one ingest process, and the lag of its lines.

``PYTHONPATH=tests python -m benchmarks.live``: a real API server, a real Kafka; the kubelet is a
stand-in that writes the lines. CPU is that of the ingest process alone; the lag is from the stamp
of a line to when a plain consumer has it.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, closing
from datetime import datetime
from pathlib import Path

from kafka import KafkaConsumer, TopicPartition

from pipeline import clock
from servers import children
from servers.cluster_objects import Pod
from servers.control_plane import ControlPlane
from servers.control_plane_binary import build
from servers.kafka_server import Kafka
from servers.missing import Missing
from servers.waiting import health, until

REPOSITORY = Path(__file__).parents[2]
TOPOLOGY = """\
application: load
nodes:
  - id: load/{number}
    match:
      - name: load-(?P<number>[0-9]+)
"""
SAMPLED = 20
"""One batch in so many is looked into, so that the consumer leaves the machine to the others."""
_TICKS = os.sysconf("SC_CLK_TCK")


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


class Ingest:
    """The process under measurement."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.port = children.free_port()
        self.process = children.start(
            [sys.executable, "-m", "pipeline", "ingest"],
            log=folder / "ingest.log",
            env={
                **os.environ,
                **environment,
                "PYTHONPATH": str(REPOSITORY),
                "AFTERSHOCK_HEALTH__INGEST_PORT": str(self.port),
            },
        )

    def cpu_s(self) -> float:
        """Return the CPU seconds it has used."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def peak_mib(self) -> int:
        """Return the most memory it has held."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        peak = next(line for line in status.splitlines() if line.startswith("VmHWM"))
        return int(peak.split()[1]) // 1024


def lags(consumer: KafkaConsumer, seconds: float) -> tuple[list[float], int]:
    """Return the lags (seconds) of some lines that come meanwhile, and how many lines come."""
    found: list[float] = []
    lines = batches = 0
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        for messages in consumer.poll(timeout_ms=200).values():
            now = clock.now().timestamp()
            for message in messages:
                lines += message.value.count(b'"signal":"log"')
                batches += 1
                if batches % SAMPLED == 0 and message.key is not None:
                    stamps = (each["time"] for each in json.loads(message.value)["observations"])
                    found += [now - datetime.fromisoformat(stamp).timestamp() for stamp in stamps]
    return sorted(found), lines


def start_kubelet(plane: ControlPlane, folder: Path, port: int, given: argparse.Namespace) -> None:
    """Start the kubelet that writes."""
    plane.kubelet_pair()
    children.start(
        [
            *(sys.executable, "-m", "servers.kubelet", "--folder", plane.folder),
            *("--port", str(port), "--containers", str(given.containers)),
            *("--rate", str(given.rate)),
        ],
        log=folder / "kubelet.log",
        env={**os.environ, "PYTHONPATH": f"{REPOSITORY}:{REPOSITORY / 'tests'}"},
    )
    until(lambda: children.listens(port), within_s=30, what="a kubelet")


def make_pods(plane: ControlPlane, port: int, count: int) -> None:
    """Make the pods that write."""
    plane.admin.namespace("load")
    plane.admin.node("worker-1", kubelet_port=port)
    for number in range(count):
        plane.admin.running_pod(Pod("load", f"load-{number}", "worker-1"))


def measure(ingest: Ingest, bootstrap: str, given: argparse.Namespace) -> None:
    """Print what it takes."""
    with closing(KafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False)) as consumer:
        topic = "bench.observations.logs"
        consumer.assign(
            [TopicPartition(topic, n) for n in consumer.partitions_for_topic(topic) or ()]
        )
        consumer.seek_to_end()
        lags(consumer, given.warm_s)
        before, began = ingest.cpu_s(), time.monotonic()
        found, lines = lags(consumer, given.seconds)
        used, wall = ingest.cpu_s() - before, time.monotonic() - began
    say(f"{given.containers} containers × {given.rate:g} lines/s for {wall:.0f} s: {lines:,} lines")
    say(f"  {lines / wall:12,.0f} lines/s")
    say(f"  {used / wall:12.0%} of a core, {used / lines * 1e6:.1f} µs per line")
    say(f"  {ingest.peak_mib():9} MiB peak RSS")
    p50, p95, last = (found[int(len(found) * share)] for share in (0.5, 0.95, 0.999))
    say(f"  lag p50 {p50:.2f} s, p95 {p95:.2f} s, p99.9 {last:.2f} s ({len(found):,} lines)")


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--containers", type=int, default=500)
    parser.add_argument("--rate", type=float, default=20.0, help="lines a second and container")
    parser.add_argument("--warm-s", type=float, default=15.0)
    parser.add_argument("--seconds", type=float, default=30.0)
    given = parser.parse_args()
    build()
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        (folder / "kafka").mkdir()
        kafka = Kafka(folder / "kafka")
        kafka.start()
        stack.callback(kafka.kill)
        (folder / "plane").mkdir()
        plane = ControlPlane(folder / "plane")
        plane.start()
        stack.callback(plane.stop)
        port = children.free_port()
        start_kubelet(plane, folder, port, given)
        make_pods(plane, port, given.containers)
        topology = folder / "load.yaml"
        topology.write_text(TOPOLOGY)
        ingest = Ingest(
            folder,
            {
                "AFTERSHOCK_KAFKA__BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
                "AFTERSHOCK_KAFKA__TOPIC_PREFIX": "bench",
                "AFTERSHOCK_TOPOLOGY": str(topology),
                "AFTERSHOCK_INGEST__CLUSTER__KUBECONFIG": str(
                    plane.kubeconfig("the-administrators-token")
                ),
                "AFTERSHOCK_INGEST__CLUSTER__NAMESPACES": '["load"]',
                "AFTERSHOCK_INGEST__METRICS_API": "off",
            },
        )
        stack.callback(children.kill, ingest.process)
        until(lambda: health(ingest.port)[0] == 200, within_s=120, what="ingest ready")
        measure(ingest, kafka.bootstrap_servers, given)


if __name__ == "__main__":
    try:
        main()
    except Missing as what:
        say(f"following logs: not measured: {what}")
    except subprocess.CalledProcessError as failed:
        sys.exit(str(failed))

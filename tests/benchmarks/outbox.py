"""CPU per observation through the outbox into a real Kafka; memory while the broker is away.

``PYTHONPATH=tests python -m benchmarks.outbox``: CPU of the whole process (the event loop and the
client's thread), not wall time; the broker runs in a process of its own.
"""

import argparse
import asyncio
import cProfile
import os
import pstats
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pipeline.broker import clients
from pipeline.broker.ensure import ensure_topics
from pipeline.live.outbox.outbox import Outbox
from pipeline.records import FEEDS, Log, Mark
from pipeline.settings import Settings
from servers.kafka_server import Kafka
from servers.missing import Missing

START = datetime(2026, 3, 2, 10, tzinfo=UTC)
MIB = 1024 * 1024
_TICK_S = 0.02


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def rss_mib() -> float:
    """Return what this process takes, in MiB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / MIB


class Feed:
    """Lines of containers, as many a second as asked."""

    def __init__(self, outbox: Outbox, *, rate: int, containers: int, nodes: int) -> None:
        self._outbox = outbox
        self._rate = rate
        self._containers = containers
        self._nodes = nodes
        self.put = 0
        self.making_s = 0.0

    def _line(self, number: int) -> Log:
        container = number % self._containers
        user, took = number * 7919 % 997, number * 31 % 10_000
        return Log(
            time=START + timedelta(seconds=number / self._rate),
            namespace="jupyterhub",
            pod=f"jupyter-user-{container}",
            pod_uid=f"5a0f2c1e-aaaa-bbbb-cccc-{container:012d}",
            container="notebook",
            cluster_node=f"node-{container % 20}",
            message=f"[I JupyterHub log:181] 200 GET /hub/api/users/user-{user}/activity"
            f" (user-{user}@10.1.{number % 251}.3) {took / 100}ms",
        )

    async def run(self, seconds: float) -> None:
        """Feed for so long, with a mark each second."""
        begun = told = time.monotonic()
        first = self.put
        while (now := time.monotonic()) - begun < seconds:
            due = first + int((now - begun) * self._rate)
            before = time.process_time()
            lines = [self._line(number) for number in range(self.put, due)]
            self.making_s += time.process_time() - before
            for line in lines:
                self._outbox.observe(f"jupyterhub/user/{self.put % self._nodes}", line)
                self.put += 1
            if now - told > 1:
                told = now
                at = START + timedelta(seconds=self.put / self._rate)
                self._outbox.mark(Mark(source="bench", time=at, feeds=FEEDS))
            await asyncio.sleep(_TICK_S)


async def steady(settings: Settings, rate: int, nodes: int, seconds: float) -> None:
    """Measure CPU at one rate."""
    outbox = Outbox(settings, "bench")
    pump = asyncio.create_task(outbox.run())
    await asyncio.sleep(2)
    feed = Feed(outbox, rate=rate, containers=500, nodes=nodes)
    cpu, wall = time.process_time(), time.monotonic()
    await feed.run(seconds)
    used, took = time.process_time() - cpu - feed.making_s, time.monotonic() - wall
    stats = outbox.stats
    lines = (
        f"{feed.put / took:,.0f} a second, {nodes} nodes, {feed.put / stats.batches:.0f} a batch"
    )
    say(
        f"  {lines}: {used / feed.put * 1e6:.1f} µs per observation, {used / took:.0%} of a core;"
        f" {feed.put / used:,.0f} a second fill one; oldest {stats.oldest_s:.2f} s,"
        f" {rss_mib():.0f} MiB RSS"
    )
    if not await outbox.close(30):
        say(f"  not all was published: {outbox.stats}")
    await pump


async def away(settings: Settings, kafka: Kafka) -> None:
    """Fill the buffer while the broker is away."""
    outbox = Outbox(settings, "bench")
    pump = asyncio.create_task(outbox.run())
    await asyncio.sleep(2)
    feed = Feed(outbox, rate=40_000, containers=500, nodes=200)
    await feed.run(3)
    kafka.kill()
    say(f"  broker gone: {rss_mib():.0f} MiB RSS")
    cpu, gone = time.process_time(), feed.put
    making = feed.making_s
    while not sum(outbox.stats.lost.values()):
        await feed.run(5)
    used = time.process_time() - cpu - (feed.making_s - making)
    stats = outbox.stats
    kept = feed.put - gone - sum(stats.lost.values())
    say(
        f"  buffer of {settings.ingest.buffer_mib} MiB full with {kept:,} observations:"
        f" {kept / 10_000:.0f} s of 10,000 a second; {used / kept * 1e6:.1f} µs each,"
        f" {rss_mib():.0f} MiB RSS, {stats.in_flight_bytes / MIB:.0f} MiB of them with the client"
    )
    kafka.restart()
    begun, cpu = time.monotonic(), time.process_time()
    while sum(outbox.stats.published.values()) + 50_000 < sum(outbox.stats.put.values()):
        await asyncio.sleep(0.1)
    took, used = time.monotonic() - begun, time.process_time() - cpu
    say(
        f"  broker back: worked off in {took:.0f} s, {kept / took:,.0f} a second,"
        f" {used / kept * 1e6:.1f} µs each; {rss_mib():.0f} MiB RSS"
    )
    say(f"  all published: {await outbox.close(60)}; resends {outbox.stats.resends}")
    await pump


def main() -> None:
    """Run all."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--seconds", type=float, default=10)
    given = parser.parse_args()
    clients.quiet_library()
    with tempfile.TemporaryDirectory() as folder:
        kafka = Kafka(Path(folder))
        kafka.start()
        settings = Settings.model_validate(
            {"kafka": {"bootstrap_servers": kafka.bootstrap_servers, "topic_prefix": "bench"}}
        )
        ensure_topics(settings.kafka)
        say("through the outbox into Kafka:")
        profile = cProfile.Profile()
        if given.profile:
            profile.enable()
        for rate, nodes in ((10_000, 500), (25_000, 500), (25_000, 50)):
            asyncio.run(steady(settings, rate, nodes, given.seconds))
        if given.profile:
            profile.disable()
            pstats.Stats(profile).sort_stats("tottime").print_stats(25)
        say("with the broker away:")
        asyncio.run(away(settings, kafka))
        kafka.kill()


if __name__ == "__main__":
    try:
        main()
    except Missing as what:
        say(f"through the outbox into Kafka: not measured: {what}")

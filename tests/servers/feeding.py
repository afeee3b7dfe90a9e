"""A process that feeds an outbox with the lines of made-up containers, as a live source would.

The lines of a container are numbered. At its start the process asks what has been published, and
goes on with the next line of each; so a line that is missing or comes twice shows a position that
was ahead of the topic or behind it.
Run it: ``python feeding.py BOOTSTRAP PREFIX SOURCE``; it writes a line when it has restored.
"""

import asyncio
import sys
from datetime import UTC, datetime, timedelta

from pipeline import clock
from pipeline.live.logs.cursor import Cursor
from pipeline.live.outbox.outbox import Outbox
from pipeline.live.outbox.positions import Restored, restore
from pipeline.records import FEEDS, Log, Mark, Positions
from pipeline.settings import Settings

CONTAINERS = 40
START = datetime(2026, 3, 2, 10, tzinfo=UTC)
STEP = timedelta(milliseconds=10)


def settings_of(servers: str, prefix: str, **ingest: object) -> Settings:
    """Return settings for one prefix, with small batches."""
    return Settings.model_validate(
        {
            "kafka": {
                "bootstrap_servers": servers,
                "topic_prefix": prefix,
                "connect_timeout_s": 3,
                "partitions": {"observations": 3},
            },
            "ingest": {"batch_age_s": 0.1, **ingest},
        }
    )


def name_of(container: int) -> str:
    """Return the key of a container's position."""
    return f"ns/pod-{container}/uid-{container}/main"


def line(container: int, number: int) -> Log:
    """Return a numbered line of a container."""
    return Log(
        time=START + number * STEP,
        namespace="ns",
        pod=f"pod-{container}",
        pod_uid=f"uid-{container}",
        container="main",
        message=str(number),
    )


class _Feeder:
    def __init__(self, source: str, outbox: Outbox, restored: Restored) -> None:
        self._source = source
        self._outbox = outbox
        self._cursors = [
            Cursor.of(restored.containers.get(name_of(number))) for number in range(CONTAINERS)
        ]
        self._next = [
            0 if cursor.newest is None else (cursor.newest - START) // STEP + 1
            for cursor in self._cursors
        ]

    def checkpoint(self) -> None:
        """Remember how far each container is, in two parts."""
        for part in range(2):
            held = {}
            for number in range(part, CONTAINERS, 2):
                position = self._cursors[number].position()
                if position is not None:
                    held[name_of(number)] = position
            self._outbox.checkpoint(
                Positions(source=self._source, part=f"logs/{part}", containers=held)
            )

    def feed(self) -> None:
        """Put the next line of each container."""
        for container in range(CONTAINERS):
            found = line(container, self._next[container])
            self._next[container] += 1
            self._cursors[container].take(found.time, found.message)
            self._outbox.observe(f"node-{container % 7}", found)

    async def run(self) -> None:
        """Feed for ever, with a mark and a checkpoint now and then."""
        self.checkpoint()
        rounds = 0
        while True:
            await self._outbox.room("log")
            self.feed()
            rounds += 1
            if rounds % 30 == 0:
                self.checkpoint()
            if rounds % 50 == 0:
                time = START + min(self._next) * STEP
                self._outbox.mark(Mark(source=self._source, time=time, feeds=FEEDS))
            await asyncio.sleep(0.01)


async def _main(servers: str, prefix: str, source: str) -> None:
    settings = settings_of(servers, prefix)
    begun = clock.monotonic()
    restored = restore(settings.kafka, source)
    took = clock.monotonic() - begun
    sys.stdout.write(f"restored {restored.read_back} read back in {took:.1f} s\n")
    sys.stdout.flush()
    outbox = Outbox(settings, source, offsets=restored.offsets)
    feeder = _Feeder(source, outbox, restored)
    await asyncio.gather(outbox.run(), feeder.run())


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], sys.argv[2], sys.argv[3]))

"""A stage that only counts, to prove the worker's mechanics apart from the cores; and its worker.

Every message adds one to its key's count and is told on ``<prefix>.symptoms`` as ``key count``. The
row of a key holds the count and the highest offset applied, so exactness is plain to see.
Run it: ``python counting.py BOOTSTRAP PREFIX [HEALTH_PORT]``.
"""

import asyncio
import json
import signal
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from pipeline.broker.message import Message
from pipeline.worker.stage import Effects, Outgoing, Row, Unreadable

PARTITIONS = 4
FEEDS = ("logs", "events", "metrics")


@dataclass
class CountingPart:
    """The counts of one partition."""

    stage: "CountingStage"
    number: int
    rows: dict[bytes, dict[str, int]] = field(default_factory=dict)

    def restore(self, rows: Iterable[tuple[bytes, bytes]]) -> None:
        """Take up the counts."""
        self.rows = {key: json.loads(value) for key, value in rows}

    def take(self, message: Message) -> Effects:
        """Count a message once, however often it is delivered."""
        if message.value == b"broken":
            raise Unreadable("invalid", "it says broken")
        if message.value == b"bug":
            raise ZeroDivisionError("a bug in the core")
        key = f"{self.number}|".encode() + (message.key or b"")
        row = self.rows.setdefault(key, {"count": 0})
        if message.offset <= row.get(message.topic, -1):
            return Effects()
        row["count"] += 1
        row[message.topic] = message.offset
        told = Outgoing(f"{self.stage.prefix}.symptoms", message.key, str(row["count"]).encode())
        return Effects([told], rows=[(key, json.dumps(row).encode())])

    def drop_source(self, source: str) -> Effects:
        """Not asked: there are no sources."""
        raise AssertionError(source)

    def live_sources(self) -> tuple[str, ...]:
        """Return none."""
        return ()


@dataclass
class CountingStage:
    """Counts what comes on the observation topics."""

    prefix: str
    name: str = "count"
    partitions: int = PARTITIONS

    @property
    def topics(self) -> Sequence[str]:
        """The three observation topics."""
        return [f"{self.prefix}.observations.{feed}" for feed in FEEDS]

    def part(self, number: int) -> CountingPart:
        """Return a partition without counts."""
        return CountingPart(self, number)

    def merged(self, rows: Sequence[Sequence[Row]]) -> list[Row]:
        """Keep all rows in order."""
        return [row for step in rows for row in step]


async def _main(servers: str, prefix: str, port: int) -> None:
    from pipeline.health import Health, served  # noqa: PLC0415
    from pipeline.settings import Settings  # noqa: PLC0415 - the stage alone needs no Faust
    from pipeline.worker.faust_app import Worker  # noqa: PLC0415

    health = Health("count")
    settings = Settings.model_validate(
        {
            "kafka": {"bootstrap_servers": servers, "topic_prefix": prefix},
            "worker": {"session_timeout_s": 6},
        }
    )
    worker = Worker(CountingStage(prefix), settings, health)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    with served(health, "127.0.0.1", port):
        await worker.serve(stop)


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], sys.argv[2], int(sys.argv[3])))

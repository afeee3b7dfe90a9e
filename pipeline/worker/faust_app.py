"""The only module that speaks Faust: one worker process for one stage.

In: a stage and where the broker is. It joins the group ``<prefix>-<stage>``, gets partitions, has
their rows restored, and feeds messages to the shell (``shell.py``) until it is told to stop.
"""

import asyncio
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from typing import cast

import faust
from aiokafka.errors import KafkaError  # type: ignore[import-untyped]  # it ships no types
from faust.streams import Stream
from faust.transport.consumer import Consumer
from faust.types import TP, EventT, StreamT
from faust.types.auth import CredentialsArg

from pipeline.clock import monotonic
from pipeline.errors import BrokenWorld
from pipeline.worker.health import Health
from pipeline.worker.publish import Publisher
from pipeline.worker.shell import Place, Shell
from pipeline.worker.silence import Silence
from pipeline.worker.stage import Incoming, Stage

TABLE = "state"
"""Name of each worker's table; its changelog topic is ``<group>-state-changelog``."""
MAX_MESSAGE_BYTES = 8 * 1024 * 1024
"""Largest row or output (before compression); the changelog topic is created to take it."""
PROBE_S = 1.0
"""How often the ends of the topics are asked for."""
PROBE_TIMEOUT_S = 10.0
STOP_S = 8.0
"""Time to finish and hand over; after it the process just ends, which loses nothing."""
COMMIT_S = 1.0
"""How often handled offsets are committed: so much is handled again after a kill."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSettings:
    """What a worker must know beside its stage."""

    bootstrap_servers: str
    prefix: str
    session_timeout_s: float
    source_timeout_s: float
    replication: int = 1
    compression: str | None = "zstd"
    credentials: CredentialsArg | None = None
    """Faust's credentials (SASL, TLS), or None."""

    def group(self, stage: Stage) -> str:
        """Return the consumer group of a stage; Faust names its topics after it."""
        return f"{self.prefix}-{stage.name}"


@dataclass(frozen=True, slots=True)
class _Given:
    """A message from Faust (see ``shell.Taken``)."""

    stream: StreamT[bytes]
    event: EventT[bytes]
    message: Incoming

    @property
    def generation(self) -> int:
        generation: int | None = self.event.message.generation_id
        return -1 if generation is None else generation

    async def handled(self) -> None:
        await self.stream.ack(self.event)

    def forget(self) -> None:
        # Not an acknowledgement: Faust waits for all messages it has given out before it lets
        # partitions go, and this one is not waited for; its offset is not committed.
        self.event.message.acked = True


class Worker:
    """A Faust application with one agent, one table and our loop behind them."""

    def __init__(self, stage: Stage, settings: WorkerSettings, health: Health) -> None:
        """Build the application; nothing is connected yet. Needs a running event loop."""
        self.stage = stage
        self.settings = settings
        self.health = health
        self._folder = tempfile.TemporaryDirectory(prefix="aftershock-")
        self.app = _application(stage, settings, self._folder.name)
        self.table = self.app.Table(
            TABLE,
            partitions=stage.partitions,
            key_type=bytes,
            value_type=bytes,
            extra_topic_configs={"max.message.bytes": str(MAX_MESSAGE_BYTES)},
        )
        self.shell: Shell | None = None
        self._connect()

    def _connect(self) -> None:
        topic = self.app.topic(
            *self.stage.topics,
            key_type=bytes,
            value_type=bytes,
            key_serializer="raw",
            value_serializer="raw",
        )
        self.app.agent(topic, name=self.stage.name)(self._take)
        self.table.on_recover(self._restored)
        self.app.on_partitions_revoked.connect(self._revoked, weak=False)
        self.app.task(self._loop)

    async def serve(self, stop: asyncio.Event) -> None:
        """Work until told to stop.

        Raises:
            BrokenWorld: Faust gave up (it tells the reason in the log).
        """
        starting = asyncio.create_task(self.app.start())
        probing = asyncio.create_task(self._probe())
        while not (stop.is_set() or self.app.crashed):
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), 0.2)
        crashed = self.app.crashed
        probing.cancel()
        starting.cancel()
        with suppress(TimeoutError, asyncio.CancelledError):
            await asyncio.wait_for(self.app.stop(), STOP_S)
        self._folder.cleanup()
        if crashed:
            raise BrokenWorld(
                f"{self.stage.name}: the worker gave up ({self.app.crash_reason!r}): start it again"
            )

    async def _take(self, stream: StreamT[bytes]) -> None:
        """Be the agent: hand each message to the shell, which says when it is handled."""
        given = cast(Stream[bytes], stream).noack()
        async for event in given.events():
            message = event.message
            incoming = Incoming(
                message.topic,
                message.partition,
                message.offset,
                message.key,
                message.value,
                tuple(message.headers or ()),
            )
            await self._ready_shell().offer(_Given(given, event, incoming))

    async def _loop(self) -> None:
        await self._ready_shell().run()

    def _ready_shell(self) -> Shell:
        if self.shell is None:
            self.shell = Shell(
                stage=self.stage,
                rejected_topic=f"{self.settings.prefix}.rejected",
                changelog_topic=self.table.changelog_topic.get_topic_name(),
                table=self.table.data,
                publisher=Publisher(self.app.producer, self.health),
                place=Place(
                    generation=lambda: self.app.consumer_generation_id,
                    confirm=self._confirm,
                    session_s=self.settings.session_timeout_s,
                ),
                health=self.health,
                silence=Silence(self.settings.source_timeout_s),
            )
        return self.shell

    async def _restored(self, *_: object) -> None:
        """Open the shell: rows are restored, and messages come only after this."""
        topics = set(self.stage.topics)
        assigned = {tp.partition for tp in self.app.consumer.assignment() if tp.topic in topics}
        self._ready_shell().open_for(assigned)
        self.health.count("assignments")

    async def _revoked(self, *_: object, **__: object) -> None:
        """Close the shell: Faust has waited until everything given out was handled."""
        self._ready_shell().close()

    async def _confirm(self, message: Incoming) -> bool:
        """Ask the broker by committing what is handled anyway: it refuses who lost its place."""
        place = {TP(message.topic, message.partition): message.offset}
        consumer = cast("Consumer", self.app.consumer)
        return await consumer._commit(place)  # noqa: SLF001 - the public one may skip asking

    async def _probe(self) -> None:
        """Ask the broker for the ends of our topics, again and again, and tell health the truth."""
        while True:
            await asyncio.sleep(PROBE_S)
            self.health.waiting(self._waits_for())
            with suppress(TimeoutError, KafkaError, faust.exceptions.FaustError):
                await asyncio.wait_for(self._look(), PROBE_TIMEOUT_S)

    def _waits_for(self) -> str | None:
        if self.app.rebalancing:
            return "rebalancing"
        if self.shell is None or not self.shell.is_open:
            return "restoring state"
        return None

    async def _look(self) -> None:
        consumer, shell = self.app.consumer, self._ready_shell()
        topics = set(self.stage.topics)
        own = [tp for tp in consumer.assignment() if tp.topic in topics]
        asked_at = monotonic()
        ends = await consumer.highwaters(*(own or [TP(self.stage.topics[0], 0)]))
        self.health.beat()
        if not own or not shell.is_open:
            return
        for tp in own:
            if (tp.topic, tp.partition) not in shell.positions:
                begin = await consumer.position(tp)
                shell.positions.setdefault((tp.topic, tp.partition), begin or 0)
        position = sum(shell.positions.get((tp.topic, tp.partition), 0) for tp in own)
        self.health.progress(position, sum(ends.values()))
        shell.silence.looked({(tp[0], tp[1]): end for tp, end in ends.items()}, asked_at)


def _application(stage: Stage, settings: WorkerSettings, folder: str) -> faust.App:
    servers = settings.bootstrap_servers.replace(",", ";")
    return faust.App(
        settings.group(stage),
        broker=";".join(f"kafka://{server.strip()}" for server in servers.split(";")),
        broker_credentials=settings.credentials,
        broker_session_timeout=settings.session_timeout_s,
        broker_heartbeat_interval=settings.session_timeout_s / 4,
        broker_commit_interval=COMMIT_S,
        producer_request_timeout=30.0,
        producer_compression_type=settings.compression,
        producer_max_request_size=MAX_MESSAGE_BYTES,
        store="memory://",
        datadir=folder,
        processing_guarantee="at_least_once",
        topic_partitions=stage.partitions,
        topic_replication_factor=settings.replication,
        topic_disable_leader=True,
        table_standby_replicas=0,
        stream_wait_empty=True,
        web_enabled=False,
        loop=asyncio.get_running_loop(),
    )

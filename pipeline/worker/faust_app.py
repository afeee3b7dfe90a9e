"""The only module that speaks Faust: one worker process for one stage.

In: a stage and where the broker is. It joins the group ``<prefix>-<stage>``, gets partitions, has
their rows restored, and feeds messages to the shell (``shell.py``) until it is told to stop.
"""

import asyncio
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, cast

import faust
from aiokafka.errors import KafkaError  # type: ignore[import-untyped]  # it ships no types
from faust.streams import Stream
from faust.transport.consumer import Consumer
from faust.types import TP, EventT, StreamT
from faust.types.auth import CredentialsArg
from faust.types.transports import ConsumerT

from pipeline.broker import clients, topics
from pipeline.broker.message import Message
from pipeline.clock import monotonic
from pipeline.errors import BrokenWorld
from pipeline.health import Health
from pipeline.settings import Security, Settings
from pipeline.worker.probe import Probe
from pipeline.worker.publish import Publisher
from pipeline.worker.shell import Shell, Spot
from pipeline.worker.silence import Silence
from pipeline.worker.stage import Stage

TABLE = "state"
"""Name of each worker's table; that of its changelog topic follows (``topics.state``)."""
LOOK_S = 1.0
"""How often the ends of the topics are asked for."""
LOOK_TIMEOUT_S = 10.0
WATCH_S = 0.2
"""How soon a crash of Faust is noticed."""
STOP_S = 5.0
"""Time to finish and hand over; after it the process just ends, which loses nothing."""
PRODUCE_S = 30.0
"""How long one attempt to publish may take; it is tried again."""


@dataclass(frozen=True, slots=True)
class _Given:
    """A message from Faust (see ``shell.Taken``)."""

    consumer: ConsumerT
    event: EventT[bytes]
    message: Message

    @property
    def generation(self) -> int:
        generation: int | None = self.event.message.generation_id
        return -1 if generation is None else generation

    def release(self) -> None:
        # Faust waits for all messages that it has given out before it lets partitions go. This is
        # not its acknowledgement, which would make it commit: see shell.py.
        self.event.message.acked = True
        cast("Consumer", self.consumer).unacked.discard(self.event.message)


@dataclass(frozen=True, slots=True)
class _Place:
    """The worker's place in its group (see ``shell.Place``)."""

    app: faust.App
    probe: Probe
    session_s: float

    def generation(self) -> int:
        return int(self.app.consumer_generation_id)

    async def commit(self, offsets: Mapping[Spot, int]) -> bool:
        consumer = cast("Consumer", self.app.consumer)
        wanted = {TP(*spot): offset for spot, offset in offsets.items()}
        if not wanted.keys() <= consumer.assignment():
            return False
        return await consumer._commit(wanted)  # noqa: SLF001 - the public one commits what Faust thinks

    async def next_from(self, spot: Spot, offset: int) -> int:
        return await self.probe.next_from(spot, offset)

    async def go_back(self, spot: Spot, offset: int) -> None:
        with suppress(TimeoutError):  # then it is tried again
            await self.app.consumer.seek_wait({TP(*spot): offset})


class Worker:
    """A Faust application with one agent, one table and our loop behind them."""

    def __init__(self, stage: Stage, settings: Settings, health: Health) -> None:
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
        )
        group = topics.group(settings.kafka.topic_prefix, stage.name)
        self.probe = Probe(group, _client_options(settings))
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
            BrokenWorld: Faust gave up.
        """
        await self.probe.start()
        tasks = [asyncio.create_task(self.app.start()), asyncio.create_task(self._look_around())]
        while not (stop.is_set() or self.app.crashed):
            with suppress(TimeoutError):
                async with asyncio.timeout(WATCH_S):
                    await stop.wait()
        crashed = self.app.crashed
        for task in tasks:
            task.cancel()
        with suppress(TimeoutError, asyncio.CancelledError):
            async with asyncio.timeout(STOP_S):
                await self._stop()
        self._folder.cleanup()
        if crashed:
            raise BrokenWorld(
                f"{self.stage.name}: the worker gave up ({self.app.crash_reason!r}): start it again"
            )

    async def _stop(self) -> None:
        if self.shell is not None:
            await self.shell.leave()
        await self.app.stop()
        await self.probe.stop()

    async def _take(self, stream: StreamT[bytes]) -> None:
        """Be the agent: hand each message to the shell."""
        async for event in cast(Stream[bytes], stream).noack().events():
            message = event.message
            incoming = Message(
                message.topic,
                message.partition,
                message.offset,
                message.key,
                message.value,
                tuple(message.headers or ()),
            )
            await self._ready_shell().offer(_Given(self.app.consumer, event, incoming))

    async def _loop(self) -> None:
        await self._ready_shell().run()

    def _ready_shell(self) -> Shell:
        if self.shell is None:
            self.shell = Shell(
                stage=self.stage,
                rejected_topic=topics.rejected(self.settings.kafka.topic_prefix),
                changelog_topic=self.table.changelog_topic.get_topic_name(),
                table=self.table.data,
                publisher=Publisher(self.app.producer, self.health),
                place=_Place(self.app, self.probe, self.settings.worker.session_timeout_s),
                health=self.health,
                silence=Silence(self.settings.windows.source_timeout_s),
            )
        return self.shell

    async def _restored(self, *_: object) -> None:
        """Let the shell in: rows are restored, and messages come only after this."""
        self._folder.cleanup()  # Faust made its folders; a table in memory has nothing to put there
        own = self._own()
        self._ready_shell().enter(await self.probe.committed(own))
        self.health.count("assignments")

    async def _revoked(self, *_: object, **__: object) -> None:
        """Let the shell out: Faust has waited until everything given out was released."""
        await self._ready_shell().leave()

    def _own(self) -> list[Spot]:
        read = set(self.stage.topics)
        assigned = self.app.consumer.assignment()
        return sorted((tp.topic, tp.partition) for tp in assigned if tp.topic in read)

    async def _look_around(self) -> None:
        """Ask the broker for the ends of our topics, again and again, and tell health the truth."""
        while True:
            await asyncio.sleep(LOOK_S)
            self.health.waiting(self._waits_for())
            with suppress(TimeoutError, KafkaError):
                async with asyncio.timeout(LOOK_TIMEOUT_S):
                    await self._look()

    def _waits_for(self) -> str | None:
        if self.app.rebalancing:
            return "rebalancing"
        if self.shell is None or not self.shell.is_open:
            return "restoring state"
        return None

    async def _look(self) -> None:
        positions = dict(self.shell.positions) if self.shell is not None else {}
        asked_at = monotonic()
        ends = await self.probe.ends(positions or [(self.stage.topics[0], 0)])
        self.health.beat()
        if self.shell is None or self.shell.positions.keys() != positions.keys():
            return
        positions = self.shell.positions
        self.health.progress(sum(positions.values()), sum(ends[spot] for spot in positions))
        self.shell.looked({spot: ends[spot] for spot in positions}, asked_at)


def _client_options(settings: Settings) -> dict[str, Any]:
    """Return what an aiokafka client is given."""
    security = settings.kafka.security
    options: dict[str, Any] = {
        "bootstrap_servers": _servers(settings),
        "request_timeout_ms": int(LOOK_TIMEOUT_S * 1000),
        "session_timeout_ms": int(LOOK_TIMEOUT_S * 1000) - 1000,
        "security_protocol": security.protocol,
        "ssl_context": clients.ssl_context(security),
    }
    if security.protocol.startswith("SASL"):
        options["sasl_mechanism"] = security.mechanism
        options["sasl_plain_username"] = security.username
        options["sasl_plain_password"] = clients.password(security)
    return options


def _servers(settings: Settings) -> list[str]:
    return [server.strip() for server in settings.kafka.bootstrap_servers.split(",")]


def _application(stage: Stage, settings: Settings, folder: str) -> faust.App:
    kafka, session_s = settings.kafka, settings.worker.session_timeout_s
    return faust.App(
        topics.group(kafka.topic_prefix, stage.name),
        broker=";".join(f"kafka://{server}" for server in _servers(settings)),
        broker_credentials=_credentials(kafka.security),
        broker_session_timeout=session_s,
        broker_request_timeout=max(90.0, session_s),
        broker_heartbeat_interval=session_s / 4,
        producer_request_timeout=PRODUCE_S,
        producer_compression_type=None if kafka.compression == "none" else kafka.compression,
        producer_max_request_size=topics.MAX_ROW_BYTES,
        store="memory://",
        datadir=folder,
        processing_guarantee="at_least_once",
        topic_allow_declare=False,  # all topics are created, and checked, before
        topic_disable_leader=True,
        table_standby_replicas=0,
        stream_wait_empty=True,
        web_enabled=False,
        loop=asyncio.get_running_loop(),
    )


def _credentials(security: Security) -> CredentialsArg | None:
    context = clients.ssl_context(security)
    if not security.protocol.startswith("SASL"):
        return None if context is None else faust.SSLCredentials(context=context)
    return faust.SASLCredentials(
        username=security.username,
        password=clients.password(security),
        mechanism=security.mechanism,
        ssl_context=context,
    )

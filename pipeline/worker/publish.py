"""Publishing from a worker: in order, acknowledged, tried again until it succeeds.

In: messages. Returns when the broker has acknowledged every one. A broker that is away is waited
for, however long (the caller holds the step in memory); health says so meanwhile.
"""

import asyncio
import random
from collections.abc import Iterator, Sequence
from typing import Protocol

from aiokafka.errors import KafkaError  # type: ignore[import-untyped]  # it ships no types
from faust.exceptions import ProducerSendError
from faust.types.transports import ProducerT

from pipeline.health import Health
from pipeline.worker.stage import Outgoing

FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 10.0


class Publishes(Protocol):
    """Anything that publishes messages for good."""

    async def publish(self, messages: Sequence[Outgoing]) -> None:
        """Return when all messages are acknowledged."""


class Publisher:
    """Publishes through a worker's producer."""

    def __init__(self, producer: ProducerT, health: Health) -> None:
        self._producer = producer
        self._health = health

    async def publish(self, messages: Sequence[Outgoing]) -> None:
        """Return when all messages are acknowledged; from the first failure on, send again.

        So a repeat is possible (outputs carry id and revision) and a later message is never there
        for good without an earlier one.
        """
        waiting = list(messages)
        pauses = _pauses()
        while waiting:
            done, trouble = await self._attempt(waiting)
            del waiting[:done]
            if trouble is None:
                break
            self._health.trouble(f"cannot publish: {type(trouble).__name__}")
            self._health.count("publish_retries")
            await asyncio.sleep(next(pauses))
        self._health.trouble(None)

    async def _attempt(self, messages: Sequence[Outgoing]) -> tuple[int, BaseException | None]:
        """Send all; return how many of the first went well, and what the next one failed with."""
        sent: list[asyncio.Future[object]] = []
        refused: BaseException | None = None
        for message in messages:
            try:
                sent.append(await self._send(message))
            except (ProducerSendError, KafkaError) as trouble:
                refused = trouble
                break
        for done, result in enumerate(await asyncio.gather(*sent, return_exceptions=True)):
            if isinstance(result, BaseException):
                return done, result
        return len(sent), refused

    async def _send(self, message: Outgoing) -> "asyncio.Future[object]":
        acknowledged = await self._producer.send(
            message.topic,
            message.key,
            message.value,
            message.partition,
            None,
            list(message.headers) or None,
        )
        return asyncio.ensure_future(acknowledged)


def _pauses() -> Iterator[float]:
    """Yield growing pauses in seconds, each somewhere between half and the whole."""
    longest = FIRST_PAUSE_S
    while True:
        yield random.uniform(longest / 2, longest)  # noqa: S311 - jitter, not a secret
        longest = min(2 * longest, LONGEST_PAUSE_S)

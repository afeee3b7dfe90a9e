"""Looks at the broker with a connection of its own: ends, beginnings, what the group has committed.

Never through the worker's consumer: its thread takes two calls at a time, and one that waits (for a
position, for a broker that is away) would stop the fetching.
"""

from collections.abc import Collection, Mapping
from typing import Any

from aiokafka import (  # type: ignore[import-untyped]  # it ships no types
    AIOKafkaConsumer,
    TopicPartition,
)

from pipeline.worker.shell import Spot


class Probe:
    """A client that joins no group, and reads a message only to see whether it is there."""

    def __init__(self, group: str, options: Mapping[str, Any]) -> None:
        """Say whose commits to look at, and how to connect."""
        self._client = AIOKafkaConsumer(
            **options,
            group_id=group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            metadata_max_age_ms=10_000,
        )

    async def start(self) -> None:
        """Connect."""
        await self._client.start()

    async def stop(self) -> None:
        """Disconnect."""
        await self._client.stop()

    async def ends(self, spots: Collection[Spot]) -> dict[Spot, int]:
        """Return the offsets behind the last messages."""
        found = await self._client.end_offsets([TopicPartition(*spot) for spot in spots])
        return {(at.topic, at.partition): end for at, end in found.items()}

    async def next_from(self, spot: Spot, offset: int) -> int:
        """Return the offset of the first message from an offset on; wait until there is one."""
        at = TopicPartition(*spot)
        self._client.assign([at])
        self._client.seek(at, offset)
        try:
            return int((await self._client.getone(at)).offset)
        finally:
            self._client.unsubscribe()

    async def committed(self, spots: Collection[Spot]) -> dict[Spot, int]:
        """Return where the group goes on: the committed offset, else the beginning."""
        found: dict[Spot, int] = {}
        for spot in spots:
            at = TopicPartition(*spot)
            offset = await self._client.committed(at)
            if offset is None:
                offset = (await self._client.beginning_offsets([at]))[at]
            found[spot] = int(offset)
        return found

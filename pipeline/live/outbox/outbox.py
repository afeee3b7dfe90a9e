"""What the live sources find → Kafka: bounded, in order, and told where it is blind.

In: observations, gaps, rejected records, placements, marks, positions; all on the event loop's
thread, and nothing waits. Out: messages, batched by node, acknowledged. While the broker is away
everything waits here, packed, within the bound. First sources are asked to wait
(:meth:`Outbox.room`); what does not fit all the same is dropped, counted, and told as a gap as soon
as there is room.

Each message is written at least once, and each partition in the order of the puts; exactly once as
long as one producer lives (see ``carrier``). Positions are remembered when all that was put before
them has been acknowledged.
"""

import asyncio
import math
from collections import Counter, deque
from collections.abc import Iterable, Mapping

from pipeline.broker import topics
from pipeline.broker.producer import partition_of, rejection_headers
from pipeline.clock import monotonic
from pipeline.errors import BrokenWorld
from pipeline.ingest.encoding import Encoded, Encoder
from pipeline.live.outbox.acknowledged import Acknowledged
from pipeline.live.outbox.carrier import Carrier, Landed
from pipeline.live.outbox.losses import Gates, Losses
from pipeline.live.outbox.stats import OutboxStats
from pipeline.live.outbox.waiting import Parcel, Waiting
from pipeline.records import (
    SIGNALS,
    Gap,
    Mark,
    Observation,
    Placement,
    Positions,
    Rejected,
    Signal,
    canonical,
)
from pipeline.rejection import in_parts, one_line
from pipeline.settings import Settings

TICK_S = 0.02
"""Between two looks at what can go and what is acknowledged: as long as the client lingers."""
FLIGHT_BYTES = 8 * 1024 * 1024
"""Given to the client and not acknowledged: a second of 25,000 observations of 300 bytes, and at
most a quarter of the bound. The client keeps a copy of its own."""
TICK_PARCELS = 250
"""Given to the client at once: 10 ms in which the loop does nothing else."""
TELL = 0.9
"""Of the bound: below it what was lost is told; few gaps and long ones, not one for each moment at
the bound."""
SILENT_S = 15.0
"""Nothing acknowledged for so long is told as trouble: a restart of a broker takes less."""
CLOSE_S = 5.0

_BACK_OFF_S = (0.5, 10.0)
_MIB = 1024 * 1024


class Outbox:
    """Publishes for one source; see :class:`pipeline.live.sink.Sink` for what sources may do."""

    def __init__(
        self, settings: Settings, source: str, *, offsets: Mapping[str, int] | None = None
    ) -> None:
        """Take where the observation topics stood when positions were restored.

        Nothing happens before :meth:`run`.
        """
        prefix = settings.kafka.topic_prefix
        self._source = source
        self._age_s = settings.ingest.batch_age_s
        self._bound = settings.ingest.buffer_mib * _MIB
        self._flight = min(FLIGHT_BYTES, self._bound // 4)
        self._partitions = settings.kafka.partitions.observations
        self._topic_of = {signal: topics.observations(prefix, signal) for signal in SIGNALS}
        self._ingest, self._topology = topics.ingest(prefix), topics.topology(prefix)
        self._rejected = topics.rejected(prefix)
        self._encoder = Encoder(source)
        self._waiting = Waiting()
        self._first: deque[Parcel] = deque()
        """Positions: they overtake, since what they wait for has been acknowledged."""
        self._unmarked: dict[str, Positions] = {}
        """Positions that were taken while gaps could not be put: they must wait for these too."""
        self._carrier = Carrier(settings.kafka)
        self._acknowledged = Acknowledged(offsets or {})
        self._losses = Losses(source)
        self._gates = Gates(self._bound)
        self._room: dict[Signal, asyncio.Event] = {signal: asyncio.Event() for signal in SIGNALS}
        self._counts: Counter[str] = Counter()
        self._put: Counter[Signal] = Counter()
        self._published: Counter[Signal] = Counter()
        self._lost: Counter[Signal] = Counter()
        self._trouble: str | None = None
        self._closed = False

    # what sources call

    def observe(self, node: str, observation: Observation) -> None:
        """Take an observation of a node; never waits."""
        if self.held_bytes >= self._bound:
            self._losses.drop(node, observation)
            self._lost[observation.signal] += 1
            return
        full = self._encoder.add(node, observation, monotonic())
        if full is not None:
            self._put_batch(full)

    def gap(self, gap: Gap) -> None:
        """Take a gap, behind everything that was put before of its node; never waits."""
        if self.held_bytes >= self._bound:
            self._losses.note(gap)
        else:
            self._put_gap(gap)

    def rejected(self, rejected: Rejected) -> None:
        """Take what could not be read; never waits."""
        if self.held_bytes >= self._bound:
            self._counts["rejected_lost"] += 1
            return
        self._waiting.put(
            Parcel(
                topic=self._rejected,
                partition=None,
                key=rejected.key,
                value=rejected.value,
                put_at=monotonic(),
                headers=(*rejected.headers, *rejection_headers(rejected)),
            )
        )

    async def room(self, signal: Signal) -> None:
        """Return when there is room for a signal: at once for events, whatever happens."""
        self._gates.update(self.held_bytes)
        while not self._gates.open(signal) and not self._closed:
            self._room[signal].clear()
            await self._room[signal].wait()

    # what the role calls

    def placement(self, placement: Placement) -> None:
        """Take where a pod runs; never dropped: they are few, and the last one counts."""
        self._put_record(self._topology, None, _key_of(placement), canonical(placement))

    def forget(self, placement: Placement) -> None:
        """Have the topic forget where a pod ran."""
        self._put_record(self._topology, None, _key_of(placement), None)

    def mark(self, mark: Mark) -> None:
        """Take a mark, behind everything that was put before; later ones may take its place."""
        self._flush()
        self._waiting.mark(
            Parcel(topic=None, partition=None, key=None, value=canonical(mark), put_at=monotonic())
        )

    def checkpoint(self, positions: Positions) -> None:
        """Remember positions as soon as all that was put before is acknowledged.

        What is checkpointed before anything was put is published before anything else. So a start
        that finds no positions of its own knows that it has not published anything.
        """
        self._flush()
        if self._losses:
            self._unmarked[positions.part] = positions
        else:
            self._remember(positions)

    async def run(self) -> None:
        """Publish until :meth:`close`; connects, and connects again, with back-off."""
        connecting: asyncio.Task[None] | None = None
        try:
            while not self._closed:
                if not self._carrier.connected and (connecting is None or connecting.done()):
                    if connecting is not None:
                        connecting.result()  # a bug in it is one of ours
                    connecting = asyncio.create_task(self._connect())
                more = self.tick()
                await asyncio.sleep(0 if more else TICK_S)
        finally:
            if connecting is not None:
                connecting.cancel()

    async def close(self, within_s: float = CLOSE_S) -> bool:
        """Send what can be sent within so many seconds; disconnect; return whether it was all."""
        self._flush()
        self._put_gaps()
        deadline = monotonic() + within_s
        while not self.idle and monotonic() < deadline:
            more = self.tick()
            await asyncio.sleep(0 if more else TICK_S)
        self._closed = True
        for event in self._room.values():
            event.set()
        await asyncio.to_thread(self._carrier.close)
        return self.idle

    @property
    def held_bytes(self) -> int:
        """All that is held, in bytes."""
        return self._waiting.held_bytes + self._carrier.bytes + self._encoder.pending_bytes

    @property
    def idle(self) -> bool:
        """Whether everything that was put has been acknowledged, and remembered."""
        return (
            self._waiting.empty
            and self._carrier.idle
            and not (self._first or self._losses or self._encoder.pending_bytes)
            and not (self._unmarked or self._acknowledged.pending)
        )

    @property
    def trouble(self) -> str | None:
        """One line when the broker has not acknowledged anything for a while; None: all is well."""
        silent_s = self._carrier.silent_s
        if self._carrier.connected and silent_s < SILENT_S:
            return self._carrier.trouble
        what = self._trouble or self._carrier.trouble
        held = f"{self.held_bytes / _MIB:.0f} of {self._bound / _MIB:.0f} MiB wait"
        if silent_s >= SILENT_S:
            return f"the broker has not acknowledged anything for {silent_s:.0f} s; {held}"
        return None if what is None else f"{what}; {held}"

    @property
    def stats(self) -> OutboxStats:
        """The truth at this moment."""
        put_at = [at for at in (self._carrier.oldest, self._waiting.oldest) if at is not None]
        return OutboxStats(
            put={signal: self._put[signal] for signal in SIGNALS},
            published={signal: self._published[signal] for signal in SIGNALS},
            lost={signal: self._lost[signal] for signal in SIGNALS},
            batches=self._counts["batches"],
            rejected=self._counts["rejected"],
            rejected_lost=self._counts["rejected_lost"],
            gaps=self._counts["gaps"],
            refused=self._counts["refused"],
            waiting_bytes=self.held_bytes,
            in_flight_bytes=self._carrier.bytes,
            resends=self._carrier.sent_again,
            oldest_s=monotonic() - min(put_at) if put_at else 0.0,
        )

    def tick(self) -> bool:
        """Do what can be done now; return whether there is more of it."""
        for batch in self._encoder.flush(monotonic() - self._age_s):
            self._put_batch(batch)
        self._settle()
        if self._losses and self.held_bytes < TELL * self._bound:
            self._put_gaps()
        more = self._hand_over()
        self._waiting.pack()
        self._gates.update(self.held_bytes)
        for signal, event in self._room.items():
            if self._gates.open(signal):
                event.set()
        return more

    def _flush(self) -> None:
        for batch in self._encoder.flush(math.inf):
            self._put_batch(batch)

    def _put_batch(self, batch: Encoded) -> None:
        self._put[batch.signal] += batch.observations
        self._counts["batches"] += 1
        key = batch.node.encode()
        self._waiting.put(
            Parcel(
                topic=self._topic_of[batch.signal],
                partition=partition_of(key, self._partitions),
                key=key,
                value=batch.value,
                put_at=monotonic(),
                signal=batch.signal,
                observations=batch.observations,
            )
        )

    def _put_gap(self, gap: Gap) -> None:
        batch = self._encoder.close(gap.node, gap.signal)
        if batch is not None:
            self._put_batch(batch)
        key = gap.node.encode()
        partition = partition_of(key, self._partitions)
        self._counts["gaps"] += 1
        self._put_record(self._topic_of[gap.signal], partition, key, canonical(gap))

    def _put_gaps(self) -> None:
        for gap in self._losses.told():
            self._put_gap(gap)
        pending, self._unmarked = self._unmarked, {}
        for positions in pending.values():
            self._remember(positions)

    def _put_record(
        self, topic: str, partition: int | None, key: bytes, value: bytes | None
    ) -> None:
        self._waiting.put(
            Parcel(topic=topic, partition=partition, key=key, value=value, put_at=monotonic())
        )

    def _remember(self, positions: Positions) -> None:
        self._due(self._acknowledged.checkpoint(positions, self._waiting.put_count))

    def _due(self, due: Iterable[Positions]) -> None:
        for positions in due:
            self._first.append(
                Parcel(
                    topic=self._ingest,
                    partition=0,
                    key=f"{positions.source}/{positions.part}".encode(),
                    value=canonical(positions),
                    put_at=monotonic(),
                )
            )

    def _hand_over(self) -> bool:
        """Give the client what it may have; return whether more could go at once."""
        while self._first:
            if not self._carrier.carry(None, self._first[0]):
                return False
            self._first.popleft()
        if self._waiting.taken_count == 0 and not self._carrier.idle:
            return False  # what was known at the start is remembered before anything is published
        for _ in range(TICK_PARCELS):
            if self._carrier.bytes >= self._flight:
                return False
            following = self._waiting.next()
            if following is None or not self._carrier.carry(*following):
                return False
            self._waiting.take()
        return True

    def _settle(self) -> None:
        """Take what has been acknowledged."""
        for landed in self._carrier.landed():
            parcel = landed.parcel
            if landed.refused is not None:
                self._refuse(landed)
            elif parcel.signal is not None:
                self._published[parcel.signal] += parcel.observations
            elif parcel.topic == self._rejected:
                self._counts["rejected"] += 1
            self._due(self._acknowledged.landed(landed.number, landed.places))

    def _refuse(self, landed: Landed) -> None:
        """Keep what the broker will not take as it is: in parts, as a rejected record."""
        parcel = landed.parcel
        self._counts["refused"] += 1
        if parcel.signal is None:
            self._counts["rejected_lost"] += parcel.topic == self._rejected
            self._trouble = f"the broker refuses a record for {parcel.topic}: {landed.refused}"
            return
        self._lost[parcel.signal] += parcel.observations
        for part in in_parts(parcel.value or b""):
            self.rejected(
                Rejected(
                    code="too-long",
                    where=f"{self._source}#{landed.number}",
                    what=one_line(f"{parcel.topic}: {landed.refused}"),
                    value=part.content,
                    key=parcel.key,
                    part=part.part,
                    last=part.last,
                )
            )

    async def _connect(self) -> None:
        wait_s, longest_s = _BACK_OFF_S
        while not self._closed:
            try:
                await asyncio.to_thread(self._carrier.connect)
            except BrokenWorld as trouble:
                self._trouble = str(trouble)
                await asyncio.sleep(wait_s)
                wait_s = min(2 * wait_s, longest_s)
            else:
                self._trouble = None
                self._acknowledged.sent_again(self._carrier.take_over())
                return


def _key_of(placement: Placement) -> bytes:
    return f"{placement.application}/{placement.namespace}/{placement.pod_uid}".encode()

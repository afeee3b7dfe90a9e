"""How far the consumer groups have come, and waiting until all has gone through.

Each role's outputs are acknowledged before its inputs are committed. So when detect has committed
all observations, every symptom lies in its topic, and the ends read *then* are what correlate must
reach; and so on to the store.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition  # type: ignore[import-untyped]
from kafka.errors import (  # type: ignore[import-untyped]
    CoordinatorLoadInProgressError,
    CoordinatorNotAvailableError,
    NotCoordinatorError,
)

from pipeline import clock
from pipeline.broker import clients, tail, topics
from pipeline.errors import AftershockError, BrokenWorld
from pipeline.settings import KafkaSettings

_COORDINATOR_COMES = (
    CoordinatorLoadInProgressError,
    CoordinatorNotAvailableError,
    NotCoordinatorError,
)

LOOK_S = 0.25
STILL_S = 15.0
"""Without any progress for so long, a person is told."""
AWAY_S = 60.0
"""Without any answer of the broker for so long, waiting ends: a restart takes less."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """One group, and the topics that it reads."""

    role: str
    topics: tuple[str, ...]


def stretches(prefix: str) -> tuple[Stretch, ...]:
    """Return what an observation must pass, in flow order."""
    return (
        Stretch("detect", topics.observation_topics(prefix)),
        Stretch("correlate", (topics.symptoms(prefix),)),
        Stretch("index", (topics.incidents(prefix),)),
    )


class Progress:
    """Looks at groups and topics; close it after use."""

    def __init__(self, kafka: KafkaSettings) -> None:
        """Connect.

        Raises:
            BrokenWorld: no broker answers.
        """
        self._kafka = kafka
        self._admin: KafkaAdminClient = clients.admin(kafka)
        self._consumer: KafkaConsumer = clients.consumer(kafka, fetch_max_wait_ms=50)

    def close(self) -> None:
        """Disconnect."""
        self._consumer.close(autocommit=False, timeout_ms=1000)
        self._admin.close()

    def ends(self, names: Sequence[str]) -> dict[Any, int]:
        """Return the end of each partition that has anything to read."""
        with clients.told(self._kafka):
            partitions = [
                TopicPartition(name, number)
                for name in names
                for number in sorted(self._consumer.partitions_for_topic(name) or ())
            ]
            self._consumer.assign(partitions)
            starts = self._consumer.beginning_offsets(partitions)
            found = tail.ends(self._consumer, partitions)
        return {at: end for at, end in found.items() if end > starts[at]}

    def behind(self, role: str, ends: dict[Any, int]) -> int:
        """Return how many messages a role's group has still to commit."""
        name = topics.group(self._kafka.topic_prefix, role)
        with clients.told(self._kafka):
            committed = self._committed(name, list(ends))
        return sum(max(0, end - max(0, committed.get(at, 0))) for at, end in ends.items())

    def _committed(self, group: str, partitions: list[Any]) -> dict[Any, int]:
        try:
            answer = self._admin.list_group_offsets({group: partitions})
        except _COORDINATOR_COMES:
            return {}  # the first group of a new broker
        return {at: offset.offset for at, offset in answer[group].items()}


def wait_for_all(
    kafka: KafkaSettings, *, timeout_s: float | None, say: Callable[[str], None]
) -> None:
    """Return when everything that is published now has reached the store.

    ``say`` is told in one line what is waited for.

    Raises:
        AftershockError: not within ``timeout_s`` (seconds of wall time; None: wait for ever).
        BrokenWorld: the broker has been away for a minute.
    """
    progress = Progress(kafka)
    try:
        waiting = _Waiting(progress, say, timeout_s)
        for stretch in stretches(kafka.topic_prefix):
            waiting.pass_(stretch)
    finally:
        progress.close()


class _Waiting:
    """Looks again and again until a group has come to the end."""

    def __init__(
        self, progress: Progress, say: Callable[[str], None], timeout_s: float | None
    ) -> None:
        self._progress = progress
        self._say = say
        now = clock.monotonic()
        self._deadline = None if timeout_s is None else now + timeout_s
        self._answered = self._moved = now

    def pass_(self, stretch: Stretch) -> None:
        role = stretch.role
        hint = f"is `aftershock {role}` (or `aftershock run`) running?"
        self._say(f"waiting for {role}")
        ends: dict[Any, int] | None = None
        behind = -1
        while True:
            try:
                ends = self._progress.ends(stretch.topics) if ends is None else ends
                left = self._progress.behind(role, ends)
                self._answered = clock.monotonic()
            except BrokenWorld:
                if clock.monotonic() - self._answered > AWAY_S:
                    raise
                left = behind  # a restarting broker is waited for
            if left == 0:
                return
            if left != behind:
                behind, self._moved = left, clock.monotonic()
                self._say(f"waiting for {role}: {left} messages behind")
            self._check_time(f"{role} is {left} messages behind", hint)
            clock.sleep(LOOK_S)

    def _check_time(self, what: str, hint: str) -> None:
        now = clock.monotonic()
        if now - self._moved >= STILL_S:
            self._moved = now
            self._say(f"{what}, and makes no progress; {hint}")
        if self._deadline is not None and now > self._deadline:
            raise AftershockError(f"the time is up: {what}; {hint}")

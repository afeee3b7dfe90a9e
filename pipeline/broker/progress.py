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
    GroupCoordinatorNotAvailableError,
    NotCoordinatorError,
)

from pipeline import clock
from pipeline.broker import clients, tail, topics
from pipeline.errors import AftershockError
from pipeline.settings import KafkaSettings

LOOK_S = 0.25
STILL_S = 15.0
"""Without any progress for so long, a person is told."""


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
        except (GroupCoordinatorNotAvailableError, NotCoordinatorError):
            return {}  # the first group of a new broker: its coordinator is being made
        return {at: offset.offset for at, offset in answer[group].items()}


def wait_for_all(
    kafka: KafkaSettings, *, timeout_s: float | None, say: Callable[[str], None]
) -> None:
    """Return when everything that is published now has reached the store.

    ``say`` is told in one line what is waited for.

    Raises:
        AftershockError: not within ``timeout_s`` (seconds of wall time; None: wait for ever).
        BrokenWorld: the broker is away.
    """
    deadline = None if timeout_s is None else clock.monotonic() + timeout_s
    progress = Progress(kafka)
    try:
        for stretch in stretches(kafka.topic_prefix):
            _wait_for(stretch, progress, deadline, say)
    finally:
        progress.close()


def _wait_for(
    stretch: Stretch, progress: Progress, deadline: float | None, say: Callable[[str], None]
) -> None:
    ends = progress.ends(stretch.topics)
    behind = moved_at = None
    say(f"waiting for {stretch.role}")
    while (left := progress.behind(stretch.role, ends)) > 0:
        now = clock.monotonic()
        if behind is None or left < behind:
            behind, moved_at = left, now
            say(f"waiting for {stretch.role}: {left} messages behind")
        elif moved_at is not None and now - moved_at >= STILL_S:
            moved_at = now
            say(
                f"waiting for {stretch.role}: {left} messages behind, and no progress;"
                f" is `aftershock {stretch.role}` (or `aftershock run`) running?"
            )
        if deadline is not None and now > deadline:
            raise AftershockError(
                f"{stretch.role} is still {left} messages behind: the time is up;"
                f" is `aftershock {stretch.role}` (or `aftershock run`) running?"
            )
        clock.sleep(LOOK_S)

"""What the tests see of a broker through plain clients: topics made, sent and read to the end."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import (
    CoordinatorLoadInProgressError,
    CoordinatorNotAvailableError,
    NotCoordinatorError,
)


@dataclass(frozen=True)
class Sent:
    """A message for a topic."""

    topic: str
    key: bytes | None
    value: bytes | None
    partition: int | None = None
    headers: tuple[tuple[str, bytes], ...] = ()


@dataclass(frozen=True)
class BrokerView:
    """Plain clients of one broker."""

    bootstrap_servers: str

    def create(self, partitions: Mapping[str, int]) -> None:
        """Create topics with their numbers of partitions."""
        with closing(KafkaAdminClient(bootstrap_servers=self.bootstrap_servers)) as admin:
            admin.create_topics(
                {
                    name: {"num_partitions": count, "replication_factor": 1}
                    for name, count in partitions.items()
                }
            )

    def topics(self) -> set[str]:
        """Return the names of all topics."""
        with closing(KafkaAdminClient(bootstrap_servers=self.bootstrap_servers)) as admin:
            return set(admin.list_topics())

    def committed(self, group: str) -> int:
        """Return the sum of a group's committed offsets: messages handled for good.

        Nothing is known of it (0) while a broker that has just started looks for it.
        """
        with closing(KafkaAdminClient(bootstrap_servers=self.bootstrap_servers)) as admin:
            try:
                offsets = admin.list_group_offsets(group)[group]
            except (
                CoordinatorLoadInProgressError,
                CoordinatorNotAvailableError,
                NotCoordinatorError,
            ):
                return 0
            return sum(place.offset for place in offsets.values())

    def send(self, messages: Iterable[Sent]) -> None:
        """Send messages and wait until all are acknowledged."""
        with closing(KafkaProducer(bootstrap_servers=self.bootstrap_servers, linger_ms=20)) as to:
            sent = [
                to.send(
                    message.topic,
                    key=message.key,
                    value=message.value,
                    partition=message.partition,
                    headers=list(message.headers),
                )
                for message in messages
            ]
            for future in sent:
                future.get(timeout=60)

    def read(self, topics: Sequence[str]) -> list:
        """Return all messages of topics, each from its beginning to its end now."""
        with closing(
            KafkaConsumer(bootstrap_servers=self.bootstrap_servers, enable_auto_commit=False)
        ) as consumer:
            places = [
                TopicPartition(topic, number)
                for topic in topics
                for number in consumer.partitions_for_topic(topic) or ()
            ]
            consumer.assign(places)
            consumer.seek_to_beginning(*places)
            ends = consumer.end_offsets(places)
            messages: list = []
            while any(consumer.position(place) < end for place, end in ends.items()):
                for batch in consumer.poll(timeout_ms=500).values():
                    messages += batch
            return messages

    def latest(self, topic: str) -> dict[bytes, bytes]:
        """Return the last value of every key of a compacted topic; a null value deletes."""
        values: dict[bytes, bytes] = {}
        for message in self.read([topic]):
            if message.value is None:
                values.pop(message.key, None)
            else:
                values[message.key] = message.value
        return values

"""Members of a consumer group on a real broker."""

from kafka import TopicPartition
from kafka.admin import NewPartitions

from pipeline.broker import clients
from pipeline.broker.ensure import ensure_topics
from pipeline.broker.group import join, member
from pipeline.broker.topics import incidents
from pipeline.health import Health
from pipeline.settings import KafkaSettings, Partitions, Settings
from servers.kafka_server import Kafka
from servers.waiting import until


def test_a_member_gets_the_partitions_that_its_topic_has_got(kafka: Kafka, prefix: str) -> None:
    settings = Settings(
        kafka=KafkaSettings(
            bootstrap_servers=kafka.bootstrap_servers,
            topic_prefix=prefix,
            partitions=Partitions(incidents=1),
        )
    )
    ensure_topics(settings.kafka)
    topic = incidents(prefix)
    consumer = member(settings, "index", metadata_max_age_ms=300)

    def has(partitions: int) -> bool:
        consumer.poll(timeout_ms=10)  # short: the answer to a join often comes between two of them
        wanted = {TopicPartition(topic, number) for number in range(partitions)}
        return bool(handing_over.settled and consumer.assignment() == wanted)

    try:
        handing_over = join(consumer, [topic], Health("index"))
        until(lambda: has(1), within_s=30, what="the only partition")
        admin = clients.admin(settings.kafka)
        admin.create_partitions({topic: NewPartitions(3)})
        admin.close()
        until(lambda: has(3), within_s=30, what="the further ones")
    finally:
        consumer.close(autocommit=False, timeout_ms=3000)

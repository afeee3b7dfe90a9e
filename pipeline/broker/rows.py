"""The last value of every key of a compacted topic: workers' rows, and incidents."""

from pipeline.broker import topics
from pipeline.broker.tail import MissingTopics, read_to_end
from pipeline.errors import AftershockError
from pipeline.settings import KafkaSettings


def latest(kafka: KafkaSettings, topic: str) -> dict[bytes, bytes]:
    """Return the last value of every key; a null value deletes.

    Raises:
        BrokenWorld: no broker answers.
        MissingTopics: the topic is not there.
    """
    rows: dict[bytes, bytes] = {}
    for message in read_to_end(kafka, [topic]):
        key = message.key or b""
        if message.value is None:
            rows.pop(key, None)
        else:
            rows[key] = message.value
    return rows


def worker_rows(kafka: KafkaSettings, role: str) -> dict[bytes, bytes]:
    """Return the rows that the workers of a role keep.

    Raises:
        BrokenWorld: no broker answers.
        AftershockError: no worker of the role has run yet.
    """
    topic = topics.state(kafka.topic_prefix, role)
    try:
        return latest(kafka, topic)
    except MissingTopics:
        raise AftershockError(
            f"there is no topic {topic}: no {role} worker has run yet; start `aftershock run`"
        ) from None

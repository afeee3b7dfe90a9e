"""How far event time has come on the observation topics, as their last marks say."""

from collections.abc import Iterable
from datetime import datetime

from pydantic import ValidationError

from pipeline.broker import tail, topics
from pipeline.broker.message import Message
from pipeline.records import OBSERVATION_VALUE, Mark
from pipeline.settings import KafkaSettings


def told_until(messages: Iterable[Message]) -> datetime | None:
    """Return the latest time that marks among messages promise. Pure."""
    latest: datetime | None = None
    for message in messages:
        try:
            value = OBSERVATION_VALUE.validate_json(message.value or b"")
        except ValidationError:
            continue  # detection will reject it, and say so
        if isinstance(value, Mark) and (latest is None or value.time > latest):
            latest = value.time
    return latest


def last_told(kafka: KafkaSettings) -> datetime | None:
    """Return how far event time has come, if the last messages of the log topic say it.

    Raises:
        BrokenWorld: no broker answers.
        AftershockError: the topic is not there.
    """
    with tail.TopicReader(kafka, [topics.observations(kafka.topic_prefix, "log")]) as reader:
        return told_until(reader.last())

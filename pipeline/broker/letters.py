"""The rejected topic, read again: who was rejected, why, and back into the flow.

A record beyond the size of a message came in parts; here they are one again. Publishing again is
remembered by a consumer group, so that nothing is counted twice; a record that is still bad comes
back as a new one.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pipeline.broker import tail, topics
from pipeline.broker.message import Message
from pipeline.broker.producer import ObservationPublisher
from pipeline.settings import KafkaSettings

_PREFIX = "aftershock.rejected."


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A rejected record, whole."""

    code: str
    where: str
    """``file:line`` or ``topic/partition@offset``."""
    what: str
    key: bytes | None
    value: bytes
    at: tuple[int, int]
    """Partition and offset of its first part on the rejected topic."""
    complete: bool = True
    """False: its last part is not there (yet)."""

    @property
    def topic(self) -> str | None:
        """The topic that it came from; None: it came from a file."""
        topic, slash, place = self.where.rpartition("/")
        return topic if slash and _is_place(place) else None


def letters(messages: Iterable[Message]) -> Iterator[Letter]:
    """Join the parts of rejected records; yield those without an end last. Pure."""
    begun: dict[str, tuple[Message, list[bytes]]] = {}
    for message in messages:
        # the reason comes last: what was rejected before carries an older one too
        headers = {name: value.decode(errors="replace") for name, value in message.headers}
        where = headers.get(f"{_PREFIX}where", message.where)
        if where in begun and headers.get(f"{_PREFIX}part", "1") == "1":
            yield _letter(*begun.pop(where), complete=False)  # the same again, from its beginning
        first, parts = begun.setdefault(where, (message, []))
        parts.append(message.value or b"")
        if headers.get(f"{_PREFIX}last", "true") == "true":
            del begun[where]
            yield _letter(first, parts, complete=True)
    for first, parts in begun.values():
        yield _letter(first, parts, complete=False)


def publish_again(kafka: KafkaSettings) -> tuple[int, int]:
    """Publish again what came from our observation topics and has not been yet.

    Return how many went back, and how many did not, having come from elsewhere (a file is replayed
    from the file).

    Raises:
        BrokenWorld: the broker is away; what had not been acknowledged is taken again next time.
        AftershockError: the topic is not there.
    """
    group = topics.group(kafka.topic_prefix, "rejected-replay")
    ours = set(topics.observation_topics(kafka.topic_prefix))
    back = elsewhere = 0
    with tail.TopicReader(kafka, [topics.rejected(kafka.topic_prefix)], group=group) as reader:
        incomplete: list[tuple[int, int]] = []
        with ObservationPublisher(kafka) as publisher:
            for letter in letters(reader.to_end()):
                if not letter.complete:
                    incomplete.append(letter.at)
                elif letter.topic in ours:
                    publisher.again(letter.topic or "", letter.key, letter.value)
                    back += 1
                else:
                    elsewhere += 1
        reader.commit(keep_from=incomplete)
    return back, elsewhere


def _letter(first: Message, parts: list[bytes], *, complete: bool) -> Letter:
    headers = {name: value.decode(errors="replace") for name, value in first.headers}
    return Letter(
        code=headers.get(f"{_PREFIX}code", "unknown"),
        where=headers.get(f"{_PREFIX}where", first.where),
        what=headers.get(f"{_PREFIX}what", "no reason was given"),
        key=first.key,
        value=b"".join(parts),
        at=(first.partition, first.offset),
        complete=complete,
    )


def _is_place(text: str) -> bool:
    partition, at, offset = text.partition("@")
    return bool(at) and partition.isdigit() and offset.isdigit()

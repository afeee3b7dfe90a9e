"""Rejected records, read again: whole, as they came, and back into the flow once."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from pipeline.broker.ensure import ensure_topics
from pipeline.broker.letters import Letter, letters, publish_again
from pipeline.broker.producer import ObservationPublisher, rejection_headers
from pipeline.broker.tail import Message, read_to_end
from pipeline.broker.topics import observations, rejected
from pipeline.records import Batch, Log, Rejected, canonical
from pipeline.rejection import in_parts
from pipeline.settings import KafkaSettings

WHERES = st.lists(st.text(min_size=1), max_size=4, unique=True)


def parts_of(where: str, value: bytes, *, cut: int) -> list[Rejected]:
    """Return a record in parts of so many bytes."""
    pieces = [value[start : start + cut] for start in range(0, len(value), cut)] or [b""]
    return [
        Rejected(
            code="invalid",
            where=where,
            what="why",
            value=piece,
            part=number,
            last=number == len(pieces),
        )
        for number, piece in enumerate(pieces, 1)
    ]


def messages_of(parts: list[Rejected]) -> list[Message]:
    return [
        Message("r", 0, offset, part.key, part.value, tuple(rejection_headers(part)))
        for offset, part in enumerate(parts)
    ]


def bad_batch(kafka: KafkaSettings, offset: int) -> Rejected:
    observation = Log(time=datetime(2026, 3, 2, tzinfo=UTC), message="x")
    batch = Batch(source="s", node="db", observations=(observation,))
    return Rejected(
        code="invalid",
        where=f"{observations(kafka.topic_prefix, 'log')}/1@{offset}",
        what="a bug that was mended since",
        value=canonical(batch),
        key=b"db",
    )


@given(st.data(), WHERES, st.integers(1, 5))
def test_parts_become_whole_however_records_are_interleaved(
    data: st.DataObject, wheres: list[str], cut: int
) -> None:
    values = {where: data.draw(st.binary(max_size=12)) for where in wheres}
    queues = [parts_of(where, value, cut=cut) for where, value in values.items()]
    mixed: list[Rejected] = []
    while queues := [queue for queue in queues if queue]:
        mixed.append(data.draw(st.sampled_from(queues)).pop(0))
    joined = list(letters(messages_of(mixed)))
    assert {letter.where: letter.value for letter in joined} == values
    assert all(letter.complete for letter in joined)


def test_a_record_without_its_last_part_is_told_as_cut_off() -> None:
    (letter,) = letters(messages_of(parts_of("f:1", b"abcdef", cut=2)[:2]))
    assert (letter.value, letter.complete) == (b"abcd", False)


def test_the_same_record_rejected_again_begins_anew() -> None:
    cut_off = parts_of("f:1", b"abcdef", cut=2)[:2]
    found = list(letters(messages_of([*cut_off, *parts_of("f:1", b"abcdef", cut=2)])))
    assert [(letter.value, letter.complete) for letter in found] == [
        (b"abcd", False),
        (b"abcdef", True),
    ]


def test_a_record_without_our_headers_is_still_listed() -> None:
    (letter,) = letters([Message("r", 0, 7, None, b"x")])
    assert (letter.code, letter.where, letter.value) == ("unknown", "r/0@7", b"x")


def test_a_file_is_no_topic_even_if_its_name_looks_odd() -> None:
    def topic(where: str) -> str | None:
        return Letter(code="c", where=where, what="w", key=None, value=b"", at=(0, 0)).topic

    assert topic("a.observations.logs/3@17") == "a.observations.logs"
    assert topic("dir/file@home.jsonl:17") is None
    assert topic("file.jsonl:17") is None


def test_what_came_from_our_topics_goes_back_once_with_its_key_and_bytes(
    kafka: KafkaSettings,
) -> None:
    ensure_topics(kafka)
    ours, file = bad_batch(kafka, 4), parts_of("f:1", b"abc", cut=9)[0]
    with ObservationPublisher(kafka) as publisher:
        publisher.rejected(ours)
        publisher.rejected(file)
    assert publish_again(kafka) == (1, 1)
    assert publish_again(kafka) == (0, 0)
    back = list(read_to_end(kafka, [observations(kafka.topic_prefix, "log")]))
    assert [(message.key, message.value) for message in back] == [(b"db", ours.value)]


def test_what_is_rejected_later_goes_back_later(kafka: KafkaSettings) -> None:
    ensure_topics(kafka)
    for round_ in range(2):
        with ObservationPublisher(kafka) as publisher:
            publisher.rejected(bad_batch(kafka, round_))
        assert publish_again(kafka) == (1, 0)


def test_a_large_record_travels_in_parts_and_is_listed_whole(kafka: KafkaSettings) -> None:
    ensure_topics(kafka)
    value = bytes(range(256)) * 8192  # 2 MiB: twice what a Kafka record may have
    with ObservationPublisher(kafka) as publisher:
        for part in in_parts(value):
            publisher.rejected(
                Rejected(
                    code="too-long",
                    where="f:9",
                    what="long",
                    value=part.content,
                    part=part.part,
                    last=part.last,
                )
            )
    (letter,) = letters(read_to_end(kafka, [rejected(kafka.topic_prefix)]))
    assert letter.value == value

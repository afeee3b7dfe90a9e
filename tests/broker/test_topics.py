"""The table of topics, and what is told when the broker's are otherwise."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.broker.ensure import Found, differences, ensure_topics, warnings
from pipeline.broker.topics import observation_topics, table
from pipeline.errors import AftershockError, BrokenWorld
from pipeline.settings import KafkaSettings, Partitions

COUNTS = st.builds(Partitions, observations=st.integers(1, 99), symptoms=st.integers(1, 99))


def as_wanted(kafka: KafkaSettings) -> list[Found]:
    return [
        Found(
            name=topic.name,
            partitions=topic.partitions,
            replication=kafka.replication,
            cleanup_policy=topic.cleanup_policy,
        )
        for topic in table(kafka)
    ]


@given(partitions=COUNTS)
def test_the_observation_topics_are_always_co_partitioned(partitions: Partitions) -> None:
    kafka = KafkaSettings(partitions=partitions)
    counts = {t.partitions for t in table(kafka) if t.name in observation_topics("aftershock")}
    assert counts == {partitions.observations}


def test_topics_are_named_as_the_contract_says() -> None:
    assert [(topic.name, topic.key) for topic in table(KafkaSettings())] == [
        ("aftershock.observations.logs", "node"),
        ("aftershock.observations.events", "node"),
        ("aftershock.observations.metrics", "node"),
        ("aftershock.symptoms", "application"),
        ("aftershock.topology", "application"),
        ("aftershock.incidents", "incident"),
        ("aftershock.ingest", "source and part"),
        ("aftershock.rejected", "as it came"),
    ]


def test_only_what_is_known_by_its_latest_value_is_compacted() -> None:
    compacted = {t.name for t in table(KafkaSettings()) if t.cleanup_policy == "compact"}
    assert compacted == {"aftershock.topology", "aftershock.incidents", "aftershock.ingest"}


def test_what_is_as_wanted_is_no_difference() -> None:
    kafka = KafkaSettings()
    assert not list(differences(table(kafka), as_wanted(kafka)))


@pytest.mark.parametrize("number", range(8))
def test_another_partition_count_of_any_topic_is_told_with_both_numbers(number: int) -> None:
    kafka = KafkaSettings()
    found = as_wanted(kafka)
    found[number] = dataclasses.replace(found[number], partitions=17)
    (line,) = differences(table(kafka), found)
    assert found[number].name in line
    assert "17" in line
    assert f"{table(kafka)[number].partitions} wanted" in line


@pytest.mark.parametrize(
    ("number", "policy", "fits"),
    [
        (0, "compact", False),
        (0, "compact,delete", False),
        (5, "delete", False),
        (5, "compact, delete", True),
        (5, None, True),
    ],
)
def test_compaction_must_not_be_where_it_loses_and_must_be_where_it_keeps(
    number: int, policy: str | None, *, fits: bool
) -> None:
    kafka = KafkaSettings()
    found = as_wanted(kafka)
    found[number] = dataclasses.replace(found[number], cleanup_policy=policy)
    assert (not list(differences(table(kafka), found))) == fits


def test_fewer_copies_and_what_could_not_be_checked_are_warnings_only() -> None:
    found = [
        dataclasses.replace(topic, cleanup_policy=None) for topic in as_wanted(KafkaSettings())
    ]
    told = list(warnings(KafkaSettings(replication=3), found))
    assert len(told) == 2
    assert not list(differences(table(KafkaSettings()), found))


def test_what_is_missing_is_created_once(kafka: KafkaSettings) -> None:
    first, second = ensure_topics(kafka), ensure_topics(kafka)
    assert all(topic.created for topic in first)
    assert not any(topic.created for topic in second)


def test_a_check_creates_nothing(kafka: KafkaSettings) -> None:
    for _ in range(2):
        with pytest.raises(AftershockError, match="missing"):
            ensure_topics(kafka, create=False)


def test_a_wrong_partition_count_on_the_broker_is_one_line(kafka: KafkaSettings) -> None:
    ensure_topics(kafka)
    other = kafka.model_copy(update={"partitions": Partitions(observations=5, incidents=2)})
    with pytest.raises(AftershockError) as trouble:
        ensure_topics(other)
    assert "\n" not in str(trouble.value)
    assert "observations.logs: 3 partitions, but 5 wanted" in str(trouble.value)


def test_no_broker_is_one_line_soon(nowhere: KafkaSettings) -> None:
    with pytest.raises(BrokenWorld) as trouble:
        ensure_topics(nowhere)
    assert "\n" not in str(trouble.value)
    assert "127.0.0.1:9" in str(trouble.value)

"""``aftershock incidents reindex``: whatever a store was, afterwards it is what the topic says."""

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from command_line import aftershock
from incident_values import incident
from pipeline.broker import clients
from pipeline.broker.ensure import ensure_topics
from pipeline.broker.producer import partition_of
from pipeline.broker.topics import incidents
from pipeline.records import Incident, canonical
from pipeline.settings import KafkaSettings
from pipeline.store import Query, open_store

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def command(kafka: KafkaSettings, tmp_path: Path) -> Command:
    """Run ``aftershock incidents`` on a topic with two revisions of a1, a deleted a2, and a3."""
    ensure_topics(kafka)
    producer = clients.producer(kafka)
    told: list[tuple[str, Incident | None]] = [
        ("a1", incident("a1", 1)),
        ("a1", incident("a1", 4, title="the disk is full")),
        ("a2", incident("a2")),
        ("a2", None),
        ("a3", incident("a3", 2, start=60)),
    ]
    for name, one in told:
        key, value = name.encode(), canonical(one) if one else None
        at = partition_of(key, kafka.partitions.incidents)
        producer.send(incidents(kafka.topic_prefix), key=key, value=value, partition=at)
    producer.flush()
    producer.close(timeout=5)
    given = {
        "AFTERSHOCK_KAFKA__BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
        "AFTERSHOCK_KAFKA__TOPIC_PREFIX": kafka.topic_prefix,
        "AFTERSHOCK_STORE": f"sqlite:///{tmp_path}/incidents.db",
    }

    def run(*arguments: str) -> tuple[int, str, str]:
        return aftershock("incidents", *arguments, folder=tmp_path, **given)

    return run


def test_a_lost_store_is_there_again_and_answers_like_the_topic(command: Command) -> None:
    code, out, err = command("reindex")
    assert (code, err) == (0, "")
    assert out == ("2 not in the store: a1, a3\n2 equal byte for byte, 0 different\n")
    for asked in (["list", "--json"], ["export"], ["search", "Disk ful"], ["show", "a1", "--json"]):
        assert command(*asked)[1] == command(*asked, "--from-topic")[1] != ""
    assert command("search", "nothing such")[2] == "no incidents\n"
    assert command("search", "--", "-/-")[0] == 1


def test_what_differs_is_told_and_mended(command: Command, tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path}/incidents.db")
    store.put([incident("a1", 1), incident("a3", 2), incident("b1")])
    code, out, err = command("reindex", "--check")
    assert code == 1
    assert out.splitlines() == [
        "1 older in the store: a1",
        "1 of the same revision, but other bytes: a3",
        "1 in the store only: b1",
        "0 equal byte for byte, 2 different, 1 in the store only",
    ]
    assert err.count("\n") == 1
    assert [one.revision for one in store.list(Query())] == [1, 2, 1]
    after = json.loads(command("reindex", "--json")[1])["after"]
    assert (after["equal"], after["extra"]) == (2, ["b1"])
    assert command("reindex", "--prune")[1].splitlines()[-1].startswith("2 equal")
    assert [one.id for one in store.list(Query())] == ["a1", "a3"]
    store.close()


def test_a_store_that_is_ahead_of_its_topic_is_told_and_left(
    command: Command, tmp_path: Path
) -> None:
    store = open_store(f"sqlite:///{tmp_path}/incidents.db")
    store.put([incident("a1", 9)])
    code, _, err = command("reindex")
    assert code == 1
    assert "1 newer in the store than in the topic" in err
    assert [(one.id, one.revision) for one in store.list(Query())] == [("a1", 9), ("a3", 2)]
    store.close()


def test_check_makes_no_store(command: Command, tmp_path: Path) -> None:
    code, out, err = command("reindex", "--check")
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert not list(tmp_path.glob("*.db"))


def test_a_store_that_breaks_in_between_is_one_line(command: Command, tmp_path: Path) -> None:
    open_store(f"sqlite:///{tmp_path}/incidents.db").close()
    with sqlite3.connect(tmp_path / "incidents.db") as other:
        other.execute(
            "CREATE TRIGGER full BEFORE INSERT ON incidents BEGIN SELECT RAISE(ABORT, 'full'); END"
        )
    other.close()
    code, _, err = command("reindex")
    assert (code, err.count("\n")) == (1, 1)
    assert "full" in err

"""The index role: everything reaches the store, whatever is away meanwhile."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from incident_values import incident
from pipeline.broker import clients
from pipeline.broker.ensure import ensure_topics
from pipeline.broker.envelope import Headers
from pipeline.broker.letters import letters
from pipeline.broker.producer import ObservationPublisher, partition_of
from pipeline.broker.progress import Progress
from pipeline.broker.tail import read_to_end
from pipeline.broker.topics import incidents, rejected
from pipeline.clock import monotonic
from pipeline.correlate.aging import Aged
from pipeline.errors import BrokenWorld
from pipeline.health import Health
from pipeline.records import Incident, canonical
from pipeline.settings import KafkaSettings, Settings, WorkerSettings
from pipeline.store import Query, Refused, open_store
from pipeline.store.sqlite import SqliteStore
from pipeline.worker.correlate import tombstone
from pipeline.worker.index import Index, run_index
from servers.tansu_server import Tansu
from servers.waiting import until


@pytest.fixture
def settings(kafka: KafkaSettings, tmp_path: Path) -> Settings:
    ensure_topics(kafka)
    return Settings(
        kafka=kafka,
        store=f"sqlite:///{tmp_path}/incidents.db",
        # the embedded broker waits half of it at the first join
        worker=WorkerSettings(session_timeout_s=1),
    )


def send(
    kafka: KafkaSettings,
    messages: Sequence[tuple[bytes, bytes | None]],
    headers: Headers = (),
) -> None:
    producer = clients.producer(kafka)
    topic = incidents(kafka.topic_prefix)
    for key, value in messages:
        at = partition_of(key, kafka.partitions.incidents)
        producer.send(topic, key=key, value=value, partition=at, headers=list(headers))
    producer.flush()
    producer.close(timeout=5)


def of(one: Incident) -> tuple[bytes, bytes | None]:
    return one.id.encode(), canonical(one)


@contextmanager
def running(work: Callable[[threading.Event, Health], None]) -> Iterator[Health]:
    stop, health = threading.Event(), Health("index")
    thread = threading.Thread(target=work, args=(stop, health))
    thread.start()
    try:
        yield health
    finally:
        stop.set()
        thread.join(timeout=20)
    assert not thread.is_alive()


def indexed(settings: Settings) -> None:
    """Wait until all is committed."""
    progress = Progress(settings.kafka)
    ends = progress.ends([incidents(settings.kafka.topic_prefix)])
    until(lambda: progress.behind("index", ends) == 0, within_s=20, what="all is indexed")
    progress.close()


def stored(settings: Settings) -> dict[str, int]:
    store = open_store(settings.store)
    found = {one.id: one.revision for one in store.list(Query())}
    store.close()
    return found


def test_latest_revisions_arrive_and_tombstones_delete(settings: Settings) -> None:
    older, newer, gone = incident("a1", 1), incident("a1", 4), incident("a2")
    send(settings.kafka, [of(newer), of(older), of(gone), (b"a2", None), of(incident("a3"))])
    with running(lambda stop, health: run_index(settings, stop, health)):
        indexed(settings)
    assert stored(settings) == {"a1": 4, "a3": 1}


KEEP: dict[str, dict[str, bool]] = {
    "kept": {"keep_aged": True},
    "gone": {"keep_aged": False},
    "not told": {},
}


@pytest.mark.parametrize("keep", KEEP)
def test_what_has_aged_out_stays_where_it_shall_and_what_is_deleted_goes(
    settings: Settings, keep: str
) -> None:
    """Not told: SQLite lets it go."""
    settings = settings.model_copy(update=KEEP[keep])
    aged = Aged(application="petshop", id="a1", revision=1, at=10**15)
    left = tombstone(incidents(settings.kafka.topic_prefix), aged)
    send(settings.kafka, [of(incident("a1")), of(incident("a2")), of(incident("a3"))])
    send(settings.kafka, [(b"a1", None)], headers=left.headers)
    send(settings.kafka, [(b"a2", None)])
    with running(lambda stop, health: run_index(settings, stop, health)):
        indexed(settings)
    assert stored(settings).keys() == ({"a1", "a3"} if keep == "kept" else {"a3"})


def test_what_is_no_incident_goes_to_the_dead_letters_and_the_rest_goes_on(
    settings: Settings,
) -> None:
    send(settings.kafka, [(b"x", b"{"), of(incident("a1"))])
    with running(lambda stop, health: run_index(settings, stop, health)):
        indexed(settings)
    (letter,) = letters(read_to_end(settings.kafka, [rejected(settings.kafka.topic_prefix)]))
    assert (letter.code, letter.key, letter.value) == ("not-json", b"x", b"{")
    assert stored(settings) == {"a1": 1}


def test_a_restart_goes_on_where_it_stopped(settings: Settings) -> None:
    for revision in (1, 2):
        send(settings.kafka, [of(incident("a1", revision))])
        with running(lambda stop, health: run_index(settings, stop, health)) as health:
            indexed(settings)
            until(lambda: health.report().counts == {"incidents": 1}, within_s=5, what="one each")
    assert stored(settings) == {"a1": 2}


def test_it_says_when_it_is_ready_and_how_far_it_is(settings: Settings) -> None:
    send(settings.kafka, [of(incident(f"a{number}")) for number in range(9)])
    with running(lambda stop, health: run_index(settings, stop, health)) as health:
        assert not health.report().ready
        until(lambda: health.report().position == 9, within_s=20, what="nine are done")
        assert health.report().ready


@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
@pytest.mark.usefixtures("refusals")
def test_a_lost_broker_is_told_and_does_not_delay_stopping(tmp_path: Path) -> None:
    broker = Tansu(tmp_path)
    broker.start()
    settings = Settings(
        kafka=KafkaSettings(bootstrap_servers=broker.bootstrap_servers),
        store=f"sqlite:///{tmp_path}/incidents.db",
        worker=WorkerSettings(session_timeout_s=1),
    )
    with running(lambda stop, health: run_index(settings, stop, health)) as health:
        until(lambda: health.report().ready, within_s=20, what="ready")
        broker.kill()
        until(lambda: not health.report().ready, within_s=20, what="not ready")
        asked = monotonic()
    assert monotonic() - asked < 8


class AwayAtFirst(SqliteStore):
    """A store that fails twice before it works, once after it has written."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.failures = 0

    def put(self, incidents: Sequence[Incident]) -> Sequence[Refused]:
        """Fail, then fail too late, then work."""
        self.failures += 1
        if self.failures == 1:
            raise BrokenWorld("the store is away")
        refused = super().put(incidents)
        if self.failures == 2:
            raise BrokenWorld("the store did not answer")
        return refused


def test_a_store_that_is_away_is_waited_for_and_nothing_is_lost(settings: Settings) -> None:
    send(settings.kafka, [of(incident(f"a{number}", 2)) for number in range(20)])

    def work(stop: threading.Event, health: Health) -> None:
        store = AwayAtFirst(settings.store.removeprefix("sqlite:///"))
        with ObservationPublisher(settings.kafka) as publisher:
            Index(settings, store, publisher, health).run(stop)
        store.close()

    with running(work) as health:
        indexed(settings)
        until(lambda: health.report().ready, within_s=10, what="ready again")
        assert health.report().counts["retries"] >= 2
    assert stored(settings) == {f"a{number}": 2 for number in range(20)}

"""Several index workers on a real broker: also one that has nothing to do tells the truth."""

import threading
from pathlib import Path

from pipeline.clock import monotonic
from pipeline.health import BROKER_SILENT_S, Health
from pipeline.settings import KafkaSettings, Partitions, Settings, WorkerSettings
from pipeline.worker.index import run_index
from servers.kafka_server import Kafka
from servers.waiting import until


def fast() -> float:
    """A clock four times as fast, so that silence counts soon."""
    return 4 * monotonic()


def test_a_spare_worker_without_partitions_stays_ready(
    kafka: Kafka, prefix: str, tmp_path: Path
) -> None:
    settings = Settings(
        kafka=KafkaSettings(
            bootstrap_servers=kafka.bootstrap_servers,
            topic_prefix=prefix,
            partitions=Partitions(incidents=1),
        ),
        store=f"sqlite:///{tmp_path}/incidents.db",
        worker=WorkerSettings(session_timeout_s=6),
    )
    stop = threading.Event()
    workers = [Health("index", fast) for _ in range(2)]
    threads = [threading.Thread(target=run_index, args=(settings, stop, each)) for each in workers]
    for thread in threads:
        thread.start()
    try:
        until(lambda: all(each.report().ready for each in workers), within_s=60, what="all ready")
        begun = fast()
        until(lambda: fast() - begun > 1.2 * BROKER_SILENT_S, within_s=9, what="time went on")
        assert [each.report().problems for each in workers] == [[], []]
    finally:
        stop.set()
        for thread in threads:
            thread.join(timeout=20)
    assert not any(thread.is_alive() for thread in threads)

"""Ingest is told to stop at a bad moment: it ends in time, and nothing is missing afterwards."""

import json
import socket
from collections import Counter
from pathlib import Path

import pytest

from pipeline import clock
from servers import children
from servers.broker_view import BrokerView
from servers.ingest_writer import Writer, seen
from servers.kafka_server import Kafka
from servers.site import Site
from servers.waiting import until


@pytest.mark.timeout(180)
def test_what_was_read_while_the_broker_was_away_is_there_after_a_stop_and_a_start(
    ingesting: Site, writer: Writer, kafka: Kafka, broker: BrokerView
) -> None:
    process = ingesting.start("ingest")
    ingesting.ready("ingest")
    clock.sleep(1)
    kafka.kill()
    clock.sleep(4)
    began = clock.monotonic()
    assert children.stop(process, within_s=9) == 0
    assert clock.monotonic() - began < 8
    writer.stop()
    kafka.start()
    ingesting.start("ingest")
    total = sum(writer.lines.values())

    def whole() -> bool:
        found = seen(broker, ingesting)
        return len(found.lines) >= total and writer.updates in found.updates

    until(whole, within_s=60, what="all lines, and the last update")
    found = seen(broker, ingesting)
    assert Counter((pod, line) for pod, _, line in found.lines) == writer.lines
    assert found.gaps == []


def test_a_start_that_waits_for_the_cluster_can_be_stopped(ingesting: Site, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "c",
            "clusters": [
                {"name": "c", "cluster": {"server": f"http://127.0.0.1:{mute.getsockname()[1]}"}}
            ],
            "users": [{"name": "u", "user": {"token": "t"}}],
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        }
        kubeconfig = tmp_path / "mute"
        kubeconfig.write_text(json.dumps(config), encoding="utf-8")
        process = ingesting.start("ingest", AFTERSHOCK_INGEST__CLUSTER__KUBECONFIG=str(kubeconfig))
        mute.settimeout(30)
        asked, _ = mute.accept()
        began = clock.monotonic()
        assert children.stop(process, within_s=9) == 0
        assert clock.monotonic() - began < 3
        asked.close()

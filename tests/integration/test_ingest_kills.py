"""Ingest is killed again and again while pods write: the reader of the topics has all, once."""

import os
import random
import sys
from collections import Counter

import pytest

from pipeline import clock
from servers import children
from servers.broker_view import BrokerView
from servers.ingest_writer import PODS, Writer, seen
from servers.site import Site
from servers.waiting import until

KILLS = int(os.environ.get("TEST_KILLS", "5"))
"""Twenty, over five minutes, are for the patient."""
BETWEEN_S = (4.0, 20.0) if KILLS > 10 else (4.0, 8.0)


@pytest.mark.timeout(900)
def test_every_line_and_every_update_is_there_once_though_ingest_was_killed(
    ingesting: Site, writer: Writer, broker: BrokerView
) -> None:
    chance = random.Random(4)
    process = ingesting.start("ingest")
    ingesting.ready("ingest")
    for _ in range(KILLS):
        clock.sleep(chance.uniform(*BETWEEN_S))
        children.kill(process)
        clock.sleep(chance.uniform(0, 3))
        process = ingesting.start("ingest")
    writer.stop()
    total = sum(writer.lines.values())

    def whole() -> bool:
        found = seen(broker, ingesting)
        return len(found.lines) >= total and writer.updates in found.updates

    until(whole, within_s=60, what="all lines, and the last update")
    found = seen(broker, ingesting)
    assert Counter((pod, line) for pod, _, line in found.lines) == writer.lines
    assert found.gaps == []
    sys.stdout.write(f"{KILLS} kills, {total} lines, {found.messages - total} came twice\n")


def test_stopping_loses_nothing_and_repeats_nothing(
    ingesting: Site, writer: Writer, broker: BrokerView
) -> None:
    process = ingesting.start("ingest")
    ingesting.ready("ingest")
    clock.sleep(3)
    assert children.stop(process) == 0
    ingesting.start("ingest")
    ingesting.ready("ingest")
    writer.stop()
    total = sum(writer.lines.values())
    until(lambda: len(seen(broker, ingesting).lines) >= total, within_s=30, what="all lines")
    assert seen(broker, ingesting).messages == total


def test_a_pod_that_went_while_ingest_was_away_is_a_gap(
    ingesting: Site, writer: Writer, broker: BrokerView
) -> None:
    process = ingesting.start("ingest")
    ingesting.ready("ingest")
    clock.sleep(3)
    children.kill(process)
    writer.stop()
    writer.control_plane.admin.delete_pod(writer.namespace, PODS[2], at_once=True)
    ingesting.start("ingest")
    until(lambda: bool(seen(broker, ingesting).gaps), within_s=30, what="a gap")
    (gap,) = seen(broker, ingesting).gaps
    assert (gap.node, gap.reason) == ("jupyterhub/user/alice", "not-followed")

"""Ingest is killed again and again while pods write: the reader of the topics has all of it, once."""

import json
import os
import random
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from pipeline import clock
from pipeline.records import OBSERVATION_VALUE, Batch, Event, Gap, Log
from servers import children
from servers.broker_view import BrokerView
from servers.cluster_objects import EventOf, Pod
from servers.control_plane import ControlPlane
from servers.kubelet import Kubelet
from servers.site import Site
from servers.waiting import until

KILLS = int(os.environ.get("TEST_KILLS", "5"))
"""Twenty, over five minutes, are for the patient."""
BETWEEN_S = (4.0, 20.0) if KILLS > 10 else (4.0, 8.0)
MACHINE, MAIN = "worker-1", "main"
PODS = ("jupyterhub-124-x7k2p", "jupyterhub-db-1-abcde", "jupyterhub-nb-alice")


@dataclass
class Writer:
    """Three pods that write numbered lines, and an event that is updated, until stopped."""

    control_plane: ControlPlane
    kubelet: Kubelet
    namespace: str
    lines: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(pod, line) written so far."""
    updates: int = 1
    _stop: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.event = EventOf(self.namespace, "e1", PODS[0], "Unhealthy", "Readiness probe failed")
        for pod in PODS:
            self.kubelet.add(self.namespace, pod, MAIN)
            self.control_plane.admin.running_pod(Pod(self.namespace, pod, MACHINE))
        self.control_plane.admin.event(self.event)
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Write nothing more."""
        self._stop.set()
        self._thread.join()

    def _work(self) -> None:
        number = 0
        while not clock.wait(self._stop, 0.05):
            number += 1
            for pod in PODS:
                self.kubelet.write(self.namespace, pod, MAIN, f"line {number}")
                self.lines[pod, f"line {number}"] += 1
            if number % 20 == 0:
                self.updates += 1
                self.control_plane.admin.event_again(self.event, count=self.updates)


@dataclass
class Seen:
    """What the reader of the topics has: what comes again is told by what it is."""

    lines: set[tuple[str, str, str]]
    """(pod, time, line)."""
    updates: set[int]
    gaps: list[Gap]
    messages: int
    """Log lines, repeats among them."""


def seen(broker: BrokerView, site: Site) -> Seen:
    """Read the observation topics as they are now."""
    found = Seen(set(), set(), [], 0)
    topics = [f"{site.prefix}.observations.{feed}" for feed in ("logs", "events")]
    for message in broker.read(topics):
        value = OBSERVATION_VALUE.validate_json(message.value)
        if isinstance(value, Gap):
            found.gaps.append(value)
        for each in value.observations if isinstance(value, Batch) else ():
            if isinstance(each, Log):
                found.messages += 1
                found.lines.add((each.pod or "", each.time.isoformat(), each.message))
            elif isinstance(each, Event):
                found.updates.add(each.count)
    return found


@pytest.fixture
def writer(control_plane: ControlPlane, kubelet: Kubelet, namespace: str) -> Iterator[Writer]:
    """Pods that write."""
    at_work = Writer(control_plane, kubelet, namespace)
    yield at_work
    at_work.stop()


@pytest.fixture
def ingesting(site: Site, control_plane: ControlPlane, namespace: str, tenant_token: str) -> Site:
    """A site whose ingest reads that namespace, under the shipped Role."""
    kubeconfig: Path = control_plane.kubeconfig(tenant_token, name=site.prefix)
    site.extra |= {
        "AFTERSHOCK_INGEST__CLUSTER__KUBECONFIG": str(kubeconfig),
        "AFTERSHOCK_INGEST__CLUSTER__NAMESPACES": json.dumps([namespace]),
    }
    return site


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
    until(lambda: len(seen(broker, ingesting).lines) >= total, within_s=60, what="all lines")
    found = seen(broker, ingesting)
    assert Counter((pod, line) for pod, _, line in found.lines) == writer.lines
    assert max(found.updates) == writer.updates
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

"""Pods that write numbered lines, and an event that is updated; and what of it is on the topics."""

import threading
from collections import Counter
from dataclasses import dataclass, field

from pipeline import clock
from pipeline.records import OBSERVATION_VALUE, Batch, Event, Gap, Log
from servers.broker_view import BrokerView
from servers.cluster_objects import EventOf, Pod
from servers.control_plane import ControlPlane
from servers.kubelet import Kubelet
from servers.site import Site

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
    occurrences: list[tuple[str, int]]
    """(source, count) of each update of the event, in the topic's order, repeats among them."""


def seen(broker: BrokerView, site: Site) -> Seen:
    """Read the observation topics as they are now."""
    found = Seen(set(), set(), [], 0, [])
    topics = [f"{site.prefix}.observations.{feed}" for feed in ("logs", "events")]
    for message in broker.read(topics):
        value = OBSERVATION_VALUE.validate_json(message.value)
        if isinstance(value, Gap):
            found.gaps.append(value)
            continue
        if not isinstance(value, Batch):
            continue
        for each in value.observations:
            if isinstance(each, Log):
                found.messages += 1
                found.lines.add((each.pod or "", each.time.isoformat(), each.message))
            elif isinstance(each, Event):
                found.updates.add(each.count)
                found.occurrences.append((value.source, each.count))
    return found

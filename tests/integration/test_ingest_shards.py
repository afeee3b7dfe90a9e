"""Two ingest processes share a namespace: one follower a log, one reader of events."""

import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from subprocess import Popen

import pytest

from pipeline import clock
from servers import children
from servers.broker_view import BrokerView
from servers.control_plane import ControlPlane
from servers.ingest_writer import MAIN, PODS, Writer, seen
from servers.site import Site
from servers.waiting import health, until

TAKE_OVER_S = 30.0
"""A lease runs out after 15 s, is looked at each 5 s, and a machine that tests is slow."""

WAITS = "waits: another process"


@dataclass
class Watcher:
    """Counts the followers of each log at the kubelet, again and again."""

    writer: Writer
    most: Counter[str] = field(default_factory=Counter)
    _stop: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def now(self, pod: str) -> int:
        """Return how many follow a pod's log now."""
        return self.writer.kubelet.followers(self.writer.namespace, pod, MAIN)

    def stop(self) -> None:
        """Count no more."""
        self._stop.set()
        self._thread.join()

    def _work(self) -> None:
        while not clock.wait(self._stop, 0.02):
            for pod in PODS:
                self.most[pod] = max(self.most[pod], self.now(pod))


@pytest.fixture
def watcher(writer: Writer) -> Iterator[Watcher]:
    """Who follows them."""
    at_work = Watcher(writer)
    yield at_work
    at_work.stop()


@pytest.fixture
def shared(ingesting: Site, namespace: str) -> Site:
    """A site whose ingest processes share a namespace."""
    ingesting.extra["AFTERSHOCK_INGEST__LEASE_NAMESPACE"] = namespace
    return ingesting


@dataclass
class Process:
    """One ingest process."""

    site: Site
    shard: str
    port: int = field(default_factory=children.free_port)

    def __post_init__(self) -> None:
        self.child: Popen[bytes] = self.site.start(
            "ingest", "--shard", self.shard, AFTERSHOCK_HEALTH__INGEST_PORT=str(self.port)
        )

    def ready(self, within_s: float = 30) -> None:
        """Wait until it is."""
        until(lambda: health(self.port)[0] == 200, within_s=within_s, what=f"{self.shard} ready")

    def says(self, problem: str) -> None:
        """Wait until it says what is wrong."""

        def told() -> bool:
            return problem in str(health(self.port)[1].get("problems"))

        until(told, within_s=30, what=f"{self.shard}: {problem}")


def all_there_once(writer: Writer, site: Site, broker: BrokerView) -> None:
    """Wait for all lines and the last update; fail where one is missing, or there twice.

    An update counts those before it: of what nobody watched, a list shows the last one.
    """
    writer.stop()
    total = sum(writer.lines.values())

    def whole() -> bool:
        found = seen(broker, site)
        return len(found.lines) >= total and writer.updates in found.updates

    until(whole, within_s=TAKE_OVER_S + 10, what="all lines and updates")
    found = seen(broker, site)
    assert Counter((pod, line) for pod, _, line in found.lines) == writer.lines
    counts = Counter(count for _, count in found.occurrences)
    assert set(counts.values()) == {1}
    assert found.gaps == []


@pytest.mark.timeout(180)
def test_every_log_has_one_follower_and_events_one_reader_who_is_replaced_when_killed(
    shared: Site, writer: Writer, watcher: Watcher, broker: BrokerView
) -> None:
    processes = {f"ingest-{n}": Process(shared, f"{n}/2") for n in range(2)}
    for process in processes.values():
        process.ready()
    until(lambda: all(watcher.now(pod) == 1 for pod in PODS), within_s=20, what="all followed")
    until(lambda: bool(seen(broker, shared).occurrences), within_s=20, what="events")
    killed = seen(broker, shared).occurrences[-1][0]
    children.kill(processes.pop(killed).child)

    def replaced() -> bool:
        return seen(broker, shared).occurrences[-1][0] != killed

    until(replaced, within_s=TAKE_OVER_S, what="another reads events")
    Process(shared, f"{killed[-1]}/2").ready()
    all_there_once(writer, shared, broker)
    assert watcher.most == Counter(dict.fromkeys(PODS, 1))


@pytest.mark.timeout(180)
def test_a_process_of_the_same_number_waits_and_then_reads_on_without_a_repeat(
    shared: Site, writer: Writer, watcher: Watcher, broker: BrokerView
) -> None:
    first = [Process(shared, f"{n}/2") for n in range(2)]
    for process in first:
        process.ready()
    second = Process(shared, "0/2")
    second.says(WAITS)
    clock.sleep(3)
    assert children.stop(first[0].child) == 0
    second.ready()
    all_there_once(writer, shared, broker)
    assert seen(broker, shared).messages == sum(writer.lines.values())
    assert watcher.most == Counter(dict.fromkeys(PODS, 1))


@pytest.mark.timeout(180)
def test_a_process_that_cannot_renew_its_place_stops_and_reads_on_when_it_can(
    shared: Site, writer: Writer, broker: BrokerView, control_plane: ControlPlane
) -> None:
    processes = [Process(shared, f"{n}/2") for n in range(2)]
    for process in processes:
        process.ready()
    clock.sleep(2)
    control_plane.kill_api()
    writer.stop()
    for process in processes:
        process.says("is lost: it could not be renewed")
    control_plane.restart_api()
    for process in processes:
        process.ready(60)
    all_there_once(writer, shared, broker)
    assert [process.child.poll() for process in processes] == [None, None]


@pytest.mark.timeout(120)
def test_a_process_that_shares_the_work_in_another_number_waits(
    shared: Site, writer: Writer, watcher: Watcher
) -> None:
    for number in range(2):  # which of them follows what, chance decides: it may be all or nothing
        Process(shared, f"{number}/2").ready()
    other = Process(shared, "2/3")
    other.says(WAITS)
    clock.sleep(2)
    assert health(other.port)[0] == 503
    assert children.stop(other.child, within_s=3) == 0
    assert watcher.most == Counter(dict.fromkeys(PODS, 1))
    writer.stop()

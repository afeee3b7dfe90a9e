"""Every message has its effect exactly once, whatever happens to workers and broker."""

import json
import signal
import subprocess
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from servers import children, counting
from servers.broker_view import BrokerView, Sent
from servers.kafka_server import Kafka
from servers.waiting import health, until

KEYS = 40


@dataclass
class Counting:
    """Workers that count, and what they should come to."""

    broker: BrokerView
    prefix: str
    spawn: Callable[..., subprocess.Popen[bytes]]
    sent: int = 0

    def worker(self) -> tuple[subprocess.Popen[bytes], int]:
        """Start a worker; return it and its health port."""
        port = children.free_port()
        arguments = [self.broker.bootstrap_servers, self.prefix, str(port)]
        return self.spawn(counting.__file__, *arguments), port

    def send(self, count: int) -> None:
        """Send messages on all three topics."""
        self.broker.send(
            Sent(
                f"{self.prefix}.observations.{counting.FEEDS[i % 3]}",
                key=f"k{i % KEYS}".encode(),
                value=b"x",
            )
            for i in range(self.sent, self.sent + count)
        )
        self.sent += count

    def ready(self, port: int) -> None:
        """Wait until a worker has work and does it."""
        until(lambda: health(port)[0] == 200, within_s=40, what="worker ready")

    def settled(self) -> None:
        """Wait until the group has handled, and committed, everything that was sent."""

        def done() -> bool:
            return self.broker.committed(f"{self.prefix}-count") == self.sent

        until(done, within_s=60, what="everything handled")

    def state(self) -> Counter[str]:
        """Return the counts by key that a restart would find."""
        rows = self.broker.latest(f"{self.prefix}-count-state-changelog")
        return Counter(
            {key.decode().split("|")[1]: json.loads(v)["count"] for key, v in rows.items()}
        )

    def told(self) -> Counter[str]:
        """Return the highest count that was published for each key."""
        best: Counter[str] = Counter()
        for message in self.broker.read([f"{self.prefix}.symptoms"]):
            key = message.key.decode()
            best[key] = max(best[key], int(message.value))
        return best

    def expected(self) -> Counter[str]:
        """Return the counts that must come out."""
        return Counter(f"k{i % KEYS}" for i in range(self.sent))


@pytest.fixture
def count(
    broker: BrokerView, prefix: str, spawn: Callable[..., subprocess.Popen[bytes]]
) -> Counting:
    feeds = {f"{prefix}.observations.{feed}": counting.PARTITIONS for feed in counting.FEEDS}
    state = {f"{prefix}-count-state-changelog": counting.PARTITIONS}
    broker.create({**feeds, **state, f"{prefix}.symptoms": 2, f"{prefix}.rejected": 1})
    return Counting(broker, prefix, spawn)


def test_a_killed_worker_is_continued_exactly(count: Counting) -> None:
    first, port = count.worker()
    count.ready(port)
    count.send(2000)
    first.kill()  # somewhere in the middle
    count.send(1000)
    _, port = count.worker()
    count.settled()
    assert count.state() == count.told() == count.expected()


def test_partitions_move_between_workers_exactly(count: Counting) -> None:
    first, port_of_first = count.worker()
    count.ready(port_of_first)
    count.send(1500)
    count.worker()  # joins in the middle
    count.send(1500)
    count.settled()
    first.kill()
    count.send(1500)
    count.settled()
    assert count.state() == count.told() == count.expected()


def test_a_stalled_worker_does_not_write_over_its_successor(count: Counting) -> None:
    stalled, port_of_stalled = count.worker()
    count.ready(port_of_stalled)
    count.send(1500)
    stalled.send_signal(signal.SIGSTOP)
    count.worker()
    count.send(1500)
    count.settled()
    stalled.send_signal(signal.SIGCONT)
    count.send(500)
    count.settled()
    assert count.state() == count.told() == count.expected()


def test_a_killed_broker_delays_and_loses_nothing(count: Counting, kafka: Kafka) -> None:
    _, port = count.worker()
    count.ready(port)
    count.send(1500)
    kafka.kill()
    until(lambda: health(port)[0] == 503, within_s=40, what="not ready without a broker")
    kafka.restart()
    count.send(1500)
    count.settled()
    assert count.state() == count.told() == count.expected()

"""The role adapt on a real broker: foreign topics in, our topics out, through kills."""

import json
import random
import time
import urllib.request
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from pipeline import clock
from pipeline.records import FEEDS, OBSERVATION_VALUE, Batch, Event, Log, Mark, Metric
from servers import children
from servers.broker_view import BrokerView, Sent
from servers.kafka_server import Kafka
from servers.site import Site
from servers.waiting import health, until

HUB = "jupyterhub-124-x7k2p"
NAMESPACE = "opf-jupyterhub"
TOKEN = "let me in"  # noqa: S105 - of the test's own webhook


def fluent_bit(number: int, **more: object) -> bytes:
    record = {
        "@timestamp": clock.now().timestamp(),
        "log": f"line {number}\n",
        "kubernetes": {"pod_name": HUB, "namespace_name": NAMESPACE, "container_name": "hub"},
    }
    return json.dumps(record | more).encode()


def sample(number: int) -> bytes:
    labels = {"__name__": "load", "namespace": NAMESPACE, "pod": f"jupyterhub-nb-u{number % 7}"}
    stamp = clock.now().isoformat()
    record = {"timestamp": stamp, "value": str(number), "name": "load", "labels": labels}
    return json.dumps(record).encode()


class Foreign:
    """A site with two topics that somebody else fills."""

    def __init__(self, site: Site, broker: BrokerView) -> None:
        self.site, self.broker = site, broker
        self.logs, self.metrics = f"{site.prefix}-fluent-bit", f"{site.prefix}-samples"
        self.group = f"{site.prefix}-adapt"
        broker.create({self.logs: 3, self.metrics: 2})
        site.ports |= {"adapt": children.free_port(), "webhook": children.free_port()}
        topics = {self.logs: "fluent-bit", self.metrics: "auto"}
        site.extra |= {
            "AFTERSHOCK_ADAPT__TOPICS": json.dumps(topics),
            "AFTERSHOCK_ADAPT__WEBHOOK_PORT": str(site.ports.pop("webhook")),
            "AFTERSHOCK_ADAPT__WEBHOOK_TOKEN": TOKEN,
        }
        self.url = f"http://127.0.0.1:{site.extra['AFTERSHOCK_ADAPT__WEBHOOK_PORT']}/alertmanager"

    def send(self, topic: str, *values: bytes) -> None:
        """Send records without keys."""
        self.broker.send(Sent(topic, None, value) for value in values)

    def settled(self, records: int) -> None:
        """Wait until so many records are committed."""
        until(
            lambda: self.broker.committed(self.group) >= records, within_s=60, what="all committed"
        )

    def values(self) -> list[tuple[Any, Batch | Mark]]:
        """Return the messages of our observation topics with what they say."""
        found = self.broker.read([f"{self.site.prefix}.observations.{feed}" for feed in FEEDS])
        read = [(message, OBSERVATION_VALUE.validate_json(message.value)) for message in found]
        return [(message, value) for message, value in read if isinstance(value, Batch | Mark)]

    def observations(self) -> list[tuple[str, Log | Event | Metric]]:
        """Return all observations with their keys."""
        return [
            (message.key.decode(), observation)
            for message, value in self.values()
            if isinstance(value, Batch)
            for observation in value.observations
        ]

    def post(self, body: object) -> tuple[int, str]:
        """Post as Alertmanager does; return status and line."""
        request = urllib.request.Request(  # noqa: S310 - a port of our own
            self.url,
            data=json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=15) as answer:  # noqa: S310 - see above
            return answer.status, answer.read().decode()


@pytest.fixture
def foreign(site: Site, broker: BrokerView) -> Foreign:
    return Foreign(site, broker)


def test_records_of_two_formats_come_out_keyed_by_node_and_a_bad_one_keeps_its_bytes(
    foreign: Foreign,
) -> None:
    foreign.send(foreign.logs, *(fluent_bit(number) for number in range(20)))
    headers = (("trace", b"\x00\xff"),)
    foreign.broker.send([Sent(foreign.logs, b"their-key", b"{broken \xff", 1, headers)])
    foreign.send(foreign.metrics, *(sample(number) for number in range(21)))
    foreign.site.start("adapt")
    foreign.site.ready("adapt")
    foreign.settled(42)
    found = foreign.observations()
    nodes = Counter(node for node, _ in found)
    assert nodes == {"jupyterhub/hub": 20, **{f"jupyterhub/user/u{n}": 3 for n in range(7)}}
    (letter,) = foreign.broker.read([f"{foreign.site.prefix}.rejected"])
    assert (letter.value, letter.key, letter.headers[0]) == (
        b"{broken \xff",
        b"their-key",
        headers[0],
    )
    where = dict(letter.headers)["aftershock.rejected.where"]
    assert where.startswith(f"{foreign.logs}/1@".encode())


def test_marks_go_with_the_clock_while_nothing_comes_and_end_with_the_role(
    foreign: Foreign,
) -> None:
    process = foreign.site.start("adapt")
    foreign.site.ready("adapt")
    time.sleep(4)
    assert children.stop(process, within_s=15) == 0
    marks = [value for message, value in foreign.values() if isinstance(value, Mark)]
    at_one = [
        value
        for message, value in foreign.values()
        if isinstance(value, Mark) and message.topic.endswith("logs") and message.partition == 0
    ]
    times = [mark.time for mark in at_one]
    assert len(times) >= 3
    assert times == sorted(times)
    assert (clock.now() - times[-1]).total_seconds() < 20
    assert [mark.final for mark in at_one] == [False] * (len(at_one) - 1) + [True]
    assert {mark.source for mark in marks} == {at_one[0].source}


def test_killed_again_and_again_it_loses_nothing_and_repeats_are_recognised(
    foreign: Foreign,
) -> None:
    chance = random.Random(4)
    foreign.site.run()
    lines = samples = 0
    process = foreign.site.start("adapt")
    for _ in range(4):
        foreign.site.ready("adapt")
        for _ in range(chance.randrange(3, 8)):
            foreign.send(foreign.logs, *(fluent_bit(lines + n) for n in range(200)))
            foreign.send(foreign.metrics, *(sample(samples + n) for n in range(20)), b"{broken")
            lines, samples = lines + 200, samples + 20
            time.sleep(chance.uniform(0, 0.5))
        children.kill(process)
        process = foreign.site.start("adapt")
    foreign.site.ready("adapt")
    foreign.settled(lines + samples + samples // 20)
    found = foreign.observations()
    texts = Counter(o.message for _, o in found if isinstance(o, Log))
    assert set(texts) == {f"line {number}" for number in range(lines)}
    values = Counter(o.value for _, o in found if isinstance(o, Metric))
    assert set(values) == {float(number) for number in range(samples)}
    distinct = {observation.model_dump_json() for _, observation in found}
    assert len(distinct) == lines + samples  # what comes twice is the same to the last byte
    repeated = len(found) - len(distinct)
    assert repeated <= 4 * 2 * 1_000
    assert children.stop(process, within_s=15) == 0
    detected(foreign, len(found))
    assert foreign.site.command("accounting").returncode == 0


def detected(foreign: Foreign, received: int) -> None:
    """Wait until detection has received so much."""

    def told() -> bool:
        done = foreign.site.command("accounting", "--json")
        counts = json.loads(done.stdout)["observations"] if done.stdout else {}
        return sum(of_signal["received"] for of_signal in counts.values()) == received

    until(told, within_s=60, what=f"{received} observations received")


def test_a_broker_that_is_killed_is_waited_for(foreign: Foreign, kafka: Kafka) -> None:
    process = foreign.site.start("adapt")
    foreign.site.ready("adapt")
    foreign.send(foreign.logs, *(fluent_bit(number) for number in range(50)))
    foreign.settled(50)
    kafka.kill()
    try:
        port = foreign.site.ports["adapt"]
        until(lambda: health(port)[0] == 503, within_s=40, what="not ready")
        assert process.poll() is None
    finally:
        kafka.restart()
    foreign.send(foreign.logs, *(fluent_bit(number) for number in range(50, 100)))
    foreign.settled(100)
    texts = {o.message for _, o in foreign.observations() if isinstance(o, Log)}
    assert texts == {f"line {number}" for number in range(100)}
    foreign.site.ready("adapt")


def alert(**more: object) -> dict[str, object]:
    labels = {"alertname": "Down", "severity": "critical", "namespace": NAMESPACE}
    return {
        "status": "firing",
        "labels": labels | {"pod": "jupyterhub-db-1-abcde"},
        "annotations": {"summary": "it is down"},
        "startsAt": clock.now().isoformat(),
        "endsAt": "0001-01-01T00:00:00Z",
        "fingerprint": "f1",
        **more,
    }


def test_alertmanager_is_answered_when_its_alerts_are_published(foreign: Foreign) -> None:
    foreign.site.start("adapt")
    foreign.site.ready("adapt")
    bad = alert(startsAt="yesterday")
    status, line = foreign.post({"version": "4", "alerts": [alert(), bad]})
    assert (status, line) == (200, "1 alerts published\n")
    ((node, event),) = foreign.observations()
    assert isinstance(event, Event)
    assert (node, event.reason, event.type) == ("jupyterhub/db", "Down", "Warning")
    (letter,) = foreign.broker.read([f"{foreign.site.prefix}.rejected"])
    assert json.loads(letter.value)["alerts"][1] == bad


def test_topics_that_are_not_there_are_waited_for_and_told(
    foreign: Foreign, broker: BrokerView
) -> None:
    later = f"{foreign.site.prefix}-later"
    foreign.site.extra["AFTERSHOCK_ADAPT__TOPICS"] = json.dumps({later: "auto"})
    foreign.site.start("adapt")
    port = foreign.site.ports["adapt"]
    until(lambda: later in str(health(port)[1]), within_s=30, what="it is told")
    broker.create({later: 1})
    foreign.send(later, fluent_bit(1))
    foreign.settled(1)
    assert [node for node, _ in foreign.observations()] == ["jupyterhub/hub"]


def test_of_two_processes_of_one_name_the_older_ends_and_says_why(
    foreign: Foreign, tmp_path: Path
) -> None:
    older = foreign.site.start("adapt")
    foreign.site.ready("adapt")
    foreign.site.ports["adapt"] = children.free_port()
    foreign.site.extra["AFTERSHOCK_ADAPT__WEBHOOK_PORT"] = str(children.free_port())
    newer = foreign.site.start("adapt")
    foreign.site.ready("adapt")
    foreign.send(foreign.logs, *(fluent_bit(number) for number in range(50)))
    assert older.wait(30) == 1
    assert "and has taken over" in (tmp_path / "0.log").read_text()
    foreign.settled(50)
    assert newer.poll() is None

"""Bad values and bad worlds: dead letters with their bytes, and one clear line."""

import base64
import json
from pathlib import Path

import pytest

from servers import children
from servers.broker_view import BrokerView, Sent
from servers.site import Site
from servers.waiting import health, until

BAD_VALUES = {
    "not-utf8": b"\xff\xfe{",
    "not-json": b"{broken",
    "empty": b"",
    "wrong": b'{"kind":"batch","source":"s","node":"n","observations":[]}',
    "mark-without-time": b'{"kind":"mark","source":"s","feeds":["logs"]}',
}


def test_bad_values_become_dead_letters_and_the_flow_goes_on(
    site: Site, broker: BrokerView, outage: Path
) -> None:
    site.run()
    feeds = ("logs", "events", "metrics")
    headers = (("trace", b"\x00\x01"),)
    broker.send(
        Sent(f"{site.prefix}.observations.{feed}", b"some-node", value, headers=headers)
        for feed in feeds
        for value in BAD_VALUES.values()
    )
    broker.send([Sent(f"{site.prefix}.symptoms", b"no-such-application", b"[1]")])
    site.replay(str(outage))
    listed = site.command("rejected", "list", "--json", "--values").stdout.splitlines()
    values = sorted(base64.b64decode(json.loads(line)["value"]) for line in listed)
    assert values == sorted([*BAD_VALUES.values()] * 3 + [b"[1]"])
    letters = broker.read([f"{site.prefix}.rejected"])
    assert all(letter.headers[0] == headers[0] for letter in letters if letter.key == b"some-node")
    assert site.export() == site.analyze(str(outage))
    assert site.command("accounting").returncode == 0


@pytest.mark.parametrize("topic", ["observations.logs", "symptoms", "incidents"])
def test_a_wrong_partition_count_is_one_clear_line(
    site: Site, broker: BrokerView, topic: str
) -> None:
    broker.create({f"{site.prefix}.{topic}": 3})
    done = site.command("run")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert f"{site.prefix}.{topic}: 3 partitions" in done.stderr


def test_state_with_another_number_of_partitions_is_one_clear_line(
    site: Site, broker: BrokerView
) -> None:
    broker.create({f"{site.prefix}-detect-state-changelog": 3})
    done = site.command("detect")
    assert done.returncode == 1
    assert f"{site.prefix}-detect-state-changelog: 3 partitions" in done.stderr.splitlines()[-1]


WITHOUT_BROKER = [
    ["run"],
    ["detect"],
    ["correlate"],
    ["index"],
    ["replay", "RECORDING"],
    ["topics", "ensure"],
    ["topics", "ensure", "--check"],
    ["accounting"],
    ["rejected", "list"],
    ["rejected", "replay"],
    ["incidents", "export", "--from-topic"],
    ["watch"],
]


@pytest.mark.parametrize("command", WITHOUT_BROKER, ids=" ".join)
def test_no_broker_is_one_clear_line(site: Site, outage: Path, command: list[str]) -> None:
    site.bootstrap_servers = f"127.0.0.1:{children.free_port()}"
    done = site.command(*[str(outage) if word == "RECORDING" else word for word in command])
    assert done.returncode == 1
    assert done.stderr.startswith("aftershock: no Kafka broker answers"), done.stderr
    assert done.stderr.count("\n") == 1, done.stderr


def test_a_bad_topology_is_one_clear_line(site: Site, tmp_path: Path) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text("application: x\nnodes: [{id: a}]\nedges: [{cause: a, effect: a}]\n")
    done = site.command("run", "--topology", str(bad))
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1, done.stderr
    assert "bad.yaml:3" in done.stderr


def test_readiness_tells_of_the_roles_work(site: Site) -> None:
    site.run()
    for role in ("detect", "correlate", "index"):
        status, report = health(site.ports[role])
        assert (status, report["role"], report["problems"]) == (200, role, [])
        assert health(site.ports[role], "/live")[0] == 200
    until(lambda: health(site.ports["detect"], "/nowhere")[0] == 404, within_s=5, what="404")

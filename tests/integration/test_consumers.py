"""What others build upon the incidents topic, on real brokers: headers, tombstones, examples."""

import json
import random
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import jsonschema
import pytest

from incident_values import incident
from integration.conftest import Spawn
from pipeline.broker.message import Message
from pipeline.broker.revisions import Folded
from pipeline.cli.schemas import schemas
from pipeline.correlate.aging import Aged
from pipeline.records import Incident
from pipeline.worker.correlate import outgoing, tombstone
from servers import npm_package
from servers.broker_view import BrokerView, Sent
from servers.missing import Missing
from servers.site import REPOSITORY, Site
from servers.waiting import until

CONFLUENT = "confluent-kafka==2.16.1"
EXAMPLE = REPOSITORY / "deploy" / "examples" / "open_incidents.py"


def life(name: str, chance: random.Random) -> list[Incident | None]:
    """Return what is told of one incident: opened, revised, perhaps resolved, perhaps gone."""
    revisions = sorted(chance.sample(range(1, 99), 6))
    told: list[Incident | None] = [incident(name, each, title=f"{each}") for each in revisions]
    if chance.random() < 0.6:
        told.append(incident(name, 99, status=chance.choice(["resolved", "merged"])))
        if chance.random() < 0.5:
            told.append(None)
    return told


def story(topic: str, chance: random.Random) -> list[Sent]:
    """Return messages of forty incidents, mixed; a stretch of them comes again, again and again."""
    lives = {f"i{number}": life(f"i{number}", chance) for number in range(40)}
    order = [name for name, told in lives.items() for _ in told]
    chance.shuffle(order)
    left = {name: iter(told) for name, told in lives.items()}
    sent = [message(topic, name, next(left[name]), chance) for name in order]
    for _ in range(5):  # as correlation does after a kill: from somewhere on, all of it
        at = chance.randrange(len(sent))
        sent[at:at] = sent[max(0, at - 20) : at]
    return sent


def message(topic: str, name: str, one: Incident | None, chance: random.Random) -> Sent:
    if one is not None:
        made = outgoing(topic, one)
    elif chance.random() < 0.5:
        return Sent(topic, name.encode(), None)  # by somebody's hand
    else:
        made = tombstone(topic, Aged(application="petshop", id=name, revision=99, at=10**15))
    return Sent(topic, made.key, made.value, headers=made.headers)


def truth(messages: Sequence[Sent]) -> dict[str, list[object]]:
    folded = Folded()
    for each in messages:
        folded.take(Message(each.topic, 0, 0, each.key, each.value, each.headers))
    found = folded.latest.values()
    return {one.id: [one.revision, one.title] for one in found if one and one.status == "open"}


def last_table(log: Path) -> dict[str, list[object]] | None:
    lines = log.read_text().splitlines() if log.exists() else []
    return json.loads(lines[-1]) if lines and lines[-1].endswith("}") else None


@pytest.fixture(scope="session")
def confluent(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The other client: no dependency of ours, so in a folder of its own."""
    folder = tmp_path_factory.mktemp("confluent")
    done = subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(folder), CONFLUENT],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder


Run = Callable[[str], subprocess.Popen[bytes]]


@pytest.fixture(params=["kafka-python", "confluent-kafka"])
def run(request: pytest.FixtureRequest, tmp_path: Path, spawn: Spawn, broker: BrokerView) -> Run:
    """Start an example on a topic."""
    if request.param == "kafka-python":
        return lambda topic: spawn(str(EXAMPLE), broker.bootstrap_servers, topic)
    script = tmp_path / "from_readme.py"
    blocks = re.findall(r"```python\n(.*?)```", (REPOSITORY / "README.md").read_text(), re.DOTALL)
    (text,) = [block for block in blocks if "from confluent_kafka import" in block]
    script.write_text(text)
    paths = str(request.getfixturevalue("confluent"))
    return lambda topic: spawn(str(script), broker.bootstrap_servers, topic, PYTHONPATH=paths)


def test_an_example_keeps_the_table_of_open_incidents(
    broker: BrokerView, prefix: str, run: Run, tmp_path: Path
) -> None:
    topic = f"{prefix}.incidents"
    broker.create({topic: 3})
    sent = story(topic, random.Random(5))
    run(topic)
    done = 0
    for upto in (len(sent) // 2, len(sent)):
        broker.send(sent[done:upto])
        done, expected = upto, truth(sent[:upto])
        until(
            lambda expected=expected: last_table(tmp_path / "0.log") == expected,
            within_s=30,
            what=f"the table is right after {upto}",
        )
    assert len(truth(sent)) > 5
    run(topic)  # one that comes later
    until(
        lambda: last_table(tmp_path / "1.log") == truth(sent), within_s=30, what="right from start"
    )


def later(outage: Path, folder: Path) -> Path:
    """Return a recording of one ordinary line, three days after the outage."""
    line = json.loads(outage.read_bytes().splitlines()[-1])
    day = int(line["time"][8:10])
    line["time"] = f"{line['time'][:8]}{day + 3:02}{line['time'][10:]}"
    path = folder / "later.jsonl"
    path.write_text(json.dumps(line))
    return path


def test_correlation_tells_revisions_and_tombstones_with_headers(
    site: Site, broker: BrokerView, outage: Path, tmp_path: Path
) -> None:
    site.extra["AFTERSHOCK_KAFKA__RETENTION__INCIDENTS_H"] = "48"
    site.run()
    site.replay(str(outage))
    assert site.export()
    site.replay(str(later(outage, tmp_path)))
    records = broker.read([f"{site.prefix}.incidents"])
    headers = jsonschema.Draft202012Validator(schemas()["topic.incidents.headers"])
    ended = {}
    for record in records:
        named = {name: value.decode() for name, value in record.headers}
        headers.validate(named)
        assert named["ce_subject"] == record.key.decode()
        assert named["ce_type"].endswith(".aged.v1") == (record.value is None)
        if record.value is not None:
            one = Incident.model_validate_json(record.value)
            assert int(named["ce_revision"]) == one.revision
        ended[record.key] = record.value is None
    assert ended
    assert all(ended.values())  # everything is over for more than two days
    until(lambda: site.export() == "", within_s=20, what="the store has let them go too")


def test_the_document_of_the_topics_is_valid_asyncapi() -> None:
    try:
        folder = npm_package.fetch("@asyncapi/specs", "6.11.1")
    except Missing as missing:
        pytest.skip(str(missing))
    schema = json.loads((folder / "schemas" / "3.0.0.json").read_text("utf-8"))
    document = json.loads((REPOSITORY / "deploy" / "schemas" / "asyncapi.json").read_text("utf-8"))
    checker = jsonschema.Draft7Validator(schema)
    checker.validate(document)
    document["channels"]["incidents"]["bindings"]["kafka"]["partitions"] = "four"
    assert not checker.is_valid(document)

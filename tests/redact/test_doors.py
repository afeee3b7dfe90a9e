"""Nothing of a secret gets past any door: what is published of planted ones does not hold them."""

import asyncio
import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from live_sink import KeptSink
from pipeline.adapt.alertmanager import Alert
from pipeline.adapt.formats import FORMATS
from pipeline.adapt.intake import Intake
from pipeline.analyze import analyze, stepper_of
from pipeline.assembly import flow_of
from pipeline.broker.message import Message
from pipeline.flow import Flow
from pipeline.ingest.files import Reader
from pipeline.ingest.route import Router
from pipeline.live.events import Events
from pipeline.live.logs.budget import Budget
from pipeline.live.logs.cursor import Cursor
from pipeline.live.logs.lines import LiveLog
from pipeline.live.outbox.positions import ReadBack
from pipeline.live.redacting import Redacting
from pipeline.live.seen import Counting
from pipeline.records import Batch, Event, Log, Mark, Metric, Observation, canonical
from pipeline.redact import Redactor
from pipeline.settings import Settings
from redact.planted import KEY, KEY_SECRETS, PLANTED
from topology.load import load
from topology.versions import Timeline

START = datetime(2026, 3, 2, 10, tzinfo=UTC)
HUB = "jupyterhub-124-x7k2p"
PLACE = {"namespace": "opf-jupyterhub", "pod": HUB, "container": "jupyterhub"}
TEXTS = [each.around.format(each.secret) for each in PLANTED]
SECRETS = sorted({*(each.secret for each in PLANTED), *KEY_SECRETS})
ROUTER = Router([Timeline.of([load("jupyterhub-openshift", {})])])
CAUSE = "[E 10:00:00 JupyterHub app:1] sqlalchemy.exc.OperationalError: (psycopg2.OperationalError)"


def observations() -> list[Observation]:
    found: list[Observation] = []
    for number, text in enumerate([*TEXTS, *KEY.split("\n"), KEY]):
        time = START + timedelta(seconds=number)
        found += [
            Log(time=time, message=f"{CAUSE} {text}", **PLACE),
            Log(time=time, message=text, **PLACE),
            Event(
                time=time,
                namespace=PLACE["namespace"],
                kind="Pod",
                name=HUB,
                reason="Failed",
                type="Warning",
                message=f"cannot start: {text}",
            ),
            Metric(time=time, name="up", value=0.0, labels={"url": text, "pod": HUB}),
        ]
    return found


def published(values: list[Batch | Mark]) -> bytes:
    return b"\n".join(canonical(value) for value in values)


def holds_none(content: bytes) -> bool:
    """Return whether no secret is in it, neither as it is nor as JSON writes it."""
    text = content.decode()
    forms = [form for each in SECRETS for form in (each, json.dumps(each)[1:-1])]
    return not [form for form in forms if form in text] and "[redacted:" in text


@pytest.fixture(scope="module")
def flow() -> Flow:
    return flow_of(Settings())


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("redact") / "planted.jsonl"
    file.write_bytes(b"".join(canonical(each) + b"\n" for each in observations()))
    return file


def test_what_a_replay_publishes_holds_none(flow: Flow, recording: Path) -> None:
    reader = Reader([recording])
    stepper = stepper_of(flow, "replay-x", reader, flow.router())
    values = list(stepper.run(reader))
    assert holds_none(published(values))
    marks = [value for value in values if isinstance(value, Mark)]
    assert marks[-1].counts["redacted"] == stepper.redactor.redacted > len(PLANTED)


def test_the_incidents_of_analyze_hold_none_and_its_counts_tell(
    flow: Flow, recording: Path
) -> None:
    found = analyze([recording], flow, on_rejected=lambda _rejected: None)
    assert found.incidents
    assert holds_none(b"".join(canonical(incident) for incident in found.incidents))
    assert {"password", "jwt", "oauth", "cookie", "private-key"} < set(found.redacted)


def test_redaction_can_be_switched_off(recording: Path) -> None:
    flow = flow_of(Settings.model_validate({"redact": {"enabled": False}}))
    reader = Reader([recording])
    values = list(stepper_of(flow, "replay-x", reader, flow.router()).run(reader))
    assert SECRETS[0].encode() in published(values)


def test_what_adapt_publishes_of_foreign_records_holds_none() -> None:
    intake = Intake(source="adapt-x", decoders={"t": FORMATS["auto"]}, router=ROUTER)
    kubernetes = {"pod_name": HUB, "namespace_name": PLACE["namespace"]}
    for offset, text in enumerate([*TEXTS, *KEY.split("\n"), KEY]):
        record = {"@timestamp": START.timestamp(), "log": text, "kubernetes": kubernetes}
        value = json.dumps(record).encode()
        intake.record(Message(topic="t", partition=0, offset=offset, key=None, value=value))
    assert intake.counts["published"] == intake.counts["lines"] > len(PLANTED)
    assert holds_none(published([*intake.flush()]))


def test_what_adapt_publishes_of_alerts_holds_none() -> None:
    intake = Intake(source="adapt-x", decoders={}, router=ROUTER)
    events = [each for each in observations() if isinstance(each, Event)]
    full = intake.alerts(Alert(event=event, labels={}) for event in events)
    assert holds_none(published([*full, *intake.flush()]))


def live_log(sink: Redacting | Counting, redactor: Redactor, cursor: Cursor) -> LiveLog:
    return LiveLog(
        namespace=PLACE["namespace"],
        pod=HUB,
        pod_uid="u1",
        container=PLACE["container"],
        cluster_node="wrk-1",
        node="jupyterhub/hub",
        source="ingest-0",
        cursor=cursor,
        budget=Budget(1e6, 10**6),
        router=ROUTER,
        sink=sink,
        counts=Counter(),
        redactor=redactor,
    )


def stamped() -> bytes:
    lines = [line for text in [*TEXTS, KEY] for line in text.split("\n")]
    return b"".join(
        f"2026-03-02T10:{n // 60:02d}:{n % 60:02d}Z {line}\n".encode()
        for n, line in enumerate(lines)
    )


def test_what_live_ingest_puts_out_holds_none() -> None:
    kept, redactor = KeptSink(), Redactor()
    sink = Counting(Redacting(kept, redactor))
    live_log(sink, redactor, Cursor()).feed(stamped(), 0.0)
    events = Events(
        sink=sink, router=ROUTER, machine_of=lambda *_: None, on_missed=lambda _seconds: None
    )
    meta = {"name": "e", "namespace": PLACE["namespace"], "uid": "e1"}
    about = {"kind": "Pod", "namespace": PLACE["namespace"], "name": HUB}
    for count, text in enumerate(TEXTS, start=1):
        item = {"metadata": meta, "involvedObject": about, "reason": "Failed", "type": "Warning"}
        more = {"message": text, "count": count, "lastTimestamp": "2026-03-02T10:00:00Z"}
        events.changed("MODIFIED", item | more)
    for each in observations():
        if isinstance(each, Metric):
            sink.observe("jupyterhub/hub", each)
    assert len(kept.events()) == len(TEXTS)
    assert len(kept.metrics()) > len(TEXTS)
    assert holds_none(b"\n".join(canonical(each) for _, each in kept.observed))
    asyncio.run(sink.room("log"))


def test_lines_with_secrets_are_known_again_after_a_restart() -> None:
    kept, redactor = KeptSink(), Redactor()
    live_log(Redacting(kept, redactor), redactor, Cursor()).feed(stamped(), 0.0)
    logs = tuple(each for _, each in kept.observed)
    batch = Batch(source="ingest-0", node="jupyterhub/hub", observations=logs)
    back = ReadBack("ingest-0", {})
    back.take(Message(topic="t", partition=0, offset=0, key=None, value=canonical(batch)))
    (position,) = back.containers().values()
    again = KeptSink()
    log = live_log(Redacting(again, redactor), redactor, Cursor.of(position))
    log.reread(must_overlap=True)
    log.feed(stamped(), 0.0)
    assert again.observed == []

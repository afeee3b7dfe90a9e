"""Alerts as events: of the object that they name, and symptoms where they fire."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from pipeline.adapt.alertmanager import Alert, alerts_in
from pipeline.adapt.decoded import Undecodable
from pipeline.adapt.intake import Intake
from pipeline.detect.load_pack import load_pack
from pipeline.detect.registry import detectors
from pipeline.ingest.route import Router
from pipeline.records import Event, micros
from topology.load import load
from topology.versions import Timeline

BEGAN = datetime.fromisoformat("2026-03-02T10:15:00+00:00")
LABELS = {
    "alertname": "KubePodCrashLooping",
    "severity": "warning",
    "namespace": "opf-jupyterhub",
    "pod": "jupyterhub-db-1-abcde",
    "container": "postgresql",
    "job": "kube-state-metrics",
    "service": "kube-state-metrics",
}
FIRING: dict[str, Any] = {
    "status": "firing",
    "labels": LABELS,
    "annotations": {"description": "Pod is crash looping.", "runbook_url": "https://example.org"},
    "startsAt": "2026-03-02T10:15:00.000Z",
    "endsAt": "0001-01-01T00:00:00Z",
    "generatorURL": "http://prometheus.example.org/graph",
    "fingerprint": "1a30ba71cca2921f",
}
RESOLVED = FIRING | {"status": "resolved", "endsAt": "2026-03-02T10:25:00.000Z"}


def body(*alerts: object, **more: object) -> bytes:
    group = {
        "version": "4",
        "groupKey": '{}:{alertname="KubePodCrashLooping"}',
        "truncatedAlerts": 0,
        "status": "firing",
        "receiver": "aftershock",
        "groupLabels": {},
        "commonLabels": LABELS,
        "commonAnnotations": {},
        "externalURL": "http://alertmanager.example.org",
        "alerts": list(alerts),
    }
    return json.dumps(group | more).encode()


def alert(raw: dict[str, Any], after_s: float = 30) -> Alert:
    received = BEGAN + timedelta(seconds=after_s)
    (found,) = alerts_in(body(raw), received=received, open_s=60).alerts
    return found


def labelled(**labels: str) -> Alert:
    return alert(FIRING | {"labels": {"alertname": "A", "severity": "warning"} | labels})


def node(of: Alert) -> str | None:
    router = Router([Timeline.of([load("jupyterhub-openshift", {})])])
    intake = Intake(source="s", decoders={}, router=router)
    batches = [*intake.alerts([of]), *intake.flush()]
    assert intake.counts["lines"] == intake.counts["observations"] == 1
    return batches[0].node if batches else None


def test_a_firing_alert_is_a_warning_about_its_object() -> None:
    assert alert(FIRING).event == Event(
        time=BEGAN,
        namespace="opf-jupyterhub",
        kind="Pod",
        name="jupyterhub-db-1-abcde",
        reason="KubePodCrashLooping",
        type="Warning",
        message="Alert, warning: Pod is crash looping.",
        first_time=BEGAN,
        source_uid="1a30ba71cca2921f/2026-03-02T10:15:00+00:00",
    )


def test_a_resolved_alert_is_normal_from_its_end_on() -> None:
    event = alert(RESOLVED).event
    assert (event.type, event.time) == ("Normal", BEGAN + timedelta(minutes=10))
    assert event.source_uid == alert(FIRING).event.source_uid


@pytest.mark.parametrize(
    ("after_s", "told_s"), [(0, 0), (59, 0), (300, 240), (900, 840), (4 * 3600, 0)]
)
def test_an_alert_told_late_counts_from_when_time_is_open(after_s: float, told_s: float) -> None:
    event = alert(FIRING, after_s).event
    assert event.time == BEGAN + timedelta(seconds=told_s)
    assert event.first_time == BEGAN


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ({"namespace": "x", "pod": "jupyterhub-nb-alice"}, "jupyterhub/user/alice"),
        ({"namespace": "x", "deploymentconfig": "jupyterhub-db"}, "jupyterhub/db"),
        (
            {"namespace": "x", "persistentvolumeclaim": "jupyterhub-db", "node": "wrk-1"},
            "infrastructure/volume/jupyterhub-db",
        ),
        ({"node": "wrk-1"}, "infrastructure/node/wrk-1"),
        ({"namespace": "x", "service": "jupyterhub", "job": "jupyterhub"}, "jupyterhub/hub"),
        ({"job": "apiserver"}, "platform/openshift-api"),
        ({"job": "node-exporter", "instance": "wrk-1:9100"}, "infrastructure/node/wrk-1"),
        ({"exported_namespace": "x", "exported_pod": "jupyterhub-1-abcde"}, "jupyterhub/hub"),
        ({}, None),
    ],
)
def test_an_alert_belongs_to_what_its_labels_name(
    labels: dict[str, str], expected: str | None
) -> None:
    assert node(labelled(**labels)) == expected


@pytest.mark.parametrize(
    ("severity", "status", "signature"),
    [
        ("critical", "firing", "alert-critical"),
        ("Critical", "firing", "alert-critical"),
        ("warning", "firing", "alert-warning"),
        ("of-our-own", "firing", "alert-warning"),
        ("info", "firing", None),
        ("none", "firing", None),
        ("critical", "resolved", None),
    ],
)
def test_a_firing_alert_is_a_symptom(severity: str, status: str, signature: str | None) -> None:
    raw = (FIRING if status == "firing" else RESOLVED) | {"labels": LABELS | {"severity": severity}}
    detector = detectors(load_pack("jupyterhub"))["event"]
    facts = detector.new_facts()
    repeated = [alert(raw).event, alert(raw, 600).event]  # posted again: no further occurrence
    detector.apply(facts, repeated[:1] * 2, micros(BEGAN))
    told = detector.revisions(facts, "jupyterhub/db", micros(BEGAN) + 10**12)
    assert [(s.signature, s.count) for s in told if s.state == "closed"] == (
        [] if signature is None else [(signature, 1)]
    )


def test_alerts_of_two_names_are_two_symptoms() -> None:
    detector = detectors(load_pack("jupyterhub"))["event"]
    facts = detector.new_facts()
    events = [labelled(alertname=name).event for name in ("A", "B")]
    detector.apply(facts, events, micros(BEGAN))
    told = detector.revisions(facts, "jupyterhub/db", micros(BEGAN))
    assert sorted(symptom.fingerprint for symptom in told) == [
        "alert-warning{reason=A}",
        "alert-warning{reason=B}",
    ]


@pytest.mark.parametrize(
    ("bad", "what"),
    [
        (b"{", "not JSON"),
        (b"[]", "an object was expected"),
        (body(version="3"), 'version is not "4"'),
        (body(alerts={}), "alerts: not a list"),
    ],
)
def test_another_body_is_refused_in_one_line(bad: bytes, what: str) -> None:
    with pytest.raises(Undecodable, match=what):
        alerts_in(bad, received=BEGAN, open_s=60)


@pytest.mark.parametrize(
    "bad",
    [
        7,
        FIRING | {"startsAt": None},
        FIRING | {"labels": {}},
        RESOLVED | {"endsAt": "0001-01-01T00:00:00Z"},
        FIRING | {"labels": LABELS | {"x": "x" * 10_000}},
    ],
)
def test_one_bad_alert_does_not_spoil_the_others(bad: object) -> None:
    found = alerts_in(body(bad, FIRING), received=BEGAN, open_s=60)
    assert (len(found.alerts), found.bad) == (1, 1)
    assert found.trouble

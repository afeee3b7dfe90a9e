"""The body of Alertmanager's webhook → events; pure.

In: the body (version "4": a group of alerts) and when it came. Out: one event for each alert, of
the object that its labels name: ``Warning`` while it fires, ``Normal`` when it is resolved. Its
message begins with ``Alert, SEVERITY:``: by this the signature packs recognise it, whatever its
reason, which is the alert's name.

An alert is told late: Alertmanager waits ``group_wait`` for the first of a group and
``group_interval`` (5 minutes, unless it is set) for each further one, and the time that an alert
began may be closed by then. So one that comes up to :data:`LATE_S` after its beginning counts from
the earliest time that is still open; its ``first_time`` says when it began. What comes even later
is a reminder (``repeat_interval``), which is no news.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from pipeline.adapt.decoded import Undecodable
from pipeline.adapt.labels import labels_of
from pipeline.adapt.reading import Json, made, name_of, object_in, object_of, time_of
from pipeline.records import Event

LATE_S = 900.0
"""Three times Alertmanager's usual ``group_interval``."""
VERSION = "4"

_KINDS = {
    "pod": "Pod",
    "persistentvolumeclaim": "PersistentVolumeClaim",
    "resourcequota": "ResourceQuota",
    "deployment": "Deployment",
    "deploymentconfig": "DeploymentConfig",
    "statefulset": "StatefulSet",
    "daemonset": "DaemonSet",
    "replicaset": "ReplicaSet",
    "replicationcontroller": "ReplicationController",
    "node": "Node",
    "service": "Service",
}
"""Which label names the object, the most particular first; ``service`` is often the exporter's."""
_ALERT = "Alert"
"""Kind of what no label names: then the alert is all there is."""
_TEXTS = ("summary", "message", "description")


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert as an event, and the labels from which its node is found."""

    event: Event
    labels: Mapping[str, str]


@dataclass(slots=True)
class Alerts:
    """What was in one body."""

    alerts: list[Alert] = field(default_factory=list)
    bad: int = 0
    trouble: str = ""
    """What was wrong with the first of the bad ones."""


def alerts_in(body: bytes, *, received: datetime, open_s: float) -> Alerts:
    """Return the alerts of a body that came at a time; ``open_s`` before it is surely still open.

    Raises:
        Undecodable: it is not a body of this version.
    """
    group = object_of(body)
    if group.get("version") != VERSION:
        raise Undecodable(f'not a webhook body of Alertmanager: version is not "{VERSION}"')
    given = group.get("alerts")
    if not isinstance(given, list):
        raise Undecodable("alerts: not a list")
    found = Alerts()
    for raw in given:
        try:
            found.alerts.append(_alert(raw, received, open_s))
        except Undecodable as trouble:
            found.bad += 1
            found.trouble = found.trouble or trouble.what
    return found


def _alert(raw: object, received: datetime, open_s: float) -> Alert:
    if not isinstance(raw, Mapping):
        raise Undecodable("an alert that is no object")
    labels = labels_of(object_in(raw, "labels"))
    began = time_of(raw.get("startsAt"))
    firing = raw.get("status") == "firing"
    kind, name = _object_of(labels)
    event: dict[str, Any] = {
        "time": _told_at(began, received, open_s) if firing else time_of(raw.get("endsAt")),
        "namespace": labels.get("namespace"),
        "kind": kind,
        "name": name,
        "reason": labels.get("alertname"),
        "type": "Warning" if firing else "Normal",
        "message": _message(raw, labels),
        "first_time": began,
        "source_uid": f"{name_of(raw.get('fingerprint')) or name}/{began.isoformat()}",
        "cluster_node": labels.get("node"),
    }
    return Alert(made(Event, **event), labels)


def _told_at(began: datetime, received: datetime, open_s: float) -> datetime:
    late_s = (received - began).total_seconds()
    if open_s < late_s <= LATE_S:
        return received - timedelta(seconds=open_s)
    return began


def _object_of(labels: Mapping[str, str]) -> tuple[str, str]:
    label = next((label for label in _KINDS if label in labels), None)
    if label is None:
        return _ALERT, labels.get("alertname", "")
    return _KINDS[label], labels[label]


def _message(raw: Json, labels: Mapping[str, str]) -> str:
    notes = object_in(raw, "annotations")
    text = next((text for key in _TEXTS if (text := name_of(notes.get(key)))), "")
    return f"{_ALERT}, {labels.get('severity', 'none').lower()}: {text}"

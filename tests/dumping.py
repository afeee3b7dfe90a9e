"""Writes observations as the tools write them that people use for bug reports.

The shapes are those of ``oc adm must-gather``, ``kubectl cluster-info dump`` and ``kubectl get``:
an event object is its latest update, a log line has nine digits of a second, objects in a list need
not say their kind.
"""

import json
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from pipeline.records import Event, Log, Metric

MACHINE = "wrk-1"
IMAGE = "quay-io-openshift-release-dev-ocp-v4-0-art-dev-sha256-" + "0123456789abcdef" * 4
Whole = Log | Event | Metric


class _NoAliases(yaml.SafeDumper):
    """Kubernetes' tools have none."""

    def ignore_aliases(self, data: object) -> bool:
        del data
        return True


def stamp(time: datetime) -> str:
    """Return a time as the kubelet stamps it."""
    return f"{time:%Y-%m-%dT%H:%M:%S}.{time.microsecond:06d}789Z"


def event_object(event: Event, *, kind: bool = True) -> dict[str, Any]:
    """Return the object that an event was told by."""
    seconds = [
        f"{time:%Y-%m-%dT%H:%M:%SZ}" for time in (event.first_time or event.time, event.time)
    ]
    named = {"apiVersion": "v1", "kind": "Event"} if kind else {}
    return {
        **named,
        "count": event.count,
        "eventTime": None,
        "firstTimestamp": seconds[0],
        "involvedObject": {
            "kind": event.kind,
            "name": event.name,
            "namespace": event.namespace,
            "uid": event.uid,
        },
        "lastTimestamp": seconds[1],
        "message": event.message,
        "metadata": {
            "creationTimestamp": seconds[0],
            "name": f"{event.name}.17c1",
            "namespace": event.namespace or "default",
            "uid": event.source_uid,
        },
        "reason": event.reason,
        "source": {"component": "kubelet", "host": event.cluster_node}
        if event.cluster_node
        else {"component": "scheduler"},
        "type": event.type,
    }


def pod_object(namespace: str, pod: str, *containers: str, kind: bool = True) -> dict[str, Any]:
    """Return a pod as the API shows it."""
    named = {"apiVersion": "v1", "kind": "Pod"} if kind else {}
    return {
        **named,
        "metadata": {
            "creationTimestamp": "2026-03-01T00:00:00Z",
            "name": pod,
            "namespace": namespace,
            "uid": f"uid-of-{pod}",
        },
        "spec": {"containers": [{"name": name} for name in containers], "nodeName": MACHINE},
        "status": {"phase": "Running"},
    }


def as_list(objects: Iterable[dict[str, Any]], kind: str = "List") -> dict[str, Any]:
    """Return objects as a list of them; its kind comes behind, as in alphabetical order."""
    return {"apiVersion": "v1", "items": list(objects), "kind": kind, "metadata": {}}


def as_json(value: object) -> str:
    """Return JSON as kubectl indents it."""
    return json.dumps(value, indent=4, ensure_ascii=False) + "\n"


def as_yaml(value: object) -> str:
    """Return YAML as ``oc adm inspect`` writes it."""
    return "---\n" + yaml.dump(value, Dumper=_NoAliases, width=80, allow_unicode=True)


def stamped_lines(logs: Iterable[Log]) -> str:
    """Return a log as ``kubectl logs --timestamps`` shows it."""
    return "".join(f"{stamp(log.time)} {log.message}\n" for log in logs)


def write(file: Path, content: str | bytes) -> Path:
    """Write a file, and the folders that it lies in."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return file


def latest(told: Iterable[Whole]) -> list[Event]:
    """Return the events of which objects remain: the last occurrence of each."""
    events: dict[str, Event] = {}
    for event in sorted((one for one in told if isinstance(one, Event)), key=lambda e: e.time):
        events[event.source_uid or repr(event)] = event
    return list(events.values())


def by_container(told: Iterable[Whole]) -> dict[tuple[str, str, str], list[Log]]:
    """Return the logs by namespace, pod and container."""
    found: dict[tuple[str, str, str], list[Log]] = {}
    for log in sorted((one for one in told if isinstance(one, Log)), key=lambda log: log.time):
        key = log.namespace or "", log.pod or "", log.container or ""
        found.setdefault(key, []).append(log)
    return found


def must_gather(folder: Path, told: list[Whole]) -> Path:
    """Write a must-gather; return its folder."""
    root = folder / "must-gather.local.5421342344627712289"
    inner = root / IMAGE
    write(root / "must-gather.log", "[must-gather      ] OUT gather did not start\n")
    write(inner / "timestamp", "2026-03-02 10:20:00.000000000 +0000 UTC m=+0.1\n")
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": MACHINE}}
    write(inner / f"cluster-scoped-resources/core/nodes/{MACHINE}.yaml", as_yaml(node))
    for namespace, events in _by_namespace(latest(told)).items():
        objects = [event_object(event, kind=False) for event in events]
        write(
            inner / f"namespaces/{namespace}/core/events.yaml",
            as_yaml(as_list(objects, "EventList")),
        )
    for (namespace, pod, container), logs in by_container(told).items():
        place = inner / f"namespaces/{namespace}/pods/{pod}"
        write(place / f"{pod}.yaml", as_yaml(pod_object(namespace, pod, container)))
        write(place / container / container / "logs/current.log", stamped_lines(logs))
        write(place / container / container / "logs/previous.log", "")
    return root


def cluster_info(folder: Path, told: list[Whole]) -> Path:
    """Write what ``kubectl cluster-info dump --output-directory`` writes."""
    for name, content in _dumped(told).items():
        write(folder / name, content)
    return folder


def cluster_info_stream(told: list[Whole]) -> str:
    """Return what ``kubectl cluster-info dump`` writes into one file."""
    return "".join(_dumped(told).values())


def _dumped(told: list[Whole]) -> dict[str, str]:
    files = {"nodes.json": as_json({"kind": "NodeList", "apiVersion": "v1", "items": []})}
    logs = by_container(told)
    events = _by_namespace(latest(told))
    for namespace in sorted({key[0] for key in logs} | set(events)):
        objects = [event_object(event, kind=False) for event in events.get(namespace, [])]
        pods = [
            pod_object(namespace, pod, container, kind=False)
            for where, pod, container in logs
            if where == namespace
        ]
        for name, kind, items in (
            ("events", "EventList", objects),
            ("services", "ServiceList", []),
            ("pods", "PodList", pods),
        ):
            whole = {"kind": kind, "apiVersion": "v1", "metadata": {}, "items": items}
            files[f"{namespace}/{name}.json"] = as_json(whole)
        for (where, pod, container), lines in logs.items():
            if where == namespace:
                marks = [
                    f"==== {edge} logs for container {container} of pod {namespace}/{pod} ====\n"
                    for edge in ("START", "END")
                ]
                text = "".join(f"{log.message}\n" for log in lines)
                files[f"{namespace}/{pod}/logs.txt"] = f"{marks[0]}{text}{marks[1]}"
    return files


def _by_namespace(events: Iterable[Event]) -> dict[str, list[Event]]:
    found: dict[str, list[Event]] = {}
    for event in events:
        found.setdefault(event.namespace or "default", []).append(event)
    return found

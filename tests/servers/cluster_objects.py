"""Kubernetes objects as the tests need them: values → the JSON that the API server takes; pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

Json = dict[str, Any]


def stamp(time: datetime) -> str:
    """Return a time as core/v1 writes it: whole seconds."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


def micro_stamp(time: datetime) -> str:
    """Return a time as events.k8s.io writes it: microseconds."""
    return time.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@dataclass(frozen=True)
class Pod:
    """A pod to be made; without a node it stays unscheduled."""

    namespace: str
    name: str
    node: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    containers: tuple[str, ...] = ("main",)
    init_containers: tuple[str, ...] = ()
    claims: tuple[str, ...] = ()
    """PersistentVolumeClaims that it mounts; they need not exist."""
    owner: tuple[str, str] | None = None
    """(kind, name) of its controller, as ("StatefulSet", "db"); it need not exist."""

    def json(self) -> Json:
        """Return the object."""
        metadata: Json = {"name": self.name, "labels": dict(self.labels)}
        if self.owner is not None:
            kind, name = self.owner
            reference = {"apiVersion": "apps/v1", "kind": kind, "name": name}
            metadata["ownerReferences"] = [{**reference, "uid": f"uid-{name}", "controller": True}]
        spec: Json = {
            "containers": [self._container(name) for name in self.containers],
            "initContainers": [self._container(name) for name in self.init_containers],
            "volumes": [
                {"name": claim, "persistentVolumeClaim": {"claimName": claim}}
                for claim in self.claims
            ],
        }
        if self.node is not None:
            spec["nodeName"] = self.node
        return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}

    def _container(self, name: str) -> Json:
        mounts = [{"name": claim, "mountPath": f"/{claim}"} for claim in self.claims]
        return {"name": name, "image": "registry.invalid/any:1", "volumeMounts": mounts}


@dataclass(frozen=True)
class Container:
    """What a pod's status says of one container.

    ``state`` and ``last`` as in the API: ``{"running": {}}``, ``{"waiting": {"reason": …}}`` or
    ``{"terminated": {"exitCode": 1, "reason": "Error"}}``.
    """

    name: str
    state: Json = field(default_factory=lambda: {"running": {}})
    restarts: int = 0
    last: Json = field(default_factory=dict)

    def json(self) -> Json:
        """Return its status; each restart has a container id of its own, as in the real world."""
        running = "running" in self.state
        return {
            "name": self.name,
            "state": self.state,
            "lastState": self.last,
            "restartCount": self.restarts,
            "containerID": f"containerd://{self.name}-{self.restarts}",
            "ready": running,
            "started": running,
            "image": "registry.invalid/any:1",
            "imageID": "registry.invalid/any@sha256:0",
        }


@dataclass(frozen=True)
class EventOf:
    """An event to be told of an object, usually a pod."""

    namespace: str
    name: str
    """Of the event object itself."""
    about: str
    """Name of the object."""
    reason: str
    message: str = ""
    kind: str = "Pod"
    uid: str = ""
    """Of the object."""
    type: str = "Warning"
    host: str = ""
    """The cluster node whose kubelet tells it."""

    def core(self, *, count: int, first: datetime, last: datetime) -> Json:
        """Return it as core/v1, as kubelets tell it."""
        return {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": self.name, "namespace": self.namespace},
            "involvedObject": self._object(),
            "reason": self.reason,
            "message": self.message,
            "type": self.type,
            "source": {"component": "kubelet", "host": self.host},
            "count": count,
            "firstTimestamp": stamp(first),
            "lastTimestamp": stamp(last),
        }

    def new(self, *, at: datetime) -> Json:
        """Return it as events.k8s.io/v1, as the scheduler tells it: without a count."""
        return {
            "apiVersion": "events.k8s.io/v1",
            "kind": "Event",
            "metadata": {"name": self.name, "namespace": self.namespace},
            "regarding": self._object(),
            "reason": self.reason,
            "note": self.message,
            "type": self.type,
            "action": "Told",
            "eventTime": micro_stamp(at),
            "reportingController": "tests",
            "reportingInstance": self.host or "tests-0",
        }

    def _object(self) -> Json:
        # A cluster node has no namespace of its own; its events lie in "default".
        named = {"kind": self.kind, "name": self.about, "uid": self.uid, "apiVersion": "v1"}
        return named if self.kind == "Node" else {**named, "namespace": self.namespace}


def node(name: str, *, kubelet_port: int) -> Json:
    """Return a cluster node whose kubelet is a port of the loopback interface."""
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}} | {
        "status": {
            "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": kubelet_port}},
            "conditions": [{"type": "Ready", "status": "True"}],
        }
    }

"""What happens in a cluster, told to a real API server by an administrator.

There is no scheduler, no controller and no kubelet behind the server: whatever they would do to an
object, the test does here.
"""

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

import yaml

from pipeline.clock import now
from servers.api_client import APPLY, MERGE, ApiClient, Json, Refused
from servers.cluster_objects import Container, EventOf, Pod, micro_stamp, node, stamp

_RBAC = "/apis/rbac.authorization.k8s.io/v1"
_KINDS = {  # kind: (path of its API, plural, lives in a namespace)
    "ServiceAccount": ("/api/v1", "serviceaccounts", True),
    "ConfigMap": ("/api/v1", "configmaps", True),
    "Secret": ("/api/v1", "secrets", True),
    "Namespace": ("/api/v1", "namespaces", False),
    "Service": ("/api/v1", "services", True),
    "StatefulSet": ("/apis/apps/v1", "statefulsets", True),
    "Role": (_RBAC, "roles", True),
    "RoleBinding": (_RBAC, "rolebindings", True),
    "ClusterRole": (_RBAC, "clusterroles", False),
    "ClusterRoleBinding": (_RBAC, "clusterrolebindings", False),
}
_CONFLICT = 409


class Cluster(ApiClient):
    """An administrator's hands; everything raises ``Refused`` when the server says no."""

    def namespace(self, name: str) -> str:
        """Make a namespace with its default service account (no controller does); return it."""
        self._made("/api/v1/namespaces", {"metadata": {"name": name}})
        self.service_account(name, "default")
        return name

    def service_account(self, namespace: str, name: str) -> None:
        """Make a service account."""
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts"
        self._made(path, {"metadata": {"name": name}})

    def delete_service_account(self, namespace: str, name: str) -> None:
        """Delete a service account: its tokens are worth nothing from then on (~10 s cache)."""
        self.ask("DELETE", f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}")

    def cluster_role(self, name: str, *, group: str, resource: str, verb: str) -> None:
        """Make a ClusterRole with one right."""
        rule = {"apiGroups": [group], "resources": [resource], "verbs": [verb]}
        self._made(f"{_RBAC}/clusterroles", {"metadata": {"name": name}, "rules": [rule]})

    def bind(self, namespace: str, service_account: str, cluster_role: str) -> None:
        """Give a service account the rights of a ClusterRole in its namespace."""
        subject = {"kind": "ServiceAccount", "name": service_account, "namespace": namespace}
        role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole"}
        binding = {
            "metadata": {"name": f"{service_account}-{cluster_role}"},
            "subjects": [subject],
            "roleRef": {**role, "name": cluster_role},
        }
        self._made(f"{_RBAC}/namespaces/{namespace}/rolebindings", binding)

    def node(self, name: str, *, kubelet_port: int) -> str:
        """Make a cluster node, or tell an old one its kubelet's new port; return its name."""
        told = node(name, kubelet_port=kubelet_port)
        self._made("/api/v1/nodes", told)
        status = {"status": told["status"]}
        self.ask("PATCH", f"/api/v1/nodes/{name}/status", status, as_type=MERGE)
        return name

    def delete_node(self, name: str) -> None:
        """Delete a cluster node; the logs of its pods then answer a misleading 404."""
        self.ask("DELETE", f"/api/v1/nodes/{name}")

    def pod(self, pod: Pod) -> Json:
        """Make a pod (Pending; nothing runs) and return it as the server keeps it."""
        return self.ask("POST", f"/api/v1/namespaces/{pod.namespace}/pods", pod.json())

    def running_pod(self, pod: Pod) -> Json:
        """Make a pod with all containers running, init containers done; return it."""
        self.pod(pod)
        done = {"terminated": {"exitCode": 0, "reason": "Completed"}}
        return self.pod_status(
            pod.namespace,
            pod.name,
            containers=[Container(name) for name in pod.containers],
            init_containers=[Container(name, done) for name in pod.init_containers],
        )

    def pod_status(
        self,
        namespace: str,
        name: str,
        *,
        phase: str = "Running",
        containers: Iterable[Container] = (),
        init_containers: Iterable[Container] = (),
    ) -> Json:
        """Patch a pod's status (each list replaces the old one) and return the pod."""
        status = {
            "phase": phase,
            "containerStatuses": [each.json() for each in containers],
            "initContainerStatuses": [each.json() for each in init_containers],
        }
        path = f"/api/v1/namespaces/{namespace}/pods/{name}/status"
        return self.ask("PATCH", path, {"status": status}, as_type=MERGE)

    def delete_pod(self, namespace: str, name: str, *, at_once: bool = False) -> None:
        """Delete a pod.

        Gracefully, it only gets its ``deletionTimestamp`` and stays until it is deleted at once, as
        a kubelet does when the containers have ended.
        """
        grace = {"gracePeriodSeconds": "0" if at_once else "30"}
        self.ask("DELETE", f"/api/v1/namespaces/{namespace}/pods/{name}", query=grace)

    def event(
        self,
        event: EventOf,
        *,
        count: int = 1,
        first: datetime | None = None,
        last: datetime | None = None,
    ) -> Json:
        """Tell an event (core/v1), first and last time by default now; return it."""
        told = event.core(count=count, first=first or last or now(), last=last or now())
        return self.ask("POST", f"/api/v1/namespaces/{event.namespace}/events", told)

    def event_again(self, event: EventOf, *, count: int, last: datetime | None = None) -> Json:
        """Tell that an event has happened ``count`` times by now (core/v1); return it."""
        change = {"count": count, "lastTimestamp": stamp(last or now())}
        path = f"/api/v1/namespaces/{event.namespace}/events/{event.name}"
        return self.ask("PATCH", path, change, as_type=MERGE)

    def new_event(self, event: EventOf, *, at: datetime | None = None) -> Json:
        """Tell an event through events.k8s.io: no count, no first and last time; return it."""
        path = f"/apis/events.k8s.io/v1/namespaces/{event.namespace}/events"
        return self.ask("POST", path, event.new(at=at or now()))

    def new_event_again(self, event: EventOf, *, count: int, last: datetime | None = None) -> Json:
        """Tell through events.k8s.io that it is a series of ``count`` (>= 2) by now; return it."""
        series = {"count": count, "lastObservedTime": micro_stamp(last or now())}
        path = f"/apis/events.k8s.io/v1/namespaces/{event.namespace}/events/{event.name}"
        return self.ask("PATCH", path, {"series": series}, as_type=MERGE)

    def delete_event(self, event: EventOf) -> None:
        """Delete an event, as the server itself does after an hour."""
        self.ask("DELETE", f"/api/v1/namespaces/{event.namespace}/events/{event.name}")

    def apply(self, manifest: Path, *, namespace: str | None = None) -> None:
        """Apply a YAML file, as ``kubectl apply --server-side``; again, it changes nothing.

        With a namespace, that one is written wherever the file names one, as its user does. It must
        exist. Raises ``KeyError`` on a kind that no manifest has had yet.
        """
        for each in yaml.safe_load_all(manifest.read_text(encoding="utf-8")):
            api, plural, namespaced = _KINDS[each["kind"]]
            if namespace is not None:
                for place in (each["metadata"], *each.get("subjects", ())):
                    place.update({"namespace": namespace} if "namespace" in place else {})
            inside = f"/namespaces/{each['metadata']['namespace']}" if namespaced else ""
            self.ask(
                "PATCH",
                f"{api}{inside}/{plural}/{each['metadata']['name']}",
                each,
                query={"fieldManager": "tests", "force": "true"},
                as_type=APPLY,
            )

    def _made(self, path: str, body: Json) -> None:
        """Make an object; that it is there already is as good."""
        try:
            self.ask("POST", path, body)
        except Refused as refused:
            if refused.status != _CONFLICT:
                raise

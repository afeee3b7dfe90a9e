"""The API server answers 429 to a service account, by its own priority and fairness."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from servers.api_client import ApiClient, Json, Refused
from servers.cluster import Cluster
from servers.waiting import until

_API = "/apis/flowcontrol.apiserver.k8s.io/v1"
_NAME = "tests-nothing-at-all"
_NO_SEATS = {
    "nominalConcurrencyShares": 0,
    "lendablePercent": 0,
    "borrowingLimitPercent": 0,
    "limitResponse": {"type": "Reject"},
}
_EVERYTHING = {
    "verbs": ["*"],
    "apiGroups": ["*"],
    "resources": ["*"],
    "namespaces": ["*"],
    "clusterScope": True,
}


@contextmanager
def throttled(
    admin: Cluster, client: ApiClient, namespace: str, service_account: str
) -> Iterator[None]:
    """Inside the block the requests of a service account are answered 429 with ``Retry-After``.

    New watches too, but not open ones, and not logs that are followed: the server exempts them.
    ``client`` shows a token of the account, which must be allowed to list the namespace's pods.

    Even without a seat the server serves one request at a time, so one is kept busy: every 3 s,
    for some milliseconds, another has a chance.
    """
    account = {"name": service_account, "namespace": namespace}
    rule = {
        "subjects": [{"kind": "ServiceAccount", "serviceAccount": account}],
        "resourceRules": [_EVERYTHING],
    }
    level = {"type": "Limited", "limited": _NO_SEATS}
    schema = {
        "matchingPrecedence": 2,  # before all others; 1 is reserved
        "priorityLevelConfiguration": {"name": _NAME},
        "rules": [rule],
    }
    over = threading.Event()
    busy = threading.Thread(target=_keep_busy, args=(client, namespace, over))
    with (
        _existing(admin, "prioritylevelconfigurations", level),
        _existing(admin, "flowschemas", schema),
    ):
        busy.start()
        try:
            until(lambda: _is_throttled(client), within_s=30, what="the account is throttled")
            yield
        finally:
            over.set()
            busy.join()
    until(lambda: not _is_throttled(client), within_s=30, what="the account is free again")


def _keep_busy(client: ApiClient, namespace: str, over: threading.Event) -> None:
    """Ask for a list that is newer than anything: the server waits for it for 3 s, then refuses."""
    future = {"resourceVersion": "1000000000", "resourceVersionMatch": "NotOlderThan"}
    while not over.wait(0.001):
        try:
            client.ask("GET", f"/api/v1/namespaces/{namespace}/pods", query=future)
        except Refused as refused:
            if refused.status not in {429, 504}:
                raise


@contextmanager
def _existing(admin: Cluster, plural: str, spec: Json) -> Iterator[None]:
    admin.ask("POST", f"{_API}/{plural}", {"metadata": {"name": _NAME}, "spec": spec})
    try:
        yield
    finally:
        admin.ask("DELETE", f"{_API}/{plural}/{_NAME}")


def _is_throttled(client: ApiClient) -> bool:
    try:
        client.may("list", "/pods")
    except Refused as refused:
        return refused.status == 429
    return False

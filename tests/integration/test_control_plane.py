"""The servers of the live-ingest tests do what those rely on, and the shipped roles suffice."""

from contextlib import closing
from pathlib import Path

import pytest
from urllib3.exceptions import ReadTimeoutError

from servers.api_client import ApiClient, Refused
from servers.cluster import Cluster
from servers.cluster_objects import EventOf, Pod
from servers.control_plane import ControlPlane
from servers.kubelet import Kubelet
from servers.throttling import throttled
from servers.waiting import until

ROLES = Path(__file__).parents[2] / "deploy" / "kubernetes"
DB = "db-0"


@pytest.fixture
def database(control_plane: ControlPlane, kubelet: Kubelet, namespace: str) -> str:
    """The path of the log of a running pod ``db-0`` with a container ``main``."""
    control_plane.admin.running_pod(Pod(namespace, DB, node="worker-1"))
    kubelet.add(namespace, DB, "main")
    return f"/api/v1/namespaces/{namespace}/pods/{DB}/log"


NEEDED = (
    ("list", "/pods"),
    ("watch", "/pods"),
    ("get", "/pods/log"),
    ("list", "/events"),
    ("watch", "/events"),
    ("list", "metrics.k8s.io/pods"),
)
LEASES = tuple((verb, "coordination.k8s.io/leases") for verb in ("get", "create", "update"))
NEVER = (
    ("get", "/secrets"),
    ("list", "/secrets"),
    ("list", "/configmaps"),
    ("create", "/pods/exec"),
    ("delete", "/pods"),
    ("create", "/events"),
    ("delete", "coordination.k8s.io/leases"),
)


def test_a_log_comes_through_the_api_server_line_by_line(
    control_plane: ControlPlane, kubelet: Kubelet, namespace: str, database: str
) -> None:
    kubelet.write(namespace, DB, "main", "up", time=1_790_000_000_123_456_789)
    with control_plane.admin.lines(database, {"follow": "true", "timestamps": "true"}) as lines:
        assert next(lines) == b"2026-09-21T14:13:20.123456789Z up"
        kubelet.write(namespace, DB, "main", "and running")
        assert next(lines).endswith(b"Z and running")
        kubelet.write(namespace, DB, "main", "dying", newline=False)
        kubelet.end(namespace, DB, "main")
        assert [line.partition(b" ")[2] for line in lines] == [b"dying"]


def test_a_restart_leaves_the_log_of_one_earlier_run(
    control_plane: ControlPlane, kubelet: Kubelet, namespace: str, database: str
) -> None:
    with pytest.raises(Refused, match=r"400 .*previous terminated container"):
        control_plane.admin.text(database, {"previous": "true"})
    for run in ("first", "second", "third"):
        kubelet.restart(namespace, DB, "main")
        kubelet.write(namespace, DB, "main", run)
    assert control_plane.admin.text(database, {"previous": "true"}) == "second\n"
    assert control_plane.admin.text(database) == "third\n"


def test_since_counts_whole_seconds(
    control_plane: ControlPlane, kubelet: Kubelet, namespace: str, database: str
) -> None:
    for part in (0.0, 0.4, 0.8, 1.2):
        at = 1_790_000_000_000_000_000 + int(part * 1e9)
        kubelet.write(namespace, DB, "main", str(part), time=at)
    asked = {"sinceTime": "2026-09-21T14:13:20.700Z"}
    assert control_plane.admin.text(database, asked) == "0.0\n0.4\n0.8\n1.2\n"
    assert control_plane.admin.text(database, {**asked, "tailLines": "2"}) == "0.8\n1.2\n"
    asked = {"sinceTime": "2026-09-21T14:13:21Z"}
    assert control_plane.admin.text(database, asked) == "1.2\n"


def test_after_a_rotation_a_stream_stays_open_and_silent(
    control_plane: ControlPlane, kubelet: Kubelet, namespace: str, database: str
) -> None:
    kubelet.write(namespace, DB, "main", "old")
    with control_plane.admin.lines(database, {"follow": "true"}, silent_s=0.5) as lines:
        assert next(lines) == b"old"
        kubelet.rotate(namespace, DB, "main")
        kubelet.write(namespace, DB, "main", "new")
        with pytest.raises(ReadTimeoutError):
            next(lines)
        assert control_plane.admin.text(database) == "new\n"
    until(
        lambda: kubelet.followers(namespace, DB, "main") == 0, within_s=5, what="the reader is gone"
    )


def test_a_kubelet_can_drop_refuse_and_be_away(
    control_plane: ControlPlane, kubelet: Kubelet, namespace: str, database: str
) -> None:
    kubelet.write(namespace, DB, "main", "up")
    with control_plane.admin.lines(database, {"follow": "true"}) as lines:
        assert next(lines) == b"up"
        assert kubelet.drop(namespace, DB, "main") == 1
        assert list(lines) == []  # to the reader it looks like an end
    with kubelet.refusing(), pytest.raises(Refused, match="500 "):
        control_plane.admin.text(database)
    kubelet.stop()
    with pytest.raises(Refused, match=r"500 .*connection refused"):
        control_plane.admin.text(database)
    kubelet.start()
    assert control_plane.admin.text(database) == "up\n"


def test_a_watch_tells_every_change_of_an_event_until_a_compaction(
    control_plane: ControlPlane, namespace: str
) -> None:
    admin, path = control_plane.admin, f"/api/v1/namespaces/{namespace}/events"
    since = admin.ask("GET", path)["metadata"]["resourceVersion"]
    event = EventOf(namespace, "db-0.1", about=DB, reason="BackOff", message="restarting")
    series = EventOf(namespace, "db-0.2", about=DB, reason="FailedScheduling")
    admin.event(event)
    admin.event_again(event, count=2)
    admin.new_event(series)
    admin.new_event_again(series, count=3)
    told = [each["object"] for each in admin.watch(path, since=since, for_s=1)]
    assert [each.get("count") for each in told] == [1, 2, None, None]
    assert told[-1]["series"]["count"] == 3
    control_plane.compact()
    (error,) = admin.watch(path, since=since, for_s=1)
    assert (error["type"], error["object"]["code"]) == ("ERROR", 410)


def test_what_was_kept_survives_the_api_server(control_plane: ControlPlane, namespace: str) -> None:
    pod = control_plane.admin.running_pod(Pod(namespace, DB, node="worker-1"))
    control_plane.kill_api()
    with pytest.raises(Refused, match=r"^0 "):
        control_plane.admin.ask("GET", "/api/v1/nodes")
    control_plane.restart_api()
    path = f"/api/v1/namespaces/{namespace}/pods/{DB}"
    assert control_plane.admin.ask("GET", path)["metadata"]["uid"] == pod["metadata"]["uid"]


def test_a_watch_ends_cleanly_when_the_api_server_is_asked_to_end(
    control_plane: ControlPlane, namespace: str
) -> None:
    path = f"/api/v1/namespaces/{namespace}/pods"
    with control_plane.admin.lines(path, {"watch": "true"}) as lines:
        control_plane.stop_api()
        assert list(lines) == []


def test_a_pod_that_is_deleted_gracefully_waits_for_its_kubelet(
    control_plane: ControlPlane, namespace: str
) -> None:
    admin, path = control_plane.admin, f"/api/v1/namespaces/{namespace}/pods/{DB}"
    admin.running_pod(Pod(namespace, DB, node="worker-1"))
    admin.delete_pod(namespace, DB)
    assert "deletionTimestamp" in admin.ask("GET", path)["metadata"]
    admin.delete_pod(namespace, DB, at_once=True)
    with pytest.raises(Refused, match="404 "):
        admin.ask("GET", path)


def test_the_shipped_cluster_role_may_read_what_it_needs_and_nothing_else(
    control_plane: ControlPlane, ingest_token: str
) -> None:
    with closing(control_plane.client(ingest_token)) as client:
        assert [each for each in NEEDED if not client.may(*each)] == []
        assert [each for each in LEASES if not client.may(*each, "aftershock")] == []
        assert [each for each in LEASES if client.may(*each, "default")] == []
        assert [each for each in NEVER if client.may(*each, "aftershock")] == []


def test_the_shipped_role_ends_at_its_namespace(
    control_plane: ControlPlane, tenant_token: str, namespace: str
) -> None:
    with closing(control_plane.client(tenant_token)) as client:
        assert [each for each in NEEDED + LEASES if not client.may(*each, namespace)] == []
        assert [each for each in NEEDED + LEASES if client.may(*each, "default")] == []
        assert [each for each in NEVER if client.may(*each, namespace)] == []


@pytest.mark.usefixtures("database")
def test_a_tenant_reads_logs_and_no_secrets(
    control_plane: ControlPlane, kubelet: Kubelet, tenant_token: str, namespace: str
) -> None:
    kubelet.write(namespace, DB, "main", "up")
    with closing(control_plane.client(tenant_token)) as client:
        assert client.text(f"/api/v1/namespaces/{namespace}/pods/{DB}/log") == "up\n"
        with pytest.raises(Refused, match=r"403 .*cannot list resource .*secrets"):
            client.ask("GET", f"/api/v1/namespaces/{namespace}/secrets")


def test_the_owner_of_a_namespace_may_apply_the_shipped_role(
    control_plane: ControlPlane, namespace: str
) -> None:
    """The API server lets nobody give away rights that he has not himself."""
    admin, manifest = control_plane.admin, ROLES / "ingest-rbac-namespaced.yaml"
    admin.service_account(namespace, "owner")
    for part in ("admin", "edit", "view"):  # what the role `admin` is put together from
        admin.bind(namespace, "owner", f"system:aggregate-to-{part}")
    token = control_plane.token_for(namespace, "owner")
    with closing(Cluster(control_plane.server, control_plane.authority.certificate, token)) as own:
        own.await_right("get", "/pods/log", namespace)
        with pytest.raises(Refused, match=r"403 .*metrics\.k8s\.io"):
            own.apply(manifest, namespace=namespace)
        admin.cluster_role("metrics-reader", group="metrics.k8s.io", resource="pods", verb="list")
        admin.bind(namespace, "owner", "metrics-reader")  # comes with the metrics server
        own.await_right("list", "metrics.k8s.io/pods", namespace)
        own.apply(manifest, namespace=namespace)


def test_an_expired_token_is_refused(control_plane: ControlPlane, namespace: str) -> None:
    for seconds, status in ((30, 403), (-120, 401)):
        with (
            closing(
                control_plane.client(control_plane.token_for(namespace, "default", seconds))
            ) as client,
            pytest.raises(Refused) as refused,
        ):
            client.ask("GET", f"/api/v1/namespaces/{namespace}/pods")
        assert refused.value.status == status


def test_a_throttled_account_is_told_when_to_come_back(
    control_plane: ControlPlane, tenant_token: str, namespace: str
) -> None:
    path = f"/api/v1/namespaces/{namespace}/pods"
    with closing(control_plane.client(tenant_token)) as client:
        with throttled(control_plane.admin, client, namespace, "aftershock-ingest"):
            refused = [refusal(client, path) for _ in range(10)]
        told = [each.retry_after for each in refused if each is not None and each.status == 429]
        assert told.count("1") >= 8  # every few seconds one may slip through
        assert client.ask("GET", path)["items"] == []


def test_the_token_of_a_deleted_service_account_is_refused(
    control_plane: ControlPlane, tenant_token: str, namespace: str
) -> None:
    path = f"/api/v1/namespaces/{namespace}/pods"
    with closing(control_plane.client(tenant_token)) as client:
        assert client.ask("GET", path)["items"] == []
        control_plane.admin.delete_service_account(namespace, "aftershock-ingest")
        until(
            lambda: (refused := refusal(client, path)) is not None and refused.status == 401,
            within_s=30,
            what="the token is refused",
        )


def refusal(client: ApiClient, path: str) -> Refused | None:
    try:
        client.ask("GET", path)
    except Refused as refused:
        return refused
    return None

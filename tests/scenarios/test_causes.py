"""Known failures of JupyterHub on OpenShift, each by the few signs it gives: who is to blame?"""

from scenarios.timeline import DB, HUB, Timeline, user_pod


def first_cause(timeline: Timeline) -> str:
    found = timeline.incidents()
    assert len(found) == 1, [incident.title for incident in found]
    return found[0].causes[0].node


def test_the_api_is_down_and_the_hub_halts() -> None:
    timeline = Timeline()
    waits = [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6]
    for number, wait in enumerate(waits):
        timeline.hub(
            sum(waits[:number]),
            "E",
            "reflector:363",
            f"Error when watching resources, retrying in {wait}s",
        )
    timeline.hub(52, "E", "reflector:372", "Watching resources never recovered, giving up")
    timeline.hub(52.1, "C", "spawner:2222", "Pods reflector failed, halting Hub.")
    timeline.event(60, HUB, "BackOff", "Back-off restarting failed container", count=4)

    assert first_cause(timeline) == "platform/openshift-api"


def test_signing_in_fails_when_oauth_is_away() -> None:
    timeline = Timeline()
    for at in (0, 25, 61, 140):
        timeline.hub(
            at, "E", "web:1789", "Uncaught exception GET /hub/oauth_callback?code=x (10.0.0.1)"
        )
        timeline.hub(
            at + 0.01,
            "E",
            "oauth2:389",
            "Error fetching 599 POST https://oauth-openshift.apps/oauth/token: "
            "HTTP 599: Connection timed out after 20000 milliseconds",
        )

    assert first_cause(timeline) == "platform/openshift-oauth"


def test_the_quota_is_exhausted() -> None:
    timeline = Timeline()
    for at, name in ((0, "alice"), (40, "bob"), (95, "carol")):
        timeline.hub(
            at,
            "E",
            "user:718",
            f"Unhandled error starting {name}'s server: (403) Reason: Forbidden: pods"
            f' "jupyterhub-nb-{name}" is forbidden: exceeded quota: opf-jupyterhub-custom,'
            " requested: limits.cpu=3, used: limits.cpu=139, limited: limits.cpu=140",
        )
    for at in range(0, 300, 60):
        timeline.metric(
            at,
            "kube_resourcequota",
            140,
            resourcequota="opf-jupyterhub-custom",
            resource="limits.cpu",
            type="hard",
        )
        timeline.metric(
            at,
            "kube_resourcequota",
            139,
            resourcequota="opf-jupyterhub-custom",
            resource="limits.cpu",
            type="used",
        )

    assert first_cause(timeline) == "infrastructure/quota"


def test_a_users_volume_is_full() -> None:
    timeline = Timeline()
    claim = "jupyterhub-nb-alice-pvc"
    for at in range(0, 600, 60):
        timeline.metric(
            at, "kubelet_volume_stats_available_bytes", 1e6, persistentvolumeclaim=claim
        )
        timeline.metric(at, "kubelet_volume_stats_capacity_bytes", 2e9, persistentvolumeclaim=claim)
    timeline.user(
        130, "alice", "E", "OSError: [Errno 28] No space left on device: 'nbserver-144.json'"
    )
    timeline.event(
        150, user_pod("alice"), "BackOff", "Back-off restarting failed container", count=6
    )
    timeline.hub(
        400,
        "W",
        "user:767",
        "alice's server never showed up at http://10.0.0.9:8080 after 600 seconds. Giving up",
    )

    assert first_cause(timeline) == f"infrastructure/volume/{claim}"


def test_the_image_cannot_be_pulled() -> None:
    timeline = Timeline()
    pod = user_pod("bob")
    message = (
        'Failed to pull image "quay.io/x/s2i:latest": rpc error: code = Unknown desc = timed out'
    )
    timeline.event(0, pod, "Failed", message, count=3)
    timeline.event(1, pod, "Failed", "Error: ErrImagePull", count=3)
    timeline.event(5, pod, "BackOff", 'Back-off pulling image "quay.io/x/s2i:latest"', count=9)
    timeline.hub(300, "W", "base:1064", "User bob is slow to start (timeout=10)")
    timeline.hub(600, "W", "user:692", "bob's server failed to start in 600 seconds, giving up")

    assert first_cause(timeline) == "infrastructure/registry"


def test_a_machine_is_lost_with_the_pods_on_it() -> None:
    timeline = Timeline()
    timeline.event(
        0, "wrk-1", "NodeNotReady", "Node wrk-1 status is now: NodeNotReady", kind="Node"
    )
    for at in range(0, 300, 60):
        timeline.metric(
            at, "kube_node_status_condition", 0, node="wrk-1", condition="Ready", status="true"
        )
    for name in ("alice", "bob", "carol"):
        timeline.event(3, user_pod(name), "NodeNotReady", "Node is not ready", machine="wrk-1")
        timeline.event(
            300,
            user_pod(name),
            "TaintManagerEviction",
            "Marking for deletion Pod opf-jupyterhub/x",
            machine="wrk-1",
        )
    timeline.hub(320, "W", "base:1152", "User alice server stopped, with exit code: 1")

    assert first_cause(timeline) == "infrastructure/node/wrk-1"


def test_the_database_is_full() -> None:
    timeline = Timeline()
    for at in range(0, 600, 60):
        timeline.metric(
            at, "kubelet_volume_stats_available_bytes", 1e5, persistentvolumeclaim="jupyterhub-db"
        )
        timeline.metric(
            at, "kubelet_volume_stats_capacity_bytes", 1e9, persistentvolumeclaim="jupyterhub-db"
        )
    timeline.event(200, DB, "BackOff", "Back-off restarting failed container", count=5)
    for at in (190, 205, 240):
        timeline.hub(
            at,
            "E",
            "orm:757",
            "Database connection error, attempting to reconnect: OperationalError",
        )
        timeline.hub(at + 0.1, "E", "log:189", "500 GET /hub/home (@10.0.0.1) 11.52ms")

    assert first_cause(timeline) == "infrastructure/volume/jupyterhub-db"


def test_the_proxy_dies_and_its_routes_are_lost() -> None:
    timeline = Timeline()
    timeline.hub(0, "E", "proxy:702", "Proxy stopped with exit code -9")
    for at in (1, 2, 3):
        timeline.hub(
            at,
            "W",
            "proxy:824",
            "api_request to the proxy failed with status code 599, retrying...",
        )
    timeline.hub(
        8, "W", "proxy:369", "Adding missing route for /user/alice/ (http://10.0.0.9:8080)"
    )

    assert first_cause(timeline) == "jupyterhub/proxy"


def test_two_unrelated_faults_at_a_time_are_two_incidents() -> None:
    timeline = Timeline()
    timeline.event(0, user_pod("zoe"), "BackOff", "Back-off restarting failed container", count=3)
    timeline.user(1, "zoe", "E", "OSError: [Errno 122] Disk quota exceeded")
    timeline.event(4_000, DB, "Unhealthy", "Readiness probe failed: connection refused", count=5)
    timeline.hub(
        4_002,
        "E",
        "orm:757",
        "Database connection error, attempting to reconnect: OperationalError",
    )

    assert len(timeline.incidents()) == 2


def test_a_first_logins_short_wait_for_its_volume_is_no_incident() -> None:
    timeline = Timeline()
    message = "0/9 nodes are available: pod has unbound immediate PersistentVolumeClaims."
    timeline.event(0, user_pod("new"), "FailedScheduling", message)
    timeline.event(2, user_pod("new"), "Scheduled", "Successfully assigned", type_="Normal")
    timeline.event(30, user_pod("new"), "Started", "Started container notebook", type_="Normal")

    assert timeline.incidents() == []


def test_culling_is_no_incident() -> None:
    timeline = Timeline()
    timeline.hub(
        0, "I", "log:189", "202 DELETE /hub/api/users/old/server (culler@10.0.0.2) 31.00ms"
    )
    timeline.event(1, user_pod("old"), "Killing", "Stopping container notebook", type_="Normal")
    timeline.user(2, "old", "C", "received signal 15, stopping")

    assert timeline.incidents() == []

"""What happens every day is counted, and makes no symptom."""

from collections.abc import Sequence

import pytest

from detect_laws import at, run
from pipeline.detect.load_pack import load_pack
from pipeline.detect.registry import NodeDetectors
from pipeline.records import Event, Log, Observation

DETECTORS = NodeDetectors(load_pack("jupyterhub"))
HUB, USER, DB = "jupyterhub/hub", "jupyterhub/user/alice", "jupyterhub/db"


def lines(*messages: str) -> list[Observation]:
    return [Log(time=at(number), message=message) for number, message in enumerate(messages)]


def events(*told: tuple[str, str]) -> list[Observation]:
    return [
        Event(time=at(n), kind="Pod", name="p", reason=reason, message=message)
        for n, (reason, message) in enumerate(told)
    ]


DAYS: dict[str, tuple[str, Sequence[Observation]]] = {
    "a spawn": (
        HUB,
        lines(
            "[I 2026-03-02 10:00:00.000 JupyterHub spawner:2021] Attempting to create pvc"
            " jupyterhub-nb-alice-pvc, with timeout 3",
            "[I 2026-03-02 10:00:00.100 JupyterHub spawner:2021] Attempting to create pod"
            " jupyterhub-nb-alice, with timeout 3",
            "[W 2026-03-02 10:00:10.000 JupyterHub base:960] User alice is slow to start"
            " (timeout=10)",
            "[I 2026-03-02 10:00:20.000 JupyterHub base:1041] User alice took 20.1 s to start",
        ),
    ),
    "culling": (
        HUB,
        lines(
            "[I 260302 10:00:00 __init__:124] Culling server alice (inactive for 3:00:00)",
            "[I 2026-03-02 10:00:00.100 JupyterHub log:189] 202 DELETE /hub/api/users/alice/server"
            " (culler@10.0.0.2) 31.00ms",
            "[W 2026-03-02 10:00:10.000 JupyterHub base:1152] User alice: server is slow to stop"
            " (timeout=10)",
            "[W 2026-03-02 10:00:20.000 JupyterHub proxy:351] Deleting stale route /user/alice/",
            "[E 2026-03-02 10:00:30.000 JupyterHub log:189] 503 GET /hub/user/alice/api/kernels"
            " (alice@10.1.2.3) 2.10ms",
        ),
    ),
    "a server is stopped": (
        USER,
        lines("[C 2026-03-02 10:00:00.000 SingleUserLabApp app:2034] received signal 15, stopping"),
    ),
    "its pod is stopped": (USER, events(("Killing", "Stopping container notebook"))),
    "a kernel crashes": (
        USER,
        lines(
            "[I 2026-03-02 10:00:00.000 SingleUserLabApp restarter:104]"
            " AsyncIOLoopKernelRestarter: restarting kernel (1/5), keep random ports"
        ),
    ),
    "an extension is not there": (
        USER,
        lines(
            "[W 2026-03-02 10:00:00.000 ServerApp] x | error adding extension (enabled: True): no"
            " module\n    Traceback (most recent call last):\n    ModuleNotFoundError: x"
        ),
    ),
    "scanners": (
        HUB,
        lines(
            *(
                f"[W 2026-03-02 10:00:00.000 JupyterHub log:189] 404 GET /{path} (@::1) 1.10ms"
                for path in ("wp-login.php", ".env", "cgi-bin/luci", "actuator/health", "boaform/x")
            )
        ),
    ),
    "routes are published each five seconds": (
        HUB,
        lines(
            "ParseResult(scheme='http', netloc='10.131.3.205:8080', path='', params='')",
            "http://10.131.2.60:9090!=http://10.131.2.60:8080",
            "/user/alice/public",
        ),
    ),
    "the database is probed": (DB, lines(*(["LOG:  incomplete startup packet"] * 30))),
    "the hub waits a moment for a database that starts with it": (
        HUB,
        lines(*(f"psql: could not connect to server: Connection refused {n}" for n in range(4))),
    ),
    "the scheduler waits for a new claim": (
        USER,
        events(
            (
                "FailedScheduling",
                "0/9 nodes are available: pod has unbound immediate PersistentVolumeClaims.",
            ),
            ("Scheduled", "Successfully assigned opf-jupyterhub/x to wrk-1"),
        ),
    ),
}


@pytest.mark.parametrize(("node", "day"), DAYS.values(), ids=DAYS)
def test_an_ordinary_day_makes_no_symptom(node: str, day: Sequence[Observation]) -> None:
    told = run(DETECTORS.at(day[0].signal, node), day)
    assert told.symptoms == []
    assert told.counts["received"] == len(day)

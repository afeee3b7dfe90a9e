"""The signature pack leads to the right cause in each shipped topology, by its names."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

from pipeline.analyze import analyze
from pipeline.assembly import flow_of
from pipeline.settings import Settings

Told = Mapping[str, object]
Z2JH, AI = "zero-to-jupyterhub", "openshift-ai"
HUB = "hub-6c5d8f7b9-q4wzn"
PROXY = "proxy-77dfcb58df-qcst2"


def at(second: int) -> str:
    return f"2026-03-02T10:{second // 60:02}:{second % 60:02}Z"


def logs(pod: str, container: str, *messages: str) -> list[Told]:
    who = {"signal": "log", "namespace": "jhub", "pod": pod, "container": container}
    return [
        {**who, "time": at(60 + 5 * number), "message": message}
        for number, message in enumerate(messages)
    ]


def event(second: int, pod: str, reason: str, message: str) -> Told:
    who = {"signal": "event", "namespace": "jhub", "kind": "Pod", "name": pod, "type": "Warning"}
    return {**who, "time": at(second), "reason": reason, "message": message}


def room(claim: str, available: int) -> list[Told]:
    """Return ten minutes of samples of how many of 1,000 bytes a volume has left."""
    labels = {"namespace": "jhub", "persistentvolumeclaim": claim}
    left = {"available": available, "capacity": 1000}
    return [
        {
            "signal": "metric",
            "time": at(second),
            "name": f"kubelet_volume_stats_{what}_bytes",
            "value": value,
            "labels": labels,
        }
        for second in range(0, 600, 60)
        for what, value in left.items()
    ]


FULL = (
    "[E 2026-03-02 10:01:00.000 JupyterHub base:95] Error getting current user",
    "    sqlalchemy.exc.OperationalError: (sqlite3.OperationalError) database or disk is full",
)
NO_ROUTES = "[E 2026-03-02 10:01:00.000 JupyterHub base:95] Failed to add alice to proxy!"
NO_SPACE = "[E 2026-03-02 10:01:00.000 ServerApp] OSError: [Errno 28] No space left on device"
CASES = {
    "hub's claim is full": (
        Z2JH,
        [*room("hub-db-dir", 0), *logs(HUB, "hub", *FULL * 3)],
        "infrastructure/volume/hub-db-dir",
    ),
    "hub's claim is full, and nobody measures it": (
        Z2JH,
        logs(HUB, "hub", *FULL * 3),
        "infrastructure/volume/hub-db-dir",
    ),
    "user's claim is full": (
        Z2JH,
        logs("jupyter-alice", "notebook", NO_SPACE, NO_SPACE),
        "infrastructure/volume/claim-alice",
    ),
    "proxy is down": (
        Z2JH,
        [
            event(50, PROXY, "BackOff", "Back-off restarting failed container chp in pod x"),
            *logs(HUB, "hub", NO_ROUTES, NO_ROUTES),
        ],
        "jupyterhub/proxy",
    ),
    "workbench's claim is full": (
        AI,
        logs("jupyter-nb-alice-0", "jupyter-nb-alice", NO_SPACE, NO_SPACE),
        "infrastructure/volume/jupyterhub-nb-alice-pvc",
    ),
}


@pytest.mark.parametrize(("topology", "told", "cause"), CASES.values(), ids=CASES)
def test_the_first_cause_is_the_node_at_fault(
    topology: str, told: Iterable[Told], cause: str, tmp_path: Path
) -> None:
    (tmp_path / "r.jsonl").write_text("\n".join(json.dumps(each) for each in told))
    flow = flow_of(Settings.model_validate({"topology": topology}))
    (incident,) = analyze([tmp_path / "r.jsonl"], flow, on_rejected=print).incidents
    assert incident.causes[0].node == cause

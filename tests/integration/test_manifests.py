"""The API server takes what is shipped for it, field by field."""

from pathlib import Path

from servers.control_plane import ControlPlane

FOLDER = Path(__file__).parents[2] / "deploy" / "kubernetes"


def test_the_stateful_set_of_ingest_is_accepted(control_plane: ControlPlane) -> None:
    control_plane.admin.namespace("aftershock")
    control_plane.admin.apply(FOLDER / "ingest.yaml")
    path = "/apis/apps/v1/namespaces/aftershock/statefulsets/aftershock-ingest"
    made = control_plane.admin.ask("GET", path)
    assert made["spec"]["template"]["spec"]["containers"][0]["args"] == ["ingest"]

"""What is shipped for a cluster fits the program: settings that exist, roles that are named."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.settings_sources import load_settings

FOLDER = Path(__file__).parents[2] / "deploy" / "kubernetes"


def objects(name: str) -> dict[str, dict[str, Any]]:
    """Return the objects of a manifest by kind."""
    return {each["kind"]: each for each in yaml.safe_load_all((FOLDER / name).read_text())}


@pytest.fixture
def container() -> dict[str, Any]:
    """The container of the shipped StatefulSet."""
    pod = objects("ingest.yaml")["StatefulSet"]["spec"]["template"]["spec"]
    only: dict[str, Any] = pod["containers"][0]
    return only


def test_the_settings_of_the_manifest_are_settings(
    container: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    for variable in container["env"]:
        monkeypatch.setenv(variable["name"], variable["value"])
    settings = load_settings()
    assert settings.health.ingest_port == container["ports"][0]["containerPort"]
    replicas = objects("ingest.yaml")["StatefulSet"]["spec"]["replicas"]
    assert settings.ingest.shard == f"auto/{replicas}"


def test_the_container_may_do_as_little_as_openshift_asks(container: dict[str, Any]) -> None:
    allowed = container["securityContext"]
    assert allowed["capabilities"] == {"drop": ["ALL"]}
    assert (allowed["readOnlyRootFilesystem"], allowed["allowPrivilegeEscalation"]) == (True, False)


@pytest.mark.parametrize("roles", ["ingest-rbac.yaml", "ingest-rbac-namespaced.yaml"])
def test_the_pod_runs_under_the_account_that_the_roles_are_for(roles: str) -> None:
    pod = objects("ingest.yaml")["StatefulSet"]["spec"]["template"]["spec"]
    assert pod["serviceAccountName"] == objects(roles)["ServiceAccount"]["metadata"]["name"]

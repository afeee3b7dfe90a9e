"""What holds of every shipped topology, and which node real names belong to in the newer ones."""

import pytest

from pipeline.cli.options import SHIPPED
from topology import Application, Identity, Resolver, load, shipped

Z2JH = {
    "hub-6c5d8f7b9-q4wzn": "jupyterhub/hub",
    "proxy-77dfcb58df-qcst2": "jupyterhub/proxy",
    "autohttps-7c9d8f6b5-x2mkq": "jupyterhub/autohttps",
    "jupyter-alice": "jupyterhub/user/alice",
    "jupyter-alice-40example-2ecom": "jupyterhub/user/alice-40example-2ecom",
    "jupyter-hub-6c5d8f7b9-q4wzn": "jupyterhub/user/hub-6c5d8f7b9-q4wzn",
    "jupyter-alice---f9d8a7b6--gpu": "jupyterhub/user/alice---f9d8a7b6--gpu",
    "user-scheduler-7574d67cdb-f89m2": "jupyterhub/user-scheduler",
    "continuous-image-puller-xjgw7": "jupyterhub/image-puller",
    "hook-image-puller-b2k9d": "jupyterhub/image-puller",
    "hook-image-awaiter-w8x4p": "jupyterhub/image-puller",
    "user-placeholder-0": None,
    "hub-db-dir": None,
    "github-6c5d8f7b9-q4wzn": None,
    "keycloak-postgresql-0": None,
    "jupyter-": None,
}
AI = {
    "jupyter-nb-alice-0": "openshift-ai/user/alice",
    "jupyter-nb-kube-3aadmin-0": "openshift-ai/user/kube-3aadmin",
    "notebook-controller-deployment-6697968bbf-f7m4f": "platform/notebook-controller",
    "odh-notebook-controller-manager-6c65f4d46f-bk6rw": "platform/odh-notebook-controller",
    "rhods-dashboard-8bbc85997-72w5b": "platform/odh-dashboard",
    "odh-dashboard-5d6f7c8b9-x2mkq": "platform/odh-dashboard",
    "odh-model-controller-6498f8b67c-4fnzk": None,
    "prometheus-k8s-0": None,
    "jupyter-nb-alice": None,
    "jupyter-nb-alice-1": None,
}
PROJECT = {
    "instance": "lab",
    "namespace": "lab",
    "prefix": "",
    "claims": "",
    "user_claim": "{user}-storage",
}


@pytest.fixture(params=shipped())
def application(request: pytest.FixtureRequest) -> Application:
    return load(request.param)


def node_of(topology: str, identity: Identity, **parameters: str) -> str | None:
    return Resolver(load(topology, parameters)).node_of(identity)


def test_every_edge_says_why_and_from_where(application: Application) -> None:
    assert [edge for edge in application.edges if not edge.because] == []
    assert {edge.source for edge in application.edges} <= {"drawing", "domain"}


def test_every_rule_has_an_example(application: Application) -> None:
    rules = [*application.ignore, *(rule for node in application.nodes for rule in node.match)]
    assert [rule for rule in rules if not rule.examples] == []


def test_a_node_has_a_title_and_an_edge(application: Application) -> None:
    ends = {end for edge in application.edges for end in (edge.cause, edge.effect)}
    lonely = {node.id for node in application.nodes} - ends - {"infrastructure/volume/{claim}"}
    assert [node.id for node in application.nodes if not node.title] == []
    assert lonely == set()


def test_platform_that_nobody_may_look_into_is_unobserved(application: Application) -> None:
    unobserved = {node.id for node in application.nodes if not node.observed}
    api = application.parameters.get("api_node") or "platform/openshift-api"
    assert {api, "infrastructure/storage", "infrastructure/registry"} <= unobserved


@pytest.mark.parametrize(("name", "node"), Z2JH.items())
def test_pods_of_the_helm_chart_resolve_by_their_whole_name(name: str, node: str | None) -> None:
    assert node_of("zero-to-jupyterhub", Identity(namespace="jhub", name=name)) == node


@pytest.mark.parametrize(("name", "node"), AI.items())
def test_pods_of_openshift_ai_resolve_by_their_whole_name(name: str, node: str | None) -> None:
    assert node_of("openshift-ai", Identity(namespace="rhods-notebooks", name=name)) == node


@pytest.mark.parametrize(
    ("line", "node"),
    [
        ("[I 241126 09:34:44 __init__:236] Culling server alice", "jupyterhub/culler"),
        ("[I 2024-11-26 09:34:44.849 JupyterHub proxy:357] Removing user", "jupyterhub/hub"),
    ],
)
def test_the_culler_speaks_in_the_hubs_stream(line: str, node: str) -> None:
    hub = Identity(name="hub-6c5d8f7b9-q4wzn", container="hub", line=line)
    assert node_of("zero-to-jupyterhub", hub) == node


@pytest.mark.parametrize("container", ["oauth-proxy", "kube-rbac-proxy"])
def test_the_sign_in_is_a_node_beside_its_workbench(container: str) -> None:
    sidecar = Identity(name="jupyter-nb-alice-0", container=container)
    assert node_of("openshift-ai", sidecar) == "openshift-ai/sign-in/alice"


@pytest.mark.parametrize("claim", ["hub-db-dir", "claim-alice"])
def test_claims_of_the_helm_chart_are_volumes(claim: str) -> None:
    identity = Identity(kind="PersistentVolumeClaim", name=claim)
    assert node_of("zero-to-jupyterhub", identity) == f"infrastructure/volume/{claim}"
    assert node_of("zero-to-jupyterhub", identity, prefix="x-", claims="y-") is None


def test_a_prefix_stands_before_all_of_the_charts_own_names() -> None:
    prefixed = load("zero-to-jupyterhub", {"prefix": "jh-", "instance": "jh"})
    resolver = Resolver(prefixed)
    assert resolver.node_of(Identity(name="jh-hub-6c5d8f7b9-q4wzn")) == "jh/hub"
    assert resolver.node_of(Identity(name="hub-6c5d8f7b9-q4wzn")) is None
    assert prefixed.parameters["database_claim"] == "jh-hub-db-dir"


def test_workbenches_of_a_project_are_an_instance_with_names_of_their_own() -> None:
    resolver = Resolver(load("openshift-ai", PROJECT))
    assert resolver.node_of(Identity(namespace="lab", name="mine-0")) == "lab/user/mine"
    assert resolver.node_of(Identity(namespace="other", name="mine-0")) is None
    causes = [edge.cause for edge in resolver.application.edges]
    assert "infrastructure/volume/{user}-storage" in causes


def test_help_names_every_shipped_application() -> None:
    assert SHIPPED.split(", ") == [*shipped()]

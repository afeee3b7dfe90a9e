"""Which node real objects of the cluster belong to."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from topology import Application, Identity, Resolver, load

NAMESPACE = "opf-jupyterhub"
PROXY_LINE = "12:59:59.477 [ConfigProxy] \x1b[32minfo\x1b[39m: 201 POST /api/routes/user/a/public"
HUB_LINE = "[I 2021-04-28 12:59:59.936 JupyterHub log:189] 302 GET /metrics -> [ConfigProxy]"

PODS = {
    "jupyterhub-124-x7k2p": "jupyterhub/hub",
    "jupyterhub-1-deploy": "jupyterhub/hub",
    "jupyterhub-124-deploy": "jupyterhub/hub",
    "jupyterhub-db-1-abcde": "jupyterhub/db",
    "jupyterhub-db-2-deploy": "jupyterhub/db",
    "jupyterhub-nb-alice-40example-2ecom": "jupyterhub/user/alice-40example-2ecom",
    "jupyterhub-nb-db-1-abcde": "jupyterhub/user/db-1-abcde",
    "jupyterhub-nb-1-deploy": "jupyterhub/user/1-deploy",
    "jupyterhub-idle-culler-6c5d8f7b9-q4wzn": "jupyterhub/culler",
    "jupyterhub-idle-culler-2-h8xkd": "jupyterhub/culler",
    "traefik-proxy-6f9c7d8b54-2xkqp": "jupyterhub/proxy",
    "ray-operator-5d8f7c9b6-x9k2p": None,
    "jupyterhub": None,
    "jupyterhub-124": None,
    "my-jupyterhub-124-x7k2p": None,
    "jupyterhub-124-x7k2p-x": None,
    "jupyterhub-nb-": None,
    "": None,
}

OTHERS = [
    (Identity(kind="ReplicationController", name="jupyterhub-124"), "jupyterhub/hub"),
    (Identity(kind="ReplicationController", name="jupyterhub-db-1"), "jupyterhub/db"),
    (Identity(kind="DeploymentConfig", name="jupyterhub"), "jupyterhub/hub"),
    (Identity(kind="Deployment", name="jupyterhub-db"), "jupyterhub/db"),
    (Identity(kind="Deployment", name="jupyterhub-idle-culler"), "jupyterhub/culler"),
    (Identity(kind="Node", name="wrk-1.example.org"), "infrastructure/node/wrk-1.example.org"),
    (
        Identity(kind="PersistentVolumeClaim", name="jupyterhub-nb-bob-pvc"),
        "infrastructure/volume/jupyterhub-nb-bob-pvc",
    ),
    (Identity(kind="PersistentVolumeClaim", name="somebody-else"), None),
    (Identity(kind="PersistentVolume", name="pvc-0b9c"), "infrastructure/storage"),
    (Identity(kind="ResourceQuota", name="opf-jupyterhub-custom"), "infrastructure/quota"),
    (
        Identity(name="kube-apiserver-master-0", namespace="openshift-kube-apiserver"),
        "platform/openshift-api",
    ),
    (
        Identity(name="oauth-openshift-7d9f8c6b5-4mzqx", namespace="openshift-authentication"),
        "platform/openshift-oauth",
    ),
    (
        Identity(name="apiserver-5f6d-kk2wx", namespace="openshift-oauth-apiserver"),
        "platform/openshift-oauth",
    ),
    (
        Identity(name="apiserver-5f6d-kk2wx", namespace="openshift-apiserver"),
        "platform/openshift-api",
    ),
    (Identity(name="apiserver-5f6d-kk2wx", namespace="elsewhere"), None),
]


def service(metric: str, **labels: str) -> Identity:
    name = labels.get("service") or labels.get("job")
    return Identity(kind="Service", name=name, metric=metric, labels=labels)


METRICS = [
    (service("up", service="jupyterhub", namespace=NAMESPACE), "jupyterhub/hub"),
    (service("up", job="apiserver"), "platform/openshift-api"),
    (service("up", job="prometheus"), None),
    (
        service("probe_success", instance=f"https://jupyterhub-{NAMESPACE}.apps.example.org/"),
        "jupyterhub/hub",
    ),
    (service("probe_success", instance="https://grafana.apps.example.org/"), None),
    (service("cluster_operator_conditions", name="authentication"), "platform/openshift-oauth"),
    (service("cluster_operator_conditions", name="console"), None),
    (
        service("node_load1", job="node-exporter", instance="wrk-1:9100"),
        "infrastructure/node/wrk-1",
    ),
    (
        Identity(kind="Node", name="wrk-1", metric="kube_node_status_condition"),
        "infrastructure/node/wrk-1",
    ),
    (
        Identity(
            kind="PersistentVolumeClaim",
            name="jupyterhub-db",
            metric="kubelet_volume_stats_used_bytes",
        ),
        "infrastructure/volume/jupyterhub-db",
    ),
    (
        Identity(kind="ResourceQuota", name="opf-jupyterhub-custom", metric="kube_resourcequota"),
        "infrastructure/quota",
    ),
    (Identity(name="jupyterhub-124-x7k2p", metric="kube_pod_status_ready"), "jupyterhub/hub"),
    (Identity(name="jupyterhub-124-deploy", metric="kube_pod_status_ready"), None),
]


@pytest.mark.parametrize(("name", "node"), PODS.items())
def test_pods_resolve_by_their_whole_name(name: str, node: str | None, resolver: Resolver) -> None:
    assert resolver.node_of(Identity(namespace=NAMESPACE, name=name)) == node


@pytest.mark.parametrize(("identity", "node"), OTHERS + METRICS)
def test_events_and_metrics_resolve_to_what_they_are_about(
    identity: Identity, node: str | None, resolver: Resolver
) -> None:
    assert resolver.node_of(identity) == node


@pytest.mark.parametrize("container", ["jupyterhub", "wait-for-database", "jupyterhub-ha-sidecar"])
def test_all_containers_of_the_hubs_pod_are_the_hub(container: str, resolver: Resolver) -> None:
    identity = Identity(name="jupyterhub-124-x7k2p", container=container, line="psql: no")
    assert resolver.node_of(identity) == "jupyterhub/hub"


def test_the_line_tells_which_of_two_nodes_speaks(resolver: Resolver) -> None:
    proxy = Identity(name="jupyterhub-124-x7k2p", line=PROXY_LINE)
    hub = Identity(name="jupyterhub-124-x7k2p", line=HUB_LINE)
    assert [resolver.node_of(one) for one in (proxy, hub, proxy)] == [
        "jupyterhub/proxy",
        "jupyterhub/hub",
        "jupyterhub/proxy",
    ]


def test_only_where_a_rule_looks_at_the_line_it_matters(resolver: Resolver) -> None:
    assert resolver.looks_at_line(Identity(name="jupyterhub-124-x7k2p"))
    assert not resolver.looks_at_line(Identity(name="jupyterhub-nb-alice"))
    assert not resolver.looks_at_line(Identity(node="jupyterhub/hub"))


def test_a_node_that_is_named_is_that_node_if_there_is_one(resolver: Resolver) -> None:
    assert resolver.node_of(Identity(node="jupyterhub/user/x", name="ray")) == "jupyterhub/user/x"
    assert resolver.node_of(Identity(node="jupyterhub/usr/x", name="jupyterhub-nb-x")) is None


def test_a_set_namespace_keeps_other_hubs_out() -> None:
    resolver = Resolver(load("jupyterhub-openshift", {"namespace": NAMESPACE}))
    name = "jupyterhub-124-x7k2p"
    assert resolver.node_of(Identity(name=name, namespace=NAMESPACE)) == "jupyterhub/hub"
    assert resolver.node_of(Identity(name=name, namespace=f"{NAMESPACE}-stage")) is None
    assert resolver.node_of(Identity(name=name)) is None


@pytest.mark.parametrize(
    ("identity", "word"),
    [
        (Identity(name="jupyterhub-124-x7k2p"), "rollout number"),
        (Identity(name="jupyterhub-124-x7k2p"), "ConfigProxy"),
        (Identity(name="jupyterhub-124-deploy"), "deployer"),
        (Identity(name="jupyterhub-124-deploy", metric="kube_pod_status_ready"), "ignored"),
        (Identity(name="ray-operator-1"), "none of this application's parts"),
        (Identity(kind="Deployment", name="jupyterhub-124"), "is for ReplicationController"),
        (Identity(name="kube-apiserver-m", namespace="x"), "wants a namespace like"),
        (Identity(node="nowhere"), "has no node nowhere"),
    ],
)
def test_an_answer_says_why(identity: Identity, word: str, resolver: Resolver) -> None:
    assert word in resolver.resolve(identity).why


def test_an_answer_names_what_else_would_fit(read_text: Callable[..., Application]) -> None:
    text = """\
application: x
nodes:
  - {id: a, match: [{name: u.}]}
  - {id: b, match: [{name: u.+}]}
"""
    answer = Resolver(read_text(text)).resolve(Identity(name="uv"))
    assert (answer.node, answer.others, answer.rule) == ("a", ("b",), "a match[0]")


NAMES = st.sampled_from([*PODS, "kube-apiserver-m", "wrk-1", "jupyterhub-db"]) | st.text(max_size=5)
IDENTITIES = st.builds(
    Identity,
    namespace=st.sampled_from([None, NAMESPACE, "openshift-kube-apiserver", "openshift-storage"]),
    kind=st.sampled_from(["Pod", "Node", "PersistentVolumeClaim", "Service", "Deployment"]),
    name=st.none() | NAMES,
    container=st.sampled_from([None, "jupyterhub"]),
    metric=st.sampled_from([None, "up", "probe_success", "cluster_operator_conditions"]),
    labels=st.none()
    | st.dictionaries(
        st.sampled_from(["service", "job", "name", "instance", "persistentvolume"]),
        st.sampled_from(["jupyterhub", "apiserver", "etcd", "node-exporter", "a/b", "wrk-1:9100"]),
    ),
    line=st.sampled_from([None, PROXY_LINE, HUB_LINE]),
)


@given(st.lists(IDENTITIES, max_size=20))
def test_what_is_remembered_is_what_would_be_found(
    jupyterhub: Application, identities: list[Identity]
) -> None:
    """The caches never change an answer, whatever was asked before."""
    remembering = Resolver(jupyterhub)
    for identity in identities:
        assert remembering.node_of(identity) == remembering.resolve(identity).node

"""Observations find their node; what no application knows is counted and shown, never an error."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pipeline.ingest.route import MAX_NAME, MAX_SAMPLES, OTHERS, Router, identity_of
from pipeline.records import OBSERVATION, Event, Log, Metric
from topology.load import load, timelines
from topology.model import Application, MatchRule, NodeTemplate
from topology.resolve import Identity
from topology.versions import Timeline

TIME = '"time":"2026-03-02T10:00:00Z"'
HUB_POD = '"namespace":"opf-jupyterhub","pod":"jupyterhub-124-x7k2p","container":"jupyterhub"'


def observed(fields: str) -> Log | Event | Metric:
    return OBSERVATION.validate_json("{" + TIME + "," + fields + "}")


@pytest.fixture
def router() -> Router:
    return Router([Timeline.of([load("jupyterhub-openshift")])])


OBSERVED = {
    f'"signal":"log",{HUB_POD},"message":"[I 2026-03-02 10:00:00.000 JupyterHub log:189] x"': (
        "jupyterhub/hub"
    ),
    f'"signal":"log",{HUB_POD},"message":"10:00:00.000 [ConfigProxy] info: x"': "jupyterhub/proxy",
    '"signal":"event","namespace":"opf-jupyterhub","kind":"Pod","name":"jupyterhub-db-1-abcde",'
    '"reason":"Unhealthy"': "jupyterhub/db",
    '"signal":"event","kind":"Node","name":"wrk-1","reason":"NodeNotReady"': (
        "infrastructure/node/wrk-1"
    ),
    '"signal":"metric","name":"m","value":1,"labels":{"namespace":"opf-jupyterhub",'
    '"pod":"jupyterhub-nb-alice-40example-2ecom"}': "jupyterhub/user/alice-40example-2ecom",
    '"signal":"metric","name":"kubelet_volume_stats_used_bytes","value":1,"labels":'
    '{"namespace":"opf-jupyterhub","persistentvolumeclaim":"jupyterhub-db"}': (
        "infrastructure/volume/jupyterhub-db"
    ),
    '"signal":"metric","name":"kube_node_status_condition","value":1,"labels":{"node":"wrk-1"}': (
        "infrastructure/node/wrk-1"
    ),
    '"signal":"metric","name":"up","value":1,"labels":{"namespace":"opf-jupyterhub",'
    '"service":"jupyterhub"}': "jupyterhub/hub",
    '"signal":"log","node":"jupyterhub/db","message":"x"': "jupyterhub/db",
    '"signal":"log","node":"nowhere","message":"x"': None,
    '"signal":"log","namespace":"opf-jupyterhub","pod":"ray-operator-5c9d7f6b4f-mz8ln",'
    '"message":"x"': None,
    '"signal":"log","message":"from nowhere"': None,
}


@pytest.mark.parametrize("fields", OBSERVED)
def test_an_observation_finds_its_node(router: Router, fields: str) -> None:
    assert router.node_of(observed(fields)) == OBSERVED[fields]


def test_what_was_asked_before_makes_no_difference(router: Router) -> None:
    for fields in [*OBSERVED, *reversed(OBSERVED), *OBSERVED]:
        assert router.node_of(observed(fields)) == OBSERVED[fields]
    assert router.mapped + router.unmapped == 3 * len(OBSERVED)


def test_what_is_unmapped_is_counted_and_shown(router: Router) -> None:
    ray = observed('"signal":"log","namespace":"n","pod":"ray-operator-1","message":"x"')
    for observation in [ray, ray, observed('"signal":"log","node":"gone","message":"x"')]:
        router.node_of(observation)
    assert router.unmapped_samples() == [("Pod n/ray-operator-1", 2), ("node gone", 1)]


def test_samples_of_the_unmapped_are_bounded_and_sum_up(router: Router) -> None:
    for number in range(2 * MAX_SAMPLES):
        router.node_of(observed(f'"signal":"log","pod":"p{number}","message":"x"'))
    samples = dict(router.unmapped_samples())
    assert len(samples) == MAX_SAMPLES + 1
    assert (samples[OTHERS], sum(samples.values())) == (MAX_SAMPLES, router.unmapped)


def test_a_name_longer_than_any_is_unmapped(router: Router) -> None:
    name = "jupyterhub-nb-" + "a" * MAX_NAME
    assert router.node_of(observed(f'"signal":"log","pod":"{name}","message":"x"')) is None


def applications(folder: Path, *names: str) -> Sequence[Timeline]:
    for name in names:
        text = f"application: {name}\nnodes: [{{id: shared}}, {{id: only-{name}}}]\n"
        (folder / f"{name}.yaml").write_text(text)
    return timelines((str(folder / f"{name}.yaml"), {}) for name in names)


def test_every_application_is_asked(tmp_path: Path) -> None:
    router = Router(applications(tmp_path, "a", "b"))
    for node in ("shared", "only-a", "only-b"):
        assert router.node_of(observed(f'"signal":"log","node":"{node}","message":""')) == node


def test_a_metric_without_subject_is_about_its_service() -> None:
    labels = '{"job":"probe","instance":"https://hub.example.com/"}'
    identity = identity_of(
        observed(f'"signal":"metric","name":"probe_success","value":1,"labels":{labels}')
    )
    assert (identity.kind, identity.name, identity.metric) == ("Service", "probe", "probe_success")


SPLIT = datetime(2026, 3, 2, 10, tzinfo=UTC)
"""From when the shop's pods are told apart."""


def shop(name: str, since: datetime | None, line: str | None = None) -> Application:
    rules = (MatchRule(name="web-.+", line=line),)
    nodes = (NodeTemplate(id=name, match=rules), NodeTemplate(id=f"only-{name}"))
    return Application(name="shop", valid_from=since, nodes=nodes)


@pytest.fixture
def split() -> Router:
    return Router([Timeline.of([shop("old", None), shop("new", SPLIT, line="^new")])])


def log_at(seconds: float, **fields: str) -> Log:
    return Log(signal="log", time=SPLIT + timedelta(seconds=seconds), **fields)  # type: ignore[arg-type]


def test_the_version_of_an_observations_time_finds_its_node(split: Router) -> None:
    for _ in range(2):  # what is remembered is remembered of its version alone
        assert split.node_of(log_at(-1e-6, pod="web-1", message="new")) == "old"
        assert split.node_of(log_at(0, pod="web-1", message="new")) == "new"
        assert split.node_of(log_at(0, pod="web-1", message="x")) is None
        assert split.node_of(log_at(0, node="only-old", message="x")) is None
        assert split.node_of(log_at(-60, node="only-old", message="x")) == "only-old"


def test_without_a_time_the_latest_version_that_has_a_node_answers(split: Router) -> None:
    web = Identity(name="web-1", line="new")
    assert split.resolve(web) == "new"
    assert split.resolve(web, SPLIT - timedelta(hours=1)) == "old"
    assert split.resolve(Identity(node="only-old")) == "only-old"
    assert split.may_map(Identity(name="web-1"))
    assert not split.may_map(Identity(name="db-1"))

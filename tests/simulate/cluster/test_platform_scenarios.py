"""Interventions on the platform: what they are labelled with has really happened."""

from datetime import datetime
from functools import cache

import pytest

from pipeline.simulate.cluster.cluster import Cluster
from pipeline.simulate.jupyterhub.deployment import Deployment
from pipeline.simulate.kernel import Kernel
from pipeline.simulate.recorder import Fields, Recorder, line
from pipeline.simulate.scenarios.platform import PLATFORM
from pipeline.simulate.scenarios.scenario import Case, Scenario, Stage

pytestmark = pytest.mark.long

BEGIN_S = 400.0


def _played(scenario: Scenario, seed: int) -> tuple[Case, list[Fields], bytes]:
    records: list[Fields] = []
    written: list[bytes] = []

    def take(time: datetime, fields: Fields) -> None:
        written.append(line(time, fields))
        records.append(fields)

    length_s = BEGIN_S + scenario.needs_s
    kernel = Kernel(Recorder(take), seed=seed, length_s=length_s)
    cluster = Cluster(kernel)
    hub = Deployment(kernel, cluster, users=7)
    chance = kernel.chance("scenario", scenario.id)
    stage = Stage(kernel, cluster, hub, chance, BEGIN_S, length_s)
    case = scenario.play(stage)
    kernel.run()
    scenario.finish(stage, case)
    return case, records, b"".join(written)


@cache
def _once(number: int) -> tuple[Case, list[Fields], bytes]:
    return _played(PLATFORM[number], seed=5)


BY_ID = {scenario.id: number for number, scenario in enumerate(PLATFORM)}

CAUSES = {
    "S06": "infrastructure/quota",
    "S07": "infrastructure/capacity",
    "S08": "infrastructure/registry",
    "S09": "infrastructure/node/wrk-",
    "S10": "infrastructure/node/wrk-",
    "S11": "infrastructure/volume/jupyterhub-db",
    "S12": "platform/openshift-api",
    "S13": "platform/openshift-api",
    "S18": "infrastructure/node/wrk-",
    "S22": "platform/openshift-api",
    "S23": "infrastructure/network",
    "S26": "infrastructure/storage",
}


@pytest.mark.parametrize("id_", sorted(CAUSES))
def test_a_fault_has_its_cause_and_somebody_is_harmed_by_it(id_: str) -> None:
    case, _, _ = _once(BY_ID[id_])
    assert case.root_cause[0].startswith(CAUSES[id_])
    assert case.affected
    assert BEGIN_S == case.start_s < case.end_s <= BEGIN_S + PLATFORM[BY_ID[id_]].needs_s


@pytest.mark.parametrize("id_", ["S06", "S07", "S08", "S23", "S26"])
def test_servers_that_do_not_start_harm_the_hub_too(id_: str) -> None:
    case, _, _ = _once(BY_ID[id_])
    assert "jupyterhub/hub" in case.affected


TELLING = {
    "S06": "exceeded quota: opf-jupyterhub-custom",
    "S07": "nodes are available",
    "S08": "notebook@sha256",
    "S10": "NodeNotReady",
    "S11": "Multi-Attach error",
    "S12": "Watching resources never recovered, giving up",
    "S13": "took too long",
    "S18": "The node was low on resource: memory",
    "S23": "failed to get pod annotation",
}


@pytest.mark.parametrize("id_", sorted(TELLING))
def test_the_programs_say_what_they_say_of_such_a_fault(id_: str) -> None:
    _, records, _ = _once(BY_ID[id_])
    assert any(TELLING[id_] in str(record.get("message")) for record in records)


def test_the_same_seed_gives_the_same_bytes() -> None:
    scenario = PLATFORM[BY_ID["S18"]]
    assert _played(scenario, 5)[2] == _once(BY_ID["S18"])[2]


def test_a_lost_machine_takes_its_pods_along() -> None:
    case, records, _ = _once(BY_ID["S10"])
    [machine] = [cause.rpartition("/")[2] for cause in case.root_cause]
    unready = {
        str(record["name"])
        for record in records
        if record.get("reason") == "NodeNotReady" and record["kind"] == "Pod"
    }
    places = {
        record["cluster_node"]
        for record in records
        if record.get("reason") == "TaintManagerEviction"
    }
    assert places == {machine}
    named = {f"jupyterhub-nb-{node.rpartition('/')[2]}" for node in case.affected}
    assert named & unready

"""Law 3 on the whole flow: what Kafka may do to it changes nothing in the incidents."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from pipeline.detect.load_pack import load_pack
from pipeline.detect.registry import detectors, longest_span_s
from pipeline.flow import Flow
from pipeline.records import Event, Log, Metric, Observation
from properties.kafka_in_memory import Cluster, arrivals, deliveries, interleaved, messages
from topology.load import load

START = datetime(2026, 3, 2, 10, tzinfo=UTC)
HUB, DB = "jupyterhub-124-x7k2p", "jupyterhub-db-1-abcde"
DISORDER_S = 110
"""Just inside the allowed lateness of 120 s."""


@pytest.fixture(scope="module")
def flow() -> Flow:
    pack = load_pack("jupyterhub")
    return Flow(
        applications=[load("jupyterhub-openshift")],
        detectors={"": detectors(pack)},
        detect_span_s=longest_span_s(pack),
    )


def outage(chance: random.Random) -> list[Observation]:
    """Return a database outage with everything that counts: quiet, trouble, recovery, a relapse."""
    told: list[Observation] = []
    for minute in [*range(25), *range(190, 196)]:
        broken = 10 <= minute < 14
        told += [_metric(minute * 60, HUB, 1), _metric(minute * 60, DB, 0 if broken else 1)]
        told.append(_log(minute * 60 + chance.uniform(0, 59), HUB, "200 GET /hub/api (@::1) 2.0ms"))
    for start in (600, chance.choice([760, 1_200, 12_000, 12_000])):
        failures = chance.randint(2, 9)
        told += [_unhealthy(start + 10 * n, n + 1, start) for n in range(failures)]
        for _ in range(chance.randint(3, 12)):
            at = start + chance.uniform(0, 150)
            told.append(
                _log(at, HUB, "Database connection error, attempting to reconnect: gone", "E")
            )
        for user in "abc":
            at = start + chance.uniform(5, 200)
            told.append(_log(at, f"jupyterhub-nb-{user}", "Error notifying Hub of activity", "E"))
    return told


def _log(at: float, pod: str, message: str, level: str = "I") -> Log:
    time = START + timedelta(seconds=round(at, 3))
    app = "JupyterHub" if pod == HUB else "SingleUserLabApp"
    line = f"[{level} {time:%Y-%m-%d %H:%M:%S}.000 {app} base:89] {message}"
    container = "jupyterhub" if pod == HUB else "notebook"
    return Log(time=time, namespace="opf", pod=pod, container=container, message=line)


def _metric(at: float, pod: str, value: float) -> Metric:
    labels = {"namespace": "opf", "pod": pod, "condition": "true"}
    time = START + timedelta(seconds=at)
    return Metric(time=time, name="kube_pod_status_ready", value=value, labels=labels)


def _unhealthy(at: float, count: int, first: float) -> Event:
    return Event(
        time=START + timedelta(seconds=at),
        namespace="opf",
        kind="Pod",
        name=DB,
        reason="Unhealthy",
        type="Warning",
        message="Readiness probe failed: connection refused",
        count=count,
        first_time=START + timedelta(seconds=first),
        source_uid=f"event-{first}",
    )


def run(flow: Flow, observations: list[Observation], seed: int) -> list[bytes]:
    """Run the observations through a cluster that is as unkind as the seed says."""
    chance = random.Random(seed)
    router = flow.router()
    kills = 0 if seed == 0 else chance.randint(0, 6)
    disorder = 0 if seed == 0 else DISORDER_S
    arriving = [
        (node, observation)
        for observation in arrivals(observations, chance, disorder)
        if (node := router.node_of(observation)) is not None
    ]
    logs = messages(arriving, flow, chance, most=chance.choice([2, 20, 300]))
    cluster = Cluster(flow, chance)
    told = cluster.run(deliveries(interleaved(logs, chance), chance, kills), kills)
    for numbers in cluster.revisions.values():
        new = list(dict.fromkeys(numbers))
        assert kills or new == sorted(numbers), "a revision came twice, or went back"
    assert cluster.received() == len(arriving), "an observation was lost, or applied twice"
    return told


@pytest.mark.parametrize("case", range(6))
def test_order_batching_and_restarts_never_matter(flow: Flow, case: int) -> None:
    observations = outage(random.Random(case))

    plain = run(flow, observations, 0)

    assert plain
    for seed in range(1, 17):
        assert run(flow, observations, 100 * case + seed) == plain, f"seed {100 * case + seed}"


def test_the_database_is_the_cause(flow: Flow) -> None:
    told = run(flow, outage(random.Random(0)), 0)

    assert b'"causes":[{"node":"jupyterhub/db"' in told[0]

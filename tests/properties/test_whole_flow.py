"""Law 3 on the whole flow: what Kafka may do to it changes nothing in the incidents."""

import json
import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from effort import tries
from pipeline.detect.coverage import Coverage
from pipeline.detect.load_pack import load_pack
from pipeline.detect.registry import NodeDetectors, longest_span_s
from pipeline.flow import Flow
from pipeline.records import SIGNALS, Event, Gap, Log, Mark, Metric, Observation
from properties.kafka_in_memory import Cluster, arrivals, deliveries, interleaved, messages
from topology.load import timelines

START = datetime(2026, 3, 2, 10, tzinfo=UTC)
HUB, DB = "jupyterhub-124-x7k2p", "jupyterhub-db-1-abcde"
DISORDER_S = 110
"""Just inside the allowed lateness of 120 s."""


@pytest.fixture(scope="module")
def flow() -> Flow:
    pack = load_pack("jupyterhub")
    return Flow(
        timelines=timelines([("jupyterhub-openshift", {})]),
        detectors={"": NodeDetectors(pack)},
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
    return told + rollout(chance)


def rollout(chance: random.Random) -> list[Observation]:
    """Return proxies that write on while a new one beside them does not come up."""
    older = ["traefik-proxy-6f9c7d8b54-2xkqp", "traefik-proxy-6f9c7d8b54-bbbbb"]
    new, version, start = "traefik-proxy-57f7d7c9d-ccccc", "traefik-proxy-57f7d7c9d", 5_760.0
    told: list[Observation] = [
        _event(
            start, "ScalingReplicaSet", f"Scaled up replica set {version} to 1", "traefik-proxy"
        ),
        _event(start + 1, "SuccessfulCreate", f"Created pod: {new}", version),
    ]
    for second in range(5_000, 6_500, 30):
        writers = older if second < start else [*older, new]
        told += [_log(second + chance.uniform(0, 20), pod, "200 GET /") for pod in writers]
    told += [
        _event(start + 30 + 40 * n, "BackOff", "Back-off restarting failed container", new)
        for n in range(9)
    ]
    return told


def _event(at: float, reason: str, message: str, name: str) -> Event:
    kinds = {"ScalingReplicaSet": "Deployment", "SuccessfulCreate": "ReplicaSet"}
    time, kind = START + timedelta(seconds=at), kinds.get(reason, "Pod")
    return Event(time=time, namespace="opf", kind=kind, name=name, reason=reason, message=message)


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


def blind_stretches(chance: random.Random) -> list[Gap]:
    """Return gaps: more than are kept one by one, some within each other, one at a silent node."""
    return [
        Gap(
            source="s",
            node=chance.choice(["jupyterhub/hub", "jupyterhub/db", "jupyterhub/culler"]),
            signal=chance.choice(SIGNALS),
            since=START + timedelta(seconds=begun),
            until=START + timedelta(seconds=begun + chance.uniform(0, 200)),
            lost=chance.choice([None, 0, 7, 1_000]),
            reason=chance.choice(["rate-limited", "not-followed"]),
            what="w",
        )
        for begun in (chance.uniform(0, 12_000) for _ in range(500))
    ]


def run(
    flow: Flow, observations: list[Observation], gaps: list[Gap], seed: int
) -> tuple[list[bytes], dict[bytes, Coverage]]:
    """Run the observations through a cluster that is as unkind as the seed says."""
    cluster, told = cluster_after(flow, observations, gaps, seed)
    return told, cluster.coverage()


def cluster_after(
    flow: Flow,
    observations: list[Observation],
    gaps: list[Gap],
    seed: int,
    *,
    later: Sequence[Mark] = (),
) -> tuple[Cluster, list[bytes]]:
    """Return such a cluster when it is done, and the incidents that its topic has."""
    chance = random.Random(seed)
    router = flow.router()
    kills = 0 if seed == 0 else chance.randint(0, 6)
    disorder = 0 if seed == 0 else DISORDER_S
    arriving = [
        (node, observation)
        for observation in arrivals(observations, chance, disorder)
        if (node := router.node_of(observation)) is not None
    ]
    logs = messages(arriving, gaps, flow, chance)
    cluster = Cluster(flow, chance, later)
    told = cluster.run(deliveries(interleaved(logs, chance), chance, kills), kills)
    for numbers in cluster.revisions.values():
        new = list(dict.fromkeys(numbers))
        assert kills or new == sorted(numbers), "a revision came twice, or went back"
    assert cluster.received() == len(arriving), "an observation was lost, or applied twice"
    return cluster, told


@pytest.mark.parametrize("case", range(6))
def test_order_batching_and_restarts_never_matter(flow: Flow, case: int) -> None:
    observations = outage(random.Random(case))

    gaps = blind_stretches(random.Random(case))

    plain, seen = run(flow, observations, gaps, 0)

    assert any(b'"change-judged"' in incident for incident in plain)
    assert any(loss.older for each in seen.values() for loss in each.gaps.values())
    for seed in range(100 * case + 1, 100 * case + 1 + tries(16)):
        assert run(flow, observations, gaps, seed) == (plain, seen), f"seed {seed}"


def test_gaps_change_no_incident(flow: Flow) -> None:
    observations = outage(random.Random(7))

    blind, _ = run(flow, observations, blind_stretches(random.Random(7)), 0)

    assert run(flow, observations, [], 0)[0] == blind


def test_the_database_is_the_cause(flow: Flow) -> None:
    told, _ = run(flow, outage(random.Random(0)), [], 0)

    assert b'"causes":[{"node":"jupyterhub/db"' in told[0]


def much_later(*hours: float) -> list[Mark]:
    times = [START + timedelta(hours=each) for each in hours]
    return [Mark(source="detect/0", time=time, feeds=("detect/0",)) for time in times]


@pytest.mark.parametrize("case", range(4))
def test_what_is_over_for_long_leaves_the_topic_whatever_happens(flow: Flow, case: int) -> None:
    """Trouble at 10 minutes, and again a little later or after three hours; kept for two hours."""
    observations = outage(random.Random(case))
    aging = replace(flow, keep_incidents_s=7_200)
    everything = [json.loads(one) for one in run(flow, observations, [], 0)[0]]
    for end in (5.25, 6):
        limit = (START + timedelta(hours=end - 2)).isoformat().replace("+00:00", "Z")
        young = [one for one in everything if one["resolved_at"] > limit]
        for seed in range(100 * case, 100 * case + tries(12)):
            later = much_later(5.1, end)
            cluster, left = cluster_after(aging, observations, [], seed, later=later)
            assert [json.loads(one) for one in left] == young, f"seed {seed}"
            assert {each.id for each in cluster.aged} >= {
                one["id"] for one in everything if one not in young
            }


def test_an_incident_that_is_kept_for_no_time_at_all_is_told_before_it_leaves(flow: Flow) -> None:
    observations = outage(random.Random(0))
    everything = [json.loads(one)["id"] for one in run(flow, observations, [], 0)[0]]
    for seed in range(tries(20)):
        fleeting = replace(flow, keep_incidents_s=0.001)
        cluster, left = cluster_after(fleeting, observations, [], seed, later=much_later(6, 7))
        assert left == []
        assert set(everything) <= cluster.revisions.keys()
        assert not [key for key in cluster.correlate_rows if b"|ended|" in key]

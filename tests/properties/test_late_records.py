"""Laws 3 and 7: what is late depends on when it comes; restarts and redelivery change nothing."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from effort import tries
from pipeline.assembly import flow_of
from pipeline.flow import Flow
from pipeline.records import FEED_OF_SIGNAL, FEEDS, Batch, Event, Log, Mark, Observation
from pipeline.settings import Settings
from properties.kafka_in_memory import Cluster, Message, deliveries

START = datetime(2026, 3, 2, 10, tzinfo=UTC)
HUB, DB, USER = "jupyterhub/hub", "jupyterhub/db", "jupyterhub/user/a"
LOST = "[E 2026-03-02 10:00:00.000 JupyterHub orm:764] Rolling back session due to database error"
FULL = 'ERROR:  could not extend file "base/1/2": No space left on device'


@pytest.fixture(scope="module")
def flow() -> Flow:
    return flow_of(Settings.model_validate({"topology": "jupyterhub-openshift"}))


def line(node: str, minute: float, message: str = LOST) -> Log:
    time = START + timedelta(minutes=minute)
    return Log(time=time, node=node, message=message, pod=node.replace("/", "-"))


def unhealthy(minute: float) -> Event:
    time = START + timedelta(minutes=minute)
    fields = {"kind": "Pod", "name": "db-1", "reason": "Unhealthy", "message": "Readiness probe"}
    return Event(time=time, node=DB, source_uid="e-1", **fields)


def late_at(minute: int) -> list[Observation]:
    """What comes in a minute of an outage of the hub that is not of this minute."""
    late: dict[int, list[Observation]] = {
        20: [line(DB, 0.05, FULL), line(HUB, 5, LOST)],  # the decisive one, and one read again
        21: [line(DB, 0.05, FULL), unhealthy(0.1), unhealthy(0.1)],  # read again, and listed twice
        50: [line(USER, 0.2, "Error notifying Hub of activity"), line(DB, 0.06, FULL)],
        200: [line(DB, 180, FULL)],  # when all is over
    }
    return late.get(minute, [])


def published() -> list[Message]:
    values: list[Batch | Mark] = []
    for minute in [*range(55), 200, 201]:
        told: list[Observation] = [line(HUB, minute)] if minute < 55 else []
        told += late_at(minute)
        values += [Batch(source="s", node=str(o.node), observations=(o,)) for o in told]
        values.append(Mark(source="s", time=START + timedelta(minutes=minute + 1), feeds=FEEDS))
    values.append(Mark(source="s", time=START + timedelta(days=1), feeds=FEEDS, final=True))
    return [
        (feed, offset, value)
        for offset, value in enumerate(values)
        for feed in (FEEDS if isinstance(value, Mark) else [FEED_OF_SIGNAL[value.signal]])
    ]


def test_restarts_and_redelivery_change_nothing_in_what_is_late(flow: Flow) -> None:
    plain = Cluster(flow, random.Random(0)).run(published())
    assert b"4 records came after the allowed lateness" in plain[0]
    assert b'"causes":[{"node":"infrastructure/volume/jupyterhub-db"' in plain[0]
    for seed in range(tries(12)):
        chance = random.Random(seed)
        told = deliveries(published(), chance, 9)
        assert Cluster(flow, chance).run(told, 9) == plain, f"seed {seed}"

"""A record that comes after the allowed lateness goes into the incident that it belongs to."""

from datetime import timedelta

import pytest

from detect_laws import at
from pipeline.assembly import flow_of
from pipeline.flow import InProcess
from pipeline.records import FEEDS, Batch, Incident, Log, Mark
from pipeline.settings import Settings

HUB = "[E 2026-03-02 10:00:00.000 JupyterHub orm:764] Rolling back session due to database error x"
FULL = 'ERROR:  could not extend file "base/1/2": No space left on device'
MINUTE = 60.0


def said(node: str, seconds: float, line: str) -> Batch:
    log = Log(time=at(seconds), node=node, message=line, pod=node.replace("/", "-"))
    return Batch(source="s", node=node, observations=(log,))


def mark(seconds: float) -> Mark:
    return Mark(source="s", time=at(seconds), feeds=tuple(FEEDS))


@pytest.fixture
def told() -> list[Incident]:
    """What is told of a hub that loses its database, whose own line comes 20 minutes late."""
    revisions: list[Incident] = []
    flow = flow_of(Settings.model_validate({"topology": "jupyterhub-openshift"}))
    core = InProcess(flow, on_revision=revisions.append)
    for minute in range(25):
        core.run([said("jupyterhub/hub", minute * MINUTE + 5, HUB), mark((minute + 1) * MINUTE)])
    core.run([said("jupyterhub/db", 2, FULL), mark(26 * MINUTE), mark(1_000 * MINUTE)])
    return revisions


def test_the_incident_says_so_and_knows_better(told: list[Incident]) -> None:
    first, last = told[0], told[-1]
    assert first.late_revision is None
    assert last.late_revision == (
        "a record came after the allowed lateness: “database cannot write, volume is full” at"
        " jupyterhub/db, of 10:00:02"
    )
    assert "jupyterhub/db" not in first.nodes
    assert "jupyterhub/db" in last.nodes
    assert last.causes[0].node in {"jupyterhub/db", "infrastructure/volume/jupyterhub-db"}
    assert timedelta(0) < first.started_at - last.started_at < timedelta(seconds=9)


def test_alone_it_opens_nothing() -> None:
    flow = flow_of(Settings.model_validate({"topology": "jupyterhub-openshift"}))
    core = InProcess(flow)
    core.run([said("jupyterhub/hub", 5, "fine"), mark(30 * MINUTE)])
    core.run([said("jupyterhub/db", 25 * MINUTE, FULL), mark(31 * MINUTE), mark(1_000 * MINUTE)])
    assert core.latest == {}

"""The hour, put together: who acts, from when to when."""

import json
from collections.abc import Iterator
from datetime import timedelta

from pipeline.demo.outage import database, ordinary
from pipeline.demo.outage.hub import Hub
from pipeline.demo.outage.metrics import Scraper
from pipeline.demo.outage.users import (
    ACTIVITY_S,
    Server,
    keep_tab_open,
    report_activity,
    visit_hub,
    work,
)
from pipeline.demo.outage.world import LENGTH, World, new_world, rfc3339, when


def recording(seed: int) -> bytes:
    """Return the recorded observations of the hour as JSON lines."""
    world = new_world(seed)
    hub = Hub(world)
    database.play(world)
    for _ in ordinary.merged(*_actors(world, hub)):
        pass  # whoever is due has acted
    return world.recorder.written().encode()


def labels(seed: int) -> bytes:
    """Return the labels of the recording: what was to blame, and when."""
    world = new_world(seed)
    outage = world.outage
    hit = (*world.users, world.newcomer)  # the absentee is gone by then
    users = sorted(user.pod.name.removeprefix("jupyterhub-nb-") for user in hit)
    start, end = when(outage.dies), when(outage.ready)
    case = {
        "id": f"database-outage-{seed}",
        "start": rfc3339(start.replace(microsecond=0)),
        "end": rfc3339(end.replace(microsecond=0) + timedelta(seconds=1)),
        "application": "jupyterhub-openshift",
        "root_cause": ["jupyterhub/db"],
        "affected": ["jupyterhub/hub", *(f"jupyterhub/user/{user}" for user in users)],
        "kind": "database-outage",
    }
    return (json.dumps({"cases": [case]}, indent=2) + "\n").encode()


def _actors(world: World, hub: Hub) -> Iterator[Iterator[float]]:
    scraper = Scraper(world, hub)
    yield ordinary.publish_routes(world, hub)
    yield ordinary.probe(world, hub)
    yield ordinary.tidy_up(world, hub)
    yield ordinary.cull(world, hub)
    yield ordinary.first_login(world, hub, 640 + world.chance.uniform(0, 30))
    yield ordinary.neighbour(world)
    yield from (scraper.containers(), scraper.states(), scraper.volumes(), scraper.service())
    yield from _users(world, hub)


def _users(world: World, hub: Hub) -> Iterator[Iterator[float]]:
    chance = world.chance
    for number, user in enumerate(world.users):
        server = Server(world, hub, user)
        yield report_activity(server, ACTIVITY_S * chance.random())
        # the hands of the first three are on the keyboard; the others' tabs are in the background
        period = 10.0 if number < 3 else 60.0  # noqa: PLR2004 - as said
        yield keep_tab_open(server, 20 * chance.random(), LENGTH, period)
        yield work(server, 0, LENGTH)
    absent = Server(world, hub, world.absentee)
    yield report_activity(absent, ACTIVITY_S * chance.random(), stop=1180)
    yield visit_hub(hub, world.users[2], 900 + chance.uniform(0, 90))
    yield visit_hub(hub, world.users[1], world.outage.dies + chance.uniform(30, 60))
    yield visit_hub(hub, world.users[1], world.outage.ready + chance.uniform(30, 90))

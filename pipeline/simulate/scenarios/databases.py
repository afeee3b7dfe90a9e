"""Interventions on the hub's database: its server, its volume, its connections."""

from collections.abc import Callable

from pipeline.simulate.cluster.model import MIB, ApiError, ApiRefusedError, ApiTimeoutError
from pipeline.simulate.jupyterhub.database import CLAIM
from pipeline.simulate.jupyterhub.hub import POOL
from pipeline.simulate.kernel import Steps
from pipeline.simulate.scenarios.bustle import bustle
from pipeline.simulate.scenarios.scenario import Case, Scenario, Stage
from pipeline.simulate.scenarios.spans import between, lasting, note_harm

DB = "jupyterhub/db"
HUB = "jupyterhub/hub"
VOLUME = "infrastructure/volume/jupyterhub-db"
_EVEN = 0.5


def start_at(stage: Stage, second: float, make: Callable[[], Steps]) -> None:
    """Have a process begin at a time."""

    def act() -> None:
        stage.kernel.start(make())

    stage.kernel.at(second, act)


def delete_pod(stage: Stage, deployment: str) -> None:
    """Have an operator delete the pod of the hub, the database or the culler."""
    name = stage.hub.pod_of(deployment)

    def delete() -> Steps:
        api = stage.cluster.api
        try:
            yield from api.delete_pod(stage.hub.namespace, name or "", timeout_s=30.0)
        except (ApiError, ApiRefusedError, ApiTimeoutError):
            return

    if name is not None:
        stage.kernel.start(delete())


def wait_until_well(stage: Stage, case: Case) -> Steps:
    """Have the case end when the database takes connections again."""
    while stage.hub.database.state != "up":
        yield stage.kernel.wait(1.0)
    case.end_s = min(stage.end_s, stage.kernel.now)


# ── S01 ──────────────────────────────────────────────────────────────────────────────────────────


def _dies(stage: Stage) -> Case:
    """The server is killed, or one of its processes is; it recovers, at once or in the end."""
    case = Case(stage.begin_s, stage.end_s, root_cause=(DB,))
    bustle(stage)
    database, chance = stage.hub.database, stage.chance
    again = [stage.begin_s]
    if chance.random() < _EVEN:
        again.append(stage.begin_s + chance.uniform(240, 420))  # what kills it comes again
    recovery_s, in_vain = chance.uniform(20, 150), chance.choice((0, 0, 1, 2))
    whole = chance.random() < 0.7  # noqa: PLR2004 - mostly all of it dies

    def die() -> None:
        database.recovery_s = recovery_s
        if whole:
            database.kills_pending = in_vain
            stage.hub.kill_database()
        else:
            database.lose_backend()

    for at in again:
        stage.kernel.at(at, die)
    start_at(stage, again[-1] + 5.0, lambda: wait_until_well(stage, case))
    return case


# ── S02 ──────────────────────────────────────────────────────────────────────────────────────────


def _hub_starts_without(stage: Stage) -> Case:
    """The database is stuck; the hub is started anew and waits for it, before or in a query."""
    case = lasting(stage, 700, 1300, [DB])
    bustle(stage)
    if stage.chance.random() < _EVEN:
        _stuck_before(stage, case)
    else:
        start_at(stage, case.start_s, lambda: _stuck_within(stage))
    if case.end_s < stage.end_s:
        stage.kernel.at(case.end_s, lambda: _restart_both(stage))
    return case


def _stuck_before(stage: Stage, case: Case) -> None:
    def stick() -> None:
        stage.hub.database.frozen = True

    stage.kernel.at(case.start_s, stick)
    restart_s = case.start_s + stage.chance.uniform(60, 180)
    stage.kernel.at(restart_s, lambda: delete_pod(stage, "jupyterhub"))


def _stuck_within(stage: Stage) -> Steps:
    """Restart the hub, and have the database stick as soon as it has been connected to."""
    hub = stage.hub
    life = hub.hub.life
    hub.kill_hub()
    while hub.hub.life <= life + 1 or hub.hub.session.server is None:
        yield stage.kernel.wait(0.25)
    hub.database.frozen = True


def _restart_both(stage: Stage) -> None:
    stage.hub.kill_database()
    if not stage.hub.hub.listening:
        delete_pod(stage, "jupyterhub")


# ── S03 ──────────────────────────────────────────────────────────────────────────────────────────


def _volume_full(stage: Stage) -> Case:
    """Segments of the log ahead are kept for an archive that does not take them."""
    case = lasting(stage, 2000, 2600, [VOLUME])
    bustle(stage)
    chance = stage.chance
    full_s = chance.uniform(500, 1100)

    def fill() -> None:
        claim = stage.cluster.storage.claim(stage.hub.namespace, CLAIM)
        claim.fill((claim.size - claim.used + 1) / full_s)

    def empty() -> None:
        claim = stage.cluster.storage.claim(stage.hub.namespace, CLAIM)
        claim.fill(0.0)
        claim.set_used(300 * MIB)

    between(stage, case, fill, empty)
    return case


# ── S04 ──────────────────────────────────────────────────────────────────────────────────────────


def _no_slots(stage: Stage) -> Case:
    """Connections are opened and never closed: by a report of somebody's, or by the hub's code."""
    bustle(stage)
    if stage.chance.random() < _EVEN:
        case = lasting(stage, 1100, 1500, [DB])
        start_at(stage, case.start_s, lambda: _take_slots(stage, case))
        return case
    case = lasting(stage, 1100, 1500, [HUB, DB])
    start_at(stage, case.start_s, lambda: _lose_connections(stage, case))
    if case.end_s < stage.end_s:
        stage.kernel.at(case.end_s, lambda: delete_pod(stage, "jupyterhub"))
    return case


def _lose_connections(stage: Stage, case: Case) -> Steps:
    """Have the hub's code lose a connection each half minute: after some eight, its pool is empty.

    However few people ask for something: the fault is to be felt, and not only its mending.
    """
    knobs = stage.hub.hub.knobs
    while stage.kernel.now < case.end_s:
        yield stage.kernel.wait(stage.chance.uniform(15, 45))
        knobs.pool_taken = min(knobs.pool_taken + 1, POOL)


def _take_slots(stage: Stage, case: Case) -> Steps:
    """Take one more slot each second or two, until there is none; give them all back at the end."""
    database, before = stage.hub.database, stage.hub.database.others
    while stage.kernel.now < case.end_s:
        database.others = min(database.others + 1, database.slots - 3)
        yield stage.kernel.wait(stage.chance.uniform(0.8, 2.2))
    database.others = before


DATABASES = (
    Scenario(
        "S01",
        "database-dies",
        "The database dies under a running hub",
        _dies,
        note_harm,
        needs_s=1800.0,
    ),
    Scenario(
        "S02",
        "hub-starts-without-database",
        "The hub starts while its database does not answer",
        _hub_starts_without,
        note_harm,
    ),
    Scenario(
        "S03",
        "database-volume-full",
        "The volume of the database fills up",
        _volume_full,
        note_harm,
        needs_s=2700.0,
    ),
    Scenario(
        "S04",
        "database-connections-exhausted",
        "No connection to the database is left",
        _no_slots,
        note_harm,
        needs_s=1700.0,
    ),
)

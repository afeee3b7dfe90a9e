"""A database that dies, hangs, fills up or has no slot left, as the hub and its users see it."""

from collections.abc import Iterator

import pytest

from pipeline.simulate.cluster.model import GIB
from pipeline.simulate.jupyterhub.database import CLAIM
from simulate.jupyterhub.worlds import World


def without_database(seed: int, recovery_s: float = 200.0) -> World:
    world = World(seed=seed, length_s=700)
    world.hub.database.recovery_s = recovery_s
    world.kernel.at(300, world.hub.kill_database)
    return world


@pytest.mark.parametrize("seed", [1, 3])
def test_while_the_database_is_dead_activity_is_refused_and_pages_fail(seed: int) -> None:
    world = without_database(seed)
    person = world.hub.people[world.absent().name]
    person.signed_in = False
    world.kernel.at(320, person.summon)
    lines = world.run().hub_lines(after=301, until=490)
    answers = [line for line in lines if "/activity" in line and "log:" in line]
    assert answers
    assert all("] 403 POST" in line for line in answers)
    assert any("] 500 GET /hub/oauth_callback" in line for line in lines)


@pytest.mark.parametrize(("seed", "status"), [(3, 500), (1, 403)])
def test_old_hubs_fail_token_checks_and_newer_ones_refuse_them(seed: int, status: int) -> None:
    world = without_database(seed).run()
    uri = ("/hub/api/authorizations/token/", "/hub/api/user ")[world.hub.wording.era > 0]
    checks = [line for line in world.hub_lines(after=310, until=490) if f"GET {uri}" in line]
    assert checks
    assert all(f"] {status} GET" in line for line in checks if "log:" in line)


def test_when_it_is_back_reports_are_taken_again() -> None:
    world = without_database(1, recovery_s=60).run()
    late = [line for line in world.hub_lines(after=450) if "/activity" in line]
    assert late
    assert all("] 200 POST" in line for line in late)


def test_the_first_question_finds_the_old_connection_closed() -> None:
    world = without_database(1).run()
    lost = [line for line in world.hub_lines() if "Database connection error" in line]
    assert len(lost) == 1
    assert "server closed the connection unexpectedly" in lost[0]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_hub_that_waits_for_its_database_is_silent(seed: int) -> None:
    world = World(seed=seed, length_s=700)

    def freeze() -> None:
        world.hub.database.frozen = True

    world.kernel.at(300, freeze)
    world.run()
    assert not world.hub_lines(after=345)
    up = world.samples("up", service="jupyterhub")
    assert {value for second, value in up if second > 345} == {0.0}
    told = list(world.lines("jupyterhub-nb-", after=345))
    assert any("Timeout during request" in line for line in told)
    assert not any("OperationalError" in line for line in told)


def test_a_stuck_database_fails_its_readiness_and_not_its_liveness() -> None:
    world = World(length_s=500)

    def freeze() -> None:
        world.hub.database.frozen = True

    world.kernel.at(300, freeze)
    unhealthy = world.run().events("Unhealthy")
    assert len(unhealthy) > 3
    assert all(message.startswith("Readiness") for _, _, message in unhealthy)


def test_a_hub_that_starts_without_its_database_waits_in_its_init_container() -> None:
    world = without_database(2, recovery_s=5000)
    world.kernel.at(310, lambda: world.cluster.rollout(world.hub.namespace, "jupyterhub"))
    lines = list(world.run().lines("jupyterhub-", after=500))
    assert sum(line.startswith("psql: ") for line in lines) > 30
    assert not world.hub.hub.listening


def test_a_full_volume_stops_the_database_at_its_next_write() -> None:
    world = World(length_s=700)
    claim = world.cluster.storage.claim(world.hub.namespace, CLAIM)
    world.kernel.at(300, lambda: claim.set_used(GIB))
    world.run()
    assert world.hub.database.state == "down"
    assert world.events("BackOff")
    assert any("No space left" in line for line in world.lines("jupyterhub-db-"))


def test_without_a_free_slot_new_connections_are_refused_and_old_ones_serve() -> None:
    world = World(length_s=300)
    database = world.hub.database
    old, new = database.open(), database.open()
    asked = []

    def ask() -> None:
        database.others = database.slots - 3
        asked.extend([database.ask(old), database.ask(new)])

    world.kernel.at(50, lambda: asked.append(database.ask(old)))
    world.kernel.at(60, ask)
    world.run()
    assert [reply.kind for reply in asked] == ["ok", "ok", "error"]
    assert "remaining connection slots are reserved" in asked[2].text


def test_a_client_whose_machine_is_gone_waits_for_fifteen_minutes() -> None:
    world = World(length_s=1300, users=4)
    database, kernel = world.hub.database, world.kernel
    session, ended = database.open(), []

    def ask() -> Iterator[object]:
        database.ask(session)
        world.cluster.lose(session.machine)
        began = kernel.now
        reply = yield from database.wait(session, write=False)
        ended.append((reply.kind, kernel.now - began))

    world.start_at(100, ask())
    world.run()
    assert ended[0][0] == "closed"
    assert 920 < ended[0][1] < 930


def test_a_hub_does_not_look_for_another_connection_while_it_waits_on_a_dead_one() -> None:
    world = World(length_s=900, users=6)

    def lose() -> None:
        machine = world.hub.database.runtime
        assert machine is not None
        if machine.machine != (world.hub.hub.runtime or machine).machine:
            world.cluster.lose(machine.machine)

    world.kernel.at(300, lose)
    world.run()
    assert world.hub.hub.loop.blocked
    assert not world.hub_lines(after=360)

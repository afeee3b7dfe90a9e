"""Which logs are followed, how far each is remembered, and what doors make of lists."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from live_fleet import HUB, ended, fleet_of, looped, pod, stamp
from live_sink import KeptSink
from pipeline import clock
from pipeline.live.cluster.api import ClusterApi
from pipeline.live.logs.fleet import Door
from pipeline.live.logs.follow import Follower
from pipeline.records import LogPosition, Placement, Positions, canonical
from topology.model import Application, MatchRule, NodeTemplate

KEY = f"ns/{HUB}/u1/main"
MANY = 10_000
MAX_RECORD = 1_000_000
"""What a broker takes by default, in bytes."""


class Idle:
    """A fleet whose followers never run."""

    def __init__(
        self, positions: dict[str, LogPosition] | None = None, *ahead: Application
    ) -> None:
        self.placements: list[Placement] = []
        self.spawned: list[Follower] = []
        self._loop = asyncio.get_running_loop()
        api = ClusterApi.__new__(ClusterApi)  # nobody asks it anything
        self.fleet = fleet_of(
            api, KeptSink(), self._spawn, self.placements, positions=positions, ahead=ahead
        )
        self.door = self.fleet.door("ns")

    def _spawn(self, follower: Follower) -> "asyncio.Task[None]":
        self.spawned.append(follower)
        return self._loop.create_task(asyncio.sleep(0))

    def known(self) -> dict[str, LogPosition]:
        """Return all positions."""
        parts = self.fleet.position_parts().values()
        return {key: position for part in parts for key, position in part.items()}


def position(restarts: int = 0, *, over: bool = False) -> LogPosition:
    """Return a position of five minutes ago."""
    through = clock.now() - timedelta(minutes=5)
    return LogPosition(through=through, recent=("0.1",), restarts=restarts, ended=over)


async def listed(door: Door, *pods: dict[str, Any]) -> None:
    """Read a whole list."""
    door.listing()
    door.page(list(pods))
    door.listed()
    await asyncio.sleep(0)


@looped
async def test_what_a_list_does_not_have_is_gone_and_what_it_has_stays() -> None:
    idle = Idle()
    await listed(idle.door, pod(), pod("jupyterhub-nb-alice"))
    await listed(idle.door, pod())
    assert list(idle.door.known) == [f"ns/{HUB}/u1"]
    assert [placed.until is None for placed in idle.placements] == [True, True, False]


@looped
async def test_a_graph_given_ahead_moves_no_pod_that_has_a_node_now() -> None:
    everything = NodeTemplate(id="next", match=(MatchRule(name=".*"),))
    since = clock.now() + timedelta(days=1)
    ahead = Application(name="jupyterhub-openshift", valid_from=since, nodes=(everything,))
    idle = Idle(None, ahead)
    await listed(idle.door, pod(), pod("newcomer"))
    assert [placed.node for placed in idle.placements] == ["jupyterhub/hub", "next"]
    assert [follower.log.node for follower in idle.spawned] == ["jupyterhub/hub", "next"]


@looped
async def test_a_pod_of_a_list_that_was_broken_off_is_known_and_may_go() -> None:
    idle = Idle()
    await listed(idle.door)
    idle.door.listing()
    idle.door.page([pod()])  # and no more
    await listed(idle.door)
    assert idle.spawned[0].gone
    assert not idle.fleet.pods


@looped
async def test_the_first_list_counts_when_it_is_whole() -> None:
    door = Idle().door
    door.listing()
    door.page([pod()])
    assert not door.first_list.is_set()
    door.listed()
    assert door.first_list.is_set()


@looped
async def test_a_deleted_pod_is_forgotten_with_all_that_was_known_of_it() -> None:
    idle = Idle()
    idle.door.changed("ADDED", pod())
    idle.door.changed("DELETED", pod(state=ended()))
    await asyncio.sleep(0.01)
    assert (idle.door.known, idle.fleet.pods, idle.fleet.followers) == ({}, {}, {})
    assert idle.fleet.machine_of("ns", HUB) is None
    assert idle.known() == {}


@looped
async def test_a_pod_without_an_identity_changes_nothing() -> None:
    idle = Idle()
    idle.door.changed("ADDED", {"metadata": {"name": "p"}})
    idle.door.changed("DELETED", {})
    assert idle.fleet.counts["unusable_pods"] == 2


@looped
async def test_a_log_that_was_read_to_its_end_is_not_read_again_after_a_restart_of_ingest() -> None:
    idle = Idle({KEY: position(over=True)})
    idle.fleet.take(pod(state=ended(), phase="Failed"))
    assert idle.spawned == []
    assert idle.known()[KEY].ended


@looped
async def test_a_container_that_begins_again_is_followed_again_from_where_it_ended() -> None:
    idle = Idle({KEY: position(over=True)})
    idle.fleet.take(pod(state=ended()))
    idle.fleet.take(pod(restarts=1, last=ended()))
    (follower,) = idle.spawned
    assert follower.drained
    assert follower.cursor.newest is not None


@looped
async def test_a_position_is_no_orphan_while_its_pod_is_there() -> None:
    other = "ns/jupyterhub-nb-bob/u9/main"
    idle = Idle({KEY: position(), other: position()})
    idle.fleet.take(pod(state={"waiting": {"reason": "ContainerCreating"}}))
    assert list(idle.fleet.orphans()) == [other]
    assert list(idle.known()) == [KEY]


@looped
async def test_a_placement_ends_after_it_began_though_clocks_differ() -> None:
    idle = Idle()
    future = pod()
    future["metadata"]["creationTimestamp"] = stamp(clock.now() + timedelta(hours=1))
    taken = idle.fleet.take(future)
    assert taken is not None
    idle.fleet.vanish(taken)
    assert idle.placements[-1].until == idle.placements[-1].since


@pytest.mark.long
@looped
async def test_ten_thousand_pods_that_have_ended_are_no_tasks_and_small_records() -> None:
    names = [f"jupyterhub-nb-user{number}" for number in range(MANY)]
    uid = "0b9d5f6e-4c1e-4a8e-9a54-1f8ad1b0c3d2"
    known = {f"ns/{name}/{uid}/main": position(over=True) for name in names}
    idle = Idle(known)
    for name in names:
        idle.fleet.take(pod(name, uid, state=ended(), phase="Succeeded"))
    parts = idle.fleet.position_parts()
    assert idle.spawned == []
    assert sum(len(part) for part in parts.values()) == MANY
    for name, part in parts.items():
        record = canonical(Positions(source="ingest-0", part=name, containers=part))
        assert len(record) < MAX_RECORD / 5


@looped
async def test_a_position_is_in_the_new_part_before_it_leaves_the_old_one() -> None:
    kinds = [name.partition("/")[0] for name in Idle().fleet.position_parts()]
    assert kinds == sorted(kinds)
    assert kinds[0] == "ended"

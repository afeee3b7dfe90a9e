"""Leases on a real API server: at most one holder, and soon another when one is gone."""

import asyncio
from contextlib import suppress

import pytest

from pipeline.live.cluster.api import ClusterApi
from pipeline.live.cluster.lease import DURATION_S, Lease
from pipeline.settings_ingest import ClusterSettings
from servers.control_plane import ControlPlane


@pytest.fixture
def cluster(control_plane: ControlPlane, namespace: str, tenant_token: str) -> ClusterSettings:
    """A cluster, under the shipped Role."""
    return ClusterSettings(kubeconfig=control_plane.kubeconfig(tenant_token, name=namespace))


async def forever() -> None:
    await asyncio.Event().wait()


async def held(lease: Lease, within_s: float) -> None:
    async with asyncio.timeout(within_s):
        while not lease.held:
            await asyncio.sleep(0.05)


async def ended(task: "asyncio.Task[None]") -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def test_one_holds_it_and_the_next_has_it_as_soon_as_it_is_given_back(
    cluster: ClusterSettings, namespace: str
) -> None:
    async def story() -> None:
        async with ClusterApi(cluster) as api:
            one, two = (
                Lease(api=api, namespace=namespace, name="metrics", holder=f"p{n}") for n in (1, 2)
            )
            first = asyncio.create_task(one.run(forever))
            await held(one, 5)
            second = asyncio.create_task(two.run(forever))
            await asyncio.sleep(2)
            assert not two.held
            await ended(first)
            await one.release()
            await held(two, DURATION_S - 5)
            await ended(second)

    asyncio.run(story())


@pytest.mark.parametrize(("mine", "free"), [(2, True), (3, False)])
def test_a_shard_waits_while_others_share_the_work_in_another_number(
    cluster: ClusterSettings, namespace: str, mine: int, *, free: bool
) -> None:
    async def story() -> None:
        async with ClusterApi(cluster) as api:
            other = Lease(api=api, namespace=namespace, name="i-0", holder="a", peers=2)
            ours = Lease(api=api, namespace=namespace, name="i-1", holder="b", peers=mine)
            running = [asyncio.create_task(other.run(forever))]
            await held(other, 5)
            running.append(asyncio.create_task(ours.run(forever)))
            await asyncio.sleep(2)
            assert ours.held == free
            for task in running:
                await ended(task)

    asyncio.run(story())


def test_work_stops_when_the_lease_cannot_be_renewed(
    cluster: ClusterSettings, namespace: str, control_plane: ControlPlane
) -> None:
    async def story() -> None:
        stopped = asyncio.Event()

        async def work() -> None:
            try:
                await forever()
            finally:
                stopped.set()

        async with ClusterApi(cluster) as api:
            lease = Lease(api=api, namespace=namespace, name="events", holder="a")
            task = asyncio.create_task(lease.run(work))
            await held(lease, 5)
            control_plane.kill_api()
            await asyncio.wait_for(stopped.wait(), DURATION_S + 10)
            await ended(task)

    asyncio.run(story())

"""Watches of a real API server: every update once, through expiry, compaction and refusals."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from live_sink import KeptSink
from pipeline.errors import AftershockError, BrokenWorld
from pipeline.ingest.route import Router
from pipeline.live.cluster.access import check_access
from pipeline.live.cluster.api import ClusterApi
from pipeline.live.cluster.watch import Watch
from pipeline.live.events import Events
from pipeline.settings_ingest import ClusterSettings
from servers.cluster_objects import EventOf
from servers.control_plane import ControlPlane
from servers.throttling import throttled
from topology.load import load
from topology.versions import Timeline

HUB = "jupyterhub-124-x7k2p"


class EventSite:
    """A watch of the events of one namespace, which may be run again and again."""

    def __init__(self, kubeconfig: Path, namespace: str) -> None:
        self.cluster = ClusterSettings(kubeconfig=kubeconfig)
        self.path = f"/api/v1/namespaces/{namespace}/events"
        self.sink = KeptSink()
        self.missed: list[float] = []
        self.troubles: list[str] = []
        router = Router([Timeline.of([load("jupyterhub-openshift", {})])])
        self.events = Events(
            sink=self.sink,
            router=router,
            machine_of=lambda _namespace, _pod: None,
            on_missed=self.missed.append,
        )
        self.watch: Watch | None = None

    async def read(self, fact: Callable[[], bool], within_s: float = 20) -> None:
        """Watch until something holds."""
        async with ClusterApi(self.cluster) as api:
            if self.watch is None:
                self.watch = Watch(
                    api=api,
                    path=self.path,
                    handler=self.events,
                    timeout_s=60,
                    on_trouble=lambda trouble: self.troubles.extend([trouble] if trouble else []),
                )
            self.watch.api = api
            task = asyncio.create_task(self.watch.run())
            async with asyncio.timeout(within_s):
                while not fact():
                    assert not task.done()
                    await asyncio.sleep(0.05)
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    def counts(self) -> list[tuple[str, int]]:
        """Return what was seen, as (reason, count)."""
        return [(event.reason, event.count) for event in self.sink.events()]


@pytest.fixture
def site(control_plane: ControlPlane, namespace: str, tenant_token: str) -> EventSite:
    """A watch under the shipped Role."""
    return EventSite(control_plane.kubeconfig(tenant_token, name=namespace), namespace)


def unhealthy(namespace: str, name: str = "e1") -> EventOf:
    """An event of the hub."""
    return EventOf(namespace, name, HUB, "Unhealthy", "Readiness probe failed")


def test_every_update_of_an_event_is_one_occurrence(
    site: EventSite, control_plane: ControlPlane, namespace: str
) -> None:
    admin, event = control_plane.admin, unhealthy(namespace)
    admin.event(event)

    async def story() -> None:
        await site.read(lambda: len(site.counts()) == 1)
        admin.event_again(event, count=2)
        admin.event_again(event, count=3)
        await site.read(lambda: len(site.counts()) == 3)

    asyncio.run(story())
    assert site.counts() == [("Unhealthy", 1), ("Unhealthy", 2), ("Unhealthy", 3)]


def test_an_event_of_the_new_kind_is_read_with_its_series(
    site: EventSite, control_plane: ControlPlane, namespace: str
) -> None:
    admin, event = control_plane.admin, unhealthy(namespace)
    admin.new_event(event)
    admin.new_event_again(event, count=5)
    asyncio.run(site.read(lambda: bool(site.counts())))
    assert site.counts() == [("Unhealthy", 5)]


def test_after_compaction_all_is_listed_anew_and_nothing_comes_twice(
    site: EventSite, control_plane: ControlPlane, namespace: str
) -> None:
    admin = control_plane.admin
    admin.event(unhealthy(namespace))

    async def story() -> None:
        await site.read(lambda: len(site.counts()) == 1)
        admin.event(unhealthy(namespace, "e2"))
        admin.event_again(unhealthy(namespace), count=4)
        control_plane.compact()
        await site.read(lambda: len(site.counts()) == 3)

    asyncio.run(story())
    assert sorted(site.counts()) == [("Unhealthy", 1), ("Unhealthy", 1), ("Unhealthy", 4)]
    assert site.watch is not None
    assert site.watch.relists == 2
    assert len(site.missed) == 1


def test_what_was_published_before_a_restart_is_passed_over(
    site: EventSite, control_plane: ControlPlane, namespace: str, tenant_token: str
) -> None:
    event = unhealthy(namespace)
    uid = control_plane.admin.event(event)["metadata"]["uid"]
    control_plane.admin.event_again(event, count=3)
    site.events.seen[uid] = 2
    asyncio.run(site.read(lambda: bool(site.counts())))
    control_plane.admin.event_again(event, count=3)
    again = EventSite(control_plane.kubeconfig(tenant_token, name=namespace), namespace)
    again.events.seen.update(site.events.seen)
    asyncio.run(again.read(lambda: again.events.counts["duplicate"] > 0))
    assert (site.counts(), again.counts()) == ([("Unhealthy", 3)], [])


def test_a_server_that_asks_for_patience_gets_it(
    site: EventSite, control_plane: ControlPlane, namespace: str, tenant_token: str
) -> None:
    client = control_plane.client(tenant_token)
    with throttled(control_plane.admin, client, namespace, "aftershock-ingest"):
        asyncio.run(site.read(lambda: any("429" in trouble for trouble in site.troubles)))
    client.close()
    control_plane.admin.event(unhealthy(namespace))
    asyncio.run(site.read(lambda: bool(site.counts()), within_s=60))


def access(control_plane: ControlPlane, token: str, path: str) -> None:
    """Check access as the role does at its start."""

    async def story() -> None:
        kubeconfig = control_plane.kubeconfig(token, name="checked")
        async with ClusterApi(ClusterSettings(kubeconfig=kubeconfig)) as api:
            await check_access(api, {path: "pods"})

    asyncio.run(story())


def test_a_token_that_has_expired_is_one_clear_line(
    control_plane: ControlPlane, namespace: str, tenant_token: str
) -> None:
    del tenant_token  # its account is what counts
    expired = control_plane.token_for(namespace, "aftershock-ingest", seconds=-120)
    with pytest.raises(AftershockError, match="does not accept our token"):
        access(control_plane, expired, f"/api/v1/namespaces/{namespace}/pods")


def test_what_we_may_not_list_is_one_clear_line_with_what_to_do(
    control_plane: ControlPlane, tenant_token: str
) -> None:
    with pytest.raises(AftershockError, match=r"pods may not be listed .*ingest-rbac\.yaml"):
        access(control_plane, tenant_token, "/api/v1/pods")


def test_no_server_is_one_clear_line(control_plane: ControlPlane, tenant_token: str) -> None:
    control_plane.kill_api()
    with pytest.raises(BrokenWorld, match=r"pods: https://"):
        access(control_plane, tenant_token, "/api/v1/pods")

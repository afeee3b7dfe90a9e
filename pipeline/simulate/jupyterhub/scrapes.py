"""Prometheus and the prober from outside: each minute they ask the hub, without its database."""

from collections.abc import Iterator

from pipeline.simulate.jupyterhub.counters import Exposed
from pipeline.simulate.jupyterhub.handlers import Handlers
from pipeline.simulate.jupyterhub.http import Answer, Request
from pipeline.simulate.jupyterhub.hub import Hub
from pipeline.simulate.jupyterhub.scene import HUB, Scene

PROMETHEUS = "::ffff:10.129.6.124"
PROBER = "::ffff:10.128.0.9"
_EXPORTERS = 0.3
"""Share of deployments with an exporter beside their database."""


class Scrapes:
    """What asks the hub each minute."""

    def __init__(self, scene: Scene, hub: Hub, handlers: Handlers) -> None:
        self._scene, self._hub, self._handlers = scene, hub, handlers

    def add(self, labels: dict[str, str]) -> None:
        """Have Prometheus scrape the hub's pods, and a prober ask for its page."""
        namespace = self._scene.namespace
        prometheus = self._scene.cluster.prometheus
        own = {"namespace": namespace, "service": "jupyterhub"}
        chosen = {"deploymentconfig": labels["deploymentconfig"]}
        prometheus.add_target("jupyterhub", own, (namespace, chosen), self._expose, self._answers)
        if self._scene.kernel.chance("exporter").random() < _EXPORTERS:
            own = {"namespace": namespace, "service": "jupyterhub-db"}
            job = "postgres-exporter"
            prometheus.add_target(job, own, None, self._expose_database, lambda: True)
        instance = {"instance": f"https://jupyterhub-{namespace}.apps.example.com/"}
        prometheus.add_target("blackbox", instance, None, self._probe, lambda: True)

    def _expose_database(self) -> Iterator[Exposed]:
        """Tell of the database, as an exporter beside it does that some have."""
        database = self._hub.database
        up = database.state == "up" and not database.frozen
        yield "pg_up", {}, int(up), False
        if up:
            yield "pg_stat_activity_count", {"datname": "jupyterhub"}, database.connections, False
            yield "pg_settings_max_connections", {}, database.slots, False

    def _answers(self) -> bool:
        if self._hub.deaf or not self._hub.proxy.running:
            self._scene.hit(HUB)
            return False
        return True

    def _expose(self) -> Iterator[Exposed]:
        waited = self._hub.loop.backlog_s
        self._access("/metrics", PROMETHEUS, Answer(302, "/hub/metrics"), waited)
        self._access("/hub/metrics", PROMETHEUS, Answer(200), waited + 0.006)
        self._hub.counters.request("GET", "metrics", 200, waited + 0.007)
        yield from self._hub.counters.expose()

    def _probe(self) -> Iterator[Exposed]:
        if not self._answers():
            yield "probe_success", {}, 0.0, False
            return
        waited = self._hub.loop.backlog_s
        self._access("/", PROBER, Answer(302, "/hub/"), waited)
        self._access("/hub/", PROBER, Answer(302, "/hub/login"), waited)
        self._access("/hub/login", PROBER, Answer(200), waited + 0.003)
        yield "probe_success", {}, 1.0, False
        yield "probe_duration_seconds", {}, 3 * waited + 0.09, False

    def _access(self, uri: str, ip: str, answer: Answer, seconds: float) -> None:
        self._handlers.access(Request("login", "GET", uri, ip=ip), answer, "", seconds)

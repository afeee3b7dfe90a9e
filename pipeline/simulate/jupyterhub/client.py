"""How others reach the hub: within the cluster by its service, from outside through the proxy."""

from pipeline.simulate.jupyterhub.handlers import Handlers
from pipeline.simulate.jupyterhub.http import Answer, HttpError, Kind, Request, within
from pipeline.simulate.jupyterhub.hub import POOL, Hub
from pipeline.simulate.jupyterhub.scene import HUB, PROXY
from pipeline.simulate.kernel import Steps

CLIENT_S = 20.0
"""Patience of Tornado's client: servers and services give up on the hub after that."""
ROUTER_S = 30.0
"""Patience of the cluster's router, on behalf of browsers."""
_LABELS = {"deploymentconfig": "jupyterhub"}
_QUICK = frozenset({"activity", "token", "page", "login", "version", "users", "stray"})


class Client:
    """Asks the hub."""

    def __init__(self, hub: Hub, handlers: Handlers) -> None:
        self._hub, self._handlers = hub, handlers

    def call(self, request: Request, *, patience_s: float = CLIENT_S) -> Steps:
        """Ask the hub's API within the cluster; return its ``Answer``.

        Raises:
            HttpError: there is none.
        """
        hub = self._hub
        trouble = self._unreachable()
        if trouble is not None:
            yield hub.kernel.wait(patience_s if trouble == "timeout" else 0.002)
            hub.scene.hit(HUB)
            raise HttpError(trouble)
        if request.handler in _QUICK and self._is_quick():
            return (yield from self._handlers.serve(request))
        try:
            return (yield from within(hub.kernel, self._handlers.serve(request), patience_s))
        except HttpError:
            hub.scene.hit(HUB)
            raise

    def browse(self, request: Request) -> Steps:
        """Ask for a page from outside; return an ``Answer``.

        It is 503 or 504, from the router, when there is no other.
        """
        if not self._hub.proxy.running:
            yield self._hub.kernel.wait(0.01)
            self._hub.scene.hit(PROXY)
            return Answer(503)
        try:
            return (yield from self.call(request, patience_s=ROUTER_S))
        except HttpError as trouble:
            return Answer(504 if trouble.kind == "timeout" else 503)

    def reach_server(self, name: str, path: str) -> Steps:
        """Ask for something of a user's server from outside.

        Returns:
            None when the proxy hands it to the server, which answers; else the ``Answer``.
        """
        hub = self._hub
        server = hub.servers[name]
        if not hub.proxy.running or self._lost():
            yield hub.kernel.wait(0.01)
            hub.scene.hit(PROXY)
            return Answer(503)
        target = hub.proxy.routes.get(server.user.path)
        if target is None:
            return (yield from self._suspected(name, path))
        trouble = server.user.trouble()
        if trouble is None and server.user.ip is not None and server.user.ip not in target:
            trouble = HttpError("unreachable")  # the route leads to where the server was
        if trouble is None:
            return None
        if trouble.kind == "timeout":
            yield hub.kernel.wait(ROUTER_S)
        return (yield from hub.proxy.failed(path, trouble, target))

    def _suspected(self, name: str, path: str) -> Steps:
        """Go to the hub by the default route: it knows of no such server that runs."""
        hub = self._hub
        if hub.deaf:
            yield hub.kernel.wait(ROUTER_S if hub.listening else 0.01)
            hub.scene.hit(HUB)
            return Answer(504 if hub.listening else 503)
        life = hub.life
        yield from hub.loop.turn(0.003)
        if life != hub.life or not hub.listening:
            return Answer(503)
        user = hub.servers[name].user
        nobody = Request("page", "GET", path, ip=user.address)
        self._handlers.access(nobody, Answer(302, f"/hub{path}"), "", 0.001)
        told = f"Failing suspected API request to not-running server: /hub{path}"
        hub.line("W", "suspected", told)
        asked = Request("page", "GET", f"/hub{path}", ip=user.address)
        self._handlers.access(asked, Answer(503), name, 0.009)
        return Answer(503)

    def _lost(self) -> bool:
        runtime = self._hub.runtime
        return runtime is None or not self._hub.scene.cluster.reachable(runtime.ip)

    def _unreachable(self) -> Kind | None:
        hub, runtime = self._hub, self._hub.runtime
        if runtime is not None and hub.scene.cluster.machines[runtime.machine].lost:
            # until the pod counts as not ready, the service still leads there
            behind = hub.scene.cluster.ready_pods(hub.scene.namespace, _LABELS)
            return "timeout" if behind else "refused"
        if not hub.listening:
            return "refused"
        return "timeout" if self._lost() else None

    def _is_quick(self) -> bool:
        """Whether the hub answers so soon that nobody's patience matters."""
        hub = self._hub
        return (
            not hub.loop.blocked
            and hub.loop.backlog_s < 1.0
            and hub.knobs.pool_taken < POOL
            and not hub.database.silent_for(hub.session)
        )

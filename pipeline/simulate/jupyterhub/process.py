"""The hub's process in its container: how it starts, its regular jobs, how it ends.

At start it asks the API which address it has, and cannot do without; then the database. While
that keeps it waiting it says nothing at all.
"""

import simpy

from pipeline.simulate.cluster.model import (
    MIB,
    ApiError,
    ApiRefusedError,
    ApiTimeoutError,
    Runtime,
    Stop,
)
from pipeline.simulate.jupyterhub.http import Answer, HttpError
from pipeline.simulate.jupyterhub.hub import Hub, Server
from pipeline.simulate.jupyterhub.scene import HUB, about, print_to
from pipeline.simulate.jupyterhub.servers import Servers
from pipeline.simulate.jupyterhub.tracebacks import database_traceback, frame
from pipeline.simulate.kernel import Steps

PUBLISH_S = 5.0
CHECK_PROXY_S = 5.0
JOB_S = 300.0
INIT_SPAWNERS_S = 10.0


class HubProcess:
    """What the container of the hub runs."""

    def __init__(self, hub: Hub, servers: Servers) -> None:
        self._hub, self._servers = hub, servers
        self._kernel = hub.kernel
        self._chance = hub.kernel.chance("hub", "jobs")
        self._published = ""

    def program(self, runtime: Runtime) -> Steps:
        """Run until told to stop, or until something ends it."""
        hub = self._hub
        hub.life += 1
        hub.runtime, hub.exited = runtime, self._kernel.env.event()
        hub.loop.renew()
        runtime.memory_bytes = (185 + 0.9 * len(hub.servers)) * MIB
        runtime.cpu_cores = 0.9 if self._kernel.now > 0 else 0.05
        try:
            code = yield from self._start(runtime)
            if code is None:
                code = yield hub.exited
        except simpy.Interrupt as interrupt:
            code = yield from self._stop(interrupt.cause)
        finally:
            self._end()
        return code

    def _stop(self, cause: object) -> Steps:
        hub = self._hub
        if isinstance(cause, Stop) and cause.signal == 9:  # noqa: PLR2004 - SIGKILL
            return 137
        hub.line("C", "signal", "Received signal SIGTERM, initiating shutdown...")
        hub.listening = False
        try:
            yield self._kernel.wait(1.5)
        except simpy.Interrupt:
            return 137
        return 0

    def _end(self) -> None:
        hub = self._hub
        hub.life += 1
        hub.listening = False
        hub.proxy.end()
        hub.loop.renew()
        hub.session.server = None
        hub.refreshed.clear()
        hub.failures = hub.knobs.pool_taken = 0
        for server in hub.servers.values():
            server.pending, server.failed, server.polling = None, None, False

    # ── start ────────────────────────────────────────────────────────────────────────────────

    def _start(self, runtime: Runtime) -> Steps:
        """Start; return an exit code when that fails."""
        hub = self._hub
        if self._kernel.now > 0:
            hub.renew()
            code = yield from self._come_up(runtime)
            if code is not None:
                return code
        else:
            hub.counters.adopt(self._chance)
            hub.proxy.adopt(runtime)
            self._adopt()
        hub.listening = True
        for job in (self._publish, self._look_after, self._look_after_proxy):
            runtime.start(job(runtime))
        if self._kernel.now == 0:
            runtime.start(hub.reflector.run(runtime, quiet=True))
            runtime.start(self._jobs(self._chance.uniform(5, JOB_S)))
        return None

    def _adopt(self) -> None:
        """Know already, when time begins, what runs."""
        hub = self._hub
        pods = {}
        for server in hub.servers.values():
            pod = hub.scene.cluster.pod(hub.scene.namespace, server.user.pod_name)
            if pod is not None and server.ip is not None:
                pods[pod.name] = pod
                hub.proxy.routes[server.user.path] = server.target
        hub.reflector.adopt(pods)

    def _come_up(self, runtime: Runtime) -> Steps:
        began = self._kernel.now
        print_to(runtime, "---> Running application from script (app.sh) ...")
        yield self._kernel.wait(1.2 * runtime.slowness())
        print_to(runtime, "+ exec jupyterhub -f /opt/app-root/etc/jupyterhub_config.py")
        yield self._kernel.wait(2.8 * runtime.slowness())
        for step in (self._configure, self._connect):
            code = yield from step(runtime)
            if code is not None:
                return code
        yield from self._init_spawners(runtime)
        yield from self._open(runtime)
        self._hub.counters.observe("hub_startup_duration_seconds", self._kernel.now - began)
        return None

    def _configure(self, runtime: Runtime) -> Steps:
        """Read the configuration, which asks the API for the route's host name."""
        hub, api = self._hub, self._hub.scene.cluster.api
        trouble = hub.knobs.broken_config
        if trouble is None:
            try:
                yield from api.list_pods(hub.scene.namespace, timeout_s=60.0)
            except (ApiRefusedError, ApiTimeoutError, ApiError):
                trouble = "RuntimeError: Cannot calculate external host name for JupyterHub."
        if trouble is not None:
            hub.scene.hit(HUB)
            print_to(
                runtime,
                "Traceback (most recent call last):\n"
                '  File "/opt/app-root/etc/jupyterhub_config.py", line 112, in <module>\n'
                f"    public_hostname = resolve_public_hostname()\n{trouble}",
            )
            return 1
        return None

    def _connect(self, runtime: Runtime) -> Steps:
        """Connect to the database."""
        hub, wording = self._hub, self._hub.scene.wording
        hub.line("I", "version", f"Running JupyterHub version {wording.hub_version}")
        authenticator = "oauthenticator.openshift.OpenShiftOAuthenticator"
        for told in (
            f"Authenticator: {authenticator}",
            f"Spawner: kubespawner.spawner.KubeSpawner-{wording.spawner_version}",
            f"Proxy: jupyterhub.proxy.ConfigurableHTTPProxy-{wording.hub_version}",
        ):
            hub.line("I", "using", f"Using {told}")
        error = yield from hub.query()
        if error is None:
            hub.line(
                "W", "anybody", "Not using allowed_users. Any authenticated user will be allowed."
            )
            # tables are read one by one; a database that stops here leaves the hub silent
            yield self._kernel.wait(1.4 * runtime.slowness())
            error = yield from hub.query(write=True)
        if error is None:
            return None
        hub.scene.hit(HUB)
        url = "postgresql://jupyterhub:[redacted]@jupyterhub-db:5432/jupyterhub"
        hub.line("E", "db-failed", f"Failed to connect to db: {url}")
        failed = frame(
            wording,
            ("jupyterhub/app.py", 1700),
            "init_db",
            "dbutil.upgrade_if_needed(self.db_url, log=self.log)",
        )
        print_to(runtime, database_traceback(wording, error, failed))
        return 1

    def _init_spawners(self, runtime: Runtime) -> Steps:
        hub, began = self._hub, self._kernel.now
        running = [server for server in hub.servers.values() if server.ip is not None]
        runtime.start(hub.reflector.run(runtime))
        waited = self._kernel.wait(INIT_SPAWNERS_S)
        yield hub.reflector.loaded | waited
        if not hub.reflector.loaded.triggered:
            told = f"init_spawners did not complete within {INIT_SPAWNERS_S:.0f} seconds. "
            hub.line("W", "slow-init", f"{told}Allowing to complete in the background.")
            return
        yield self._kernel.wait(0.012 * len(running))
        for server in running:
            self._init_spawner(server)
        took = self._kernel.now - began
        if running or hub.scene.wording.era == 0:
            told = f"Initialized {len(running)} spawners in {took:.3f} seconds"
            hub.line("I", "initialized", told)
        hub.counters.observe("init_spawners_duration_seconds", took)

    def _init_spawner(self, server: Server) -> None:
        hub, user = self._hub, server.user
        if user.name in hub.knobs.believes:
            return
        if server.spawner.poll() is not None:
            told = f"{user.name} appears to have stopped while the Hub was down"
            hub.line("W", "gone", told)
            server.ip = None
        elif user.trouble() is not None:
            told = f"{user.name} does not appear to be running at {server.target}{user.path}/, "
            hub.line("E", "not-there", f"{told}shutting it down.")
            self._servers.stop(server)

    def _open(self, runtime: Runtime) -> Steps:
        """Start the proxy, listen, and give the proxy its routes."""
        hub = self._hub
        told = "Running JupyterHub without SSL."
        hint = "  I hope there is SSL termination happening somewhere else..."
        hub.line("W", "no-ssl", told + hint)
        hub.line("I", "proxy-start", "Starting proxy @ http://:8080")
        yield from hub.proxy.start(runtime)
        hub.line("I", "listening", "Hub API listening on http://0.0.0.0:8081/hub/")
        hub.listening = True
        self._check_routes()
        hub.line("I", "running", "JupyterHub is now running at http://:8080")
        runtime.start(self._jobs(JOB_S))

    # ── regular jobs ─────────────────────────────────────────────────────────────────────────

    def _jobs(self, first_s: float) -> Steps:
        """Every five minutes: compare routes, and write down who was active."""
        hub = self._hub
        yield self._kernel.wait(first_s)
        while True:
            yield from hub.loop.turn(0.02 + 0.0004 * len(hub.servers))
            try:
                self._check_routes()
                yield from self._update_activity()
            except HttpError:
                self._callback_failed(
                    "check_routes",
                    "tornado.curl_httpclient.CurlError: HTTP 599: Failed to "
                    "connect to 127.0.0.1 port 8082: Connection refused",
                )
            yield self._kernel.wait(JOB_S)

    def _update_activity(self) -> Steps:
        hub, wording = self._hub, self._hub.scene.wording
        hub.proxy.listed()
        error = yield from hub.query(write=True)
        if error is not None:
            hub.scene.hit(HUB)
            failed = frame(
                wording,
                ("jupyterhub/app.py", 2671),
                "update_last_activity",
                "user = orm.User.find(self.db, route_data['user'])",
            )
            self._callback_failed(
                "update_last_activity", database_traceback(wording, error, failed)
            )

    def _callback_failed(self, job: str, trace: str) -> None:
        bound = f"<bound method JupyterHub.{job} of <jupyterhub.app.JupyterHub object>>"
        self._hub.line("E", "callback", f"Exception in callback {bound}\n{trace}")

    def _check_routes(self) -> None:
        """Add the routes that the proxy lacks, and remove those of servers that are no more.

        Raises:
            HttpError: the proxy does not run.
        """
        hub = self._hub
        routes = hub.proxy.listed()
        if hub.scene.wording.era == 0:
            hub.line("I", "checked", "Checking routes")
        wanted = {"/"}
        for server in hub.servers.values():
            if server.ip is None or server.pending == "stop":
                continue
            wanted.add(server.user.path)
            if server.user.path not in routes:
                told = f"Adding missing route for {server.user.path}/ ({server.shown})"
                hub.line("W", "route-missing", told)
                hub.proxy.add(server.user.path, server.target)
        for path in routes:
            if path not in wanted:
                hub.line("W", "route-stale", f"Deleting stale route {path}/")
                hub.proxy.remove(path)
        hub.counters.observe("check_routes_duration_seconds", about(self._chance, 0.03))

    def _look_after_proxy(self, runtime: Runtime) -> Steps:
        """Every 5 s: has the child ended? Then another is started, and given all routes."""
        hub = self._hub
        while True:
            yield self._kernel.wait(CHECK_PROXY_S)
            if hub.proxy.running or not hub.listening:
                continue
            yield from hub.loop.turn(0.01)
            told = f"Proxy stopped with exit code {hub.proxy.exit_code}"
            hub.line("E", "proxy-stopped", told)
            hub.line("I", "proxy-start", "Starting proxy @ http://:8080")
            yield from hub.proxy.start(runtime)
            try:
                self._check_routes()
            except HttpError:
                continue  # it ended again; the next look will find that

    def _look_after(self, runtime: Runtime) -> Steps:
        """Use processor and memory as the load is; here the kubelet's view comes from."""
        hub, busy = self._hub, self._hub.loop.busy_s
        leaked = 0.0
        while True:
            yield self._kernel.wait(15.0)
            spent, busy = hub.loop.busy_s - busy, hub.loop.busy_s
            runtime.cpu_cores = min(1.0, spent / 15.0 + 0.03)
            leaked += hub.knobs.leak_bytes_s * 15.0
            servers = sum(server.ip is not None for server in hub.servers.values())
            runtime.memory_bytes = (185 + 1.1 * servers) * MIB * about(
                self._chance, 1, 0.01
            ) + leaked

    def _publish(self, runtime: Runtime) -> Steps:
        """Every 5 s a service beside the hub publishes routes; nearly all of the log is its."""
        while True:
            yield self._kernel.wait(PUBLISH_S)
            server = self._shown()
            if self._hub.deaf:
                continue  # it asks the hub for the servers, and waits for the answer
            if server is None or not self._hub.proxy.running:
                continue
            host, path = f"{server.ip}:8080", server.user.path
            rest = "path='', params='', query='', fragment=''"
            print_to(
                runtime,
                f"ParseResult(scheme='http', netloc='{host}', {rest})\n"
                f"http://{server.ip}:9090!=http://{host}\n{path}/public",
            )
            self._hub.proxy.say(f"201 POST /api/routes{path}/public")

    def _shown(self) -> Server | None:
        """Return the server whose notebooks are public: one user uses that."""
        found = self._hub.servers.get(self._published)
        if found is None or found.ip is None:
            running = (one for one in self._hub.servers.values() if one.ip is not None)
            found = next(running, None)
            self._published = "" if found is None else found.user.name
        return found


class ErrorPage:
    """The hub's page for an error of the proxy."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def serve(self, status: int, path: str) -> Steps:
        """Answer the proxy.

        Raises:
            HttpError: the hub does not.
        """
        hub = self._hub
        life = hub.life
        if not hub.listening:
            raise HttpError("refused")
        yield from hub.loop.turn(0.004)
        hub.alive(life)
        uri = f"/hub/error/{status}?url={path.replace('/', '%2F')}"
        told = f"{status} GET {uri} (@127.0.0.1) {1000 * about(hub.chance, 0.004):.2f}ms"
        hub.line("E", "access", told)
        hub.counters.request("GET", "error", status, 0.004)
        return Answer(status)

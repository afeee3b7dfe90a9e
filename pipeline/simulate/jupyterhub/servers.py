"""What the hub does with users' servers: spawn, add to the proxy, poll, stop.

The hub's timers: 10 s until it says that something is slow, 600 s for a start and again for the
server's HTTP, a poll each 30 s.
"""

from simpy import Event

from pipeline.simulate.jupyterhub.http import HttpError
from pipeline.simulate.jupyterhub.hub import Hub, Server
from pipeline.simulate.jupyterhub.kubespawner import START_TIMEOUT_S, SpawnError
from pipeline.simulate.jupyterhub.scene import HUB, about
from pipeline.simulate.kernel import Steps

SLOW_S = 10.0
HTTP_TIMEOUT_S = 600.0
PROXY_PATIENCE_S = 30.0
STOP_TIMEOUT_S = START_TIMEOUT_S
"""KubeSpawner gives pods as long to go as to come."""


class Servers:
    """Spawning and stopping, as the hub's handlers and jobs ask for it."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        hub.ended = self._poll_soon

    # ── spawn ────────────────────────────────────────────────────────────────────────────────

    def spawn(self, server: Server) -> Event:
        """Begin to spawn; return what to yield for its end."""
        hub = self._hub
        server.pending, server.failed, server.responding = "spawn", None, False
        runtime = hub.runtime
        done = hub.kernel.env.event()
        if runtime is not None:
            runtime.start(self._spawn(server, done))
            runtime.start(self._tell_slow(server, done))
        return done

    def _tell_slow(self, server: Server, done: Event) -> Steps:
        hub = self._hub
        yield done | hub.kernel.wait(SLOW_S)
        if done.triggered:
            return
        what, told = "slow-start", "start"
        if server.responding:
            what, told = "slow-respond", "become responsive"
        hub.line("W", what, f"User {server.user.name} is slow to {told} (timeout={SLOW_S:.0f})")

    def _spawn(self, server: Server, done: Event) -> Steps:
        began = self._hub.kernel.now
        try:
            ip = yield from server.spawner.start()
            yield from self._wait_http(server, ip)
            yield from self._write_down(server, ip)
            yield from self._route(server, began)
        except SpawnError as failure:
            yield from self._failed(server, failure, began)
        server.pending = None
        if not done.triggered:
            done.succeed()

    def _wait_http(self, server: Server, ip: str) -> Steps:
        """Try the server's address, more and more seldom, until it answers."""
        kernel = self._hub.kernel
        server.responding = True
        began, pause = kernel.now, 0.2
        while server.user.trouble() is not None:
            if kernel.now - began > HTTP_TIMEOUT_S:
                url = f"http://{ip}:8080{server.user.path}/"
                raise NeverUpError(url)
            yield kernel.wait(pause)
            pause = min(pause * 2, 5.0)

    def _write_down(self, server: Server, ip: str) -> Steps:
        error = yield from self._hub.query(write=True)
        if error is not None:
            raise SpawnError(f"(psycopg2.OperationalError) {error}")
        server.ip, server.wanted = ip, True

    def _route(self, server: Server, began: float) -> Steps:
        hub, user = self._hub, server.user
        took = hub.kernel.now - began
        hub.line("I", "took", f"User {user.name} took {took:.3f} seconds to start")
        yield from self.add_route(server)
        hub.counters.observe("server_spawn_duration_seconds", took, "success")
        hub.failures = 0
        hub.line("I", "ready", f"Server {user.name} is ready")

    def add_route(self, server: Server) -> Steps:
        """Add a server to the proxy.

        Raises:
            SpawnError: the proxy did not take it; the server is to be stopped.
        """
        hub, user = self._hub, server.user
        began = hub.kernel.now
        told = f"Adding user {user.name} to proxy {user.path}/ => {server.target}"
        hub.line("I", "add", told)
        while True:
            try:
                hub.proxy.add(user.path, server.target)
            except HttpError:
                hub.line("W", "api-retry", _RETRY)
            else:
                hub.counters.observe(
                    "proxy_add_duration_seconds", hub.kernel.now - began + 0.004, "success"
                )
                return
            if hub.kernel.now - began > PROXY_PATIENCE_S:
                hub.line("E", "add-failed", f"Failed to add {user.name} to proxy!")
                told = f"Stopping {user.name} to avoid inconsistent state"
                hub.line("E", "add-stopping", told)
                raise SpawnError(f"Repeated api_request to proxy path {user.path!r} failed.")
            yield hub.kernel.wait(4.0)

    def _failed(self, server: Server, failure: SpawnError, began: float) -> Steps:
        hub = self._hub
        self._explain(server, failure)
        self._harmed(server)
        hub.counters.observe("server_spawn_duration_seconds", hub.kernel.now - began, "failure")
        server.failed, server.ip = failure.text, None
        if isinstance(failure, NeverUpError):
            told = f"Server at {failure.text} didn't respond in {HTTP_TIMEOUT_S:.0f} seconds"
            server.failed = told
        if failure.timeout or isinstance(failure, NeverUpError):
            yield from server.spawner.stop()
        self._count_failure()

    def _explain(self, server: Server, failure: SpawnError) -> None:
        hub, name = self._hub, server.user.name
        if isinstance(failure, NeverUpError):
            told = f"{name}'s server never showed up at {failure.text} after "
            stop = "" if hub.scene.wording.era == 0 else "."
            told += f"{HTTP_TIMEOUT_S:.0f} seconds. Giving up{stop}"
            hub.line("W", "not-up", told + self._hint(_HTTP_HINT))
        elif failure.timeout and failure.text == "Timeout":
            told = f"{name}'s server failed to start in {START_TIMEOUT_S:.0f} seconds, giving up"
            hub.line("W", "timeout", told + self._hint(_START_HINT))
            self._pod_in_vain(server)
        else:
            told = f"Unhandled error starting {name}'s server: {failure.text}"
            kind = "TimeoutError" if failure.timeout else "kubernetes.client.rest.ApiException"
            trace = f"Traceback (most recent call last):\n{kind}: {failure.text}"
            hub.line("E", "unhandled", f"{told}\n{trace}")

    def _hint(self, text: str) -> str:
        return "" if self._hub.scene.wording.era == 0 else f"\n{text}"

    def _pod_in_vain(self, server: Server) -> None:
        """Have KubeSpawner's own wait end too, which nobody waits for any more."""
        hub, spawner = self._hub, server.spawner
        if spawner.never_seen:
            named = hub.scene.wording.pod(hub.scene.namespace, spawner.pod_name)
            told = f"Pod {named} never showed up in reflector, restarting pod reflector"
            hub.line("E", "pod-unseen", told)
            hub.restart_reflector()
        future = "<Task finished coro=<KubeSpawner._start() done>"
        error = f"exception=TimeoutError('{spawner.in_vain}')>"
        told = f"Exception in Future {future} {error} after timeout"
        hub.line(
            "E",
            "callback",
            f"{told}\nTraceback (most recent call last):\nTimeoutError: {spawner.in_vain}",
        )

    def _harmed(self, server: Server) -> None:
        """Note that a user is harmed, and the hub, which fails to do something for its user."""
        self._hub.scene.hit(server.user.node)
        self._hub.scene.hit(HUB)

    def _count_failure(self) -> None:
        hub = self._hub
        hub.failures += 1
        limit = hub.knobs.failure_limit
        if limit and 1 < hub.failures < limit:
            told = f"{hub.failures} consecutive spawns failed.  Hub will exit if failure count "
            hub.line("W", "failures", f"{told}reaches {limit} before succeeding")
        if limit and hub.failures >= limit:
            told = f"Aborting due to {hub.failures} consecutive spawn failures"
            hub.line("C", "failures-abort", told)
            hub.scene.hit(HUB)
            if hub.runtime is not None:
                hub.runtime.start(self._abort())

    def _abort(self) -> Steps:
        yield self._hub.kernel.wait(2.0)  # lets handlers that wait for it answer
        self._hub.exit(1)

    # ── stop ─────────────────────────────────────────────────────────────────────────────────

    def stop(self, server: Server) -> Event:
        """Begin to stop; return what to yield for its end."""
        hub = self._hub
        server.pending = "stop"
        done = hub.kernel.env.event()
        if hub.runtime is not None:
            hub.runtime.start(self._stop(server, done))
        return done

    def _stop(self, server: Server, done: Event) -> Steps:
        hub, name, began = self._hub, server.user.name, self._hub.kernel.now
        self._unroute(server)
        gone = yield from server.spawner.stop()
        took = hub.kernel.now - began
        hub.counters.observe("server_stop_seconds", took, "success" if gone else "failure")
        if gone:
            hub.line("I", "took-stop", f"User {name} server took {took:.3f} seconds to stop")
            yield from hub.query(write=True)
            server.ip = None
        elif took > STOP_TIMEOUT_S - 1:
            self._stop_in_vain(server)
        server.pending = None
        if not done.triggered:
            done.succeed()

    def _stop_in_vain(self, server: Server) -> None:
        """Say that the pod stays, as far as the reflector knows, and have that begin anew."""
        hub, spawner = self._hub, server.spawner
        what = f"disappear in {STOP_TIMEOUT_S:.0f} seconds"
        told = hub.scene.wording.in_vain(hub.scene.namespace, spawner.pod_name, what)
        future = "Future exception was never retrieved\nfuture: <Task finished "
        future += f"exception=TimeoutError('{told}')>"
        hub.line(
            "E", "callback", f"{future}\nTraceback (most recent call last):\nTimeoutError: {told}"
        )
        self._harmed(server)
        hub.restart_reflector()

    def _unroute(self, server: Server) -> None:
        hub = self._hub
        told = f"Removing user {server.user.name} from proxy ({server.user.path}/)"
        hub.line("I", "remove", told)
        try:
            hub.proxy.remove(server.user.path)
        except HttpError:
            hub.line("W", "api-retry", _RETRY)

    def slow_to_stop(self, server: Server) -> None:
        """Say that stopping takes long."""
        told = f"User {server.user.name}: server is slow to stop (timeout={SLOW_S:.0f})"
        self._hub.line("W", "slow-stop", told)

    # ── poll ─────────────────────────────────────────────────────────────────────────────────

    def _poll_soon(self, server: Server) -> None:
        if self._hub.runtime is not None:
            server.polling = True
            self._hub.runtime.start(self._poll(server))

    def _poll(self, server: Server) -> Steps:
        """Look at the next of the regular polls: only those that find something matter."""
        hub = self._hub
        yield hub.kernel.wait(server.spawner.next_poll_s())
        yield from hub.loop.turn(0.003)
        server.polling = False
        code = server.spawner.poll()
        if code is None or server.ip is None or server.pending is not None:
            return
        self._harmed(server)
        hub.line("W", "stopped", f"User {server.user.name} server stopped, with exit code: {code}")
        hub.counters.observe("server_poll_duration_seconds", about(hub.chance, 0.002), "stopped")
        yield self.stop(server)


class NeverUpError(SpawnError):
    """The pod runs, but its HTTP does not answer; the words are the address."""


_RETRY = "api_request to the proxy failed with status code 599, retrying..."
_START_HINT = (
    "Common causes for this timeout, and debugging tips:\n\n"
    "1. Everything is working, but it took too long.\n"
    "   To fix: increase `Spawner.start_timeout` configuration\n"
    "   to a number of seconds that is enough for spawners to finish starting."
)
_HTTP_HINT = (
    "Common causes for this timeout, and debugging tips:\n\n"
    "1. The server didn't finish starting,\n"
    "   or it crashed due to a configuration issue.\n"
    "   Check the single-user server's logs for hints at what needs fixing."
)

"""The hub: one event loop, a connection to its database, a proxy, users' servers.

A database call blocks the loop until it returns. What the hub knows of users' servers is in the
database and so outlives the process; spawns that are under way do not.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import simpy

from pipeline.simulate.cluster.model import PodView, Runtime
from pipeline.simulate.jupyterhub.counters import Counters
from pipeline.simulate.jupyterhub.database import Database
from pipeline.simulate.jupyterhub.http import HttpError
from pipeline.simulate.jupyterhub.kubespawner import KubeSpawner
from pipeline.simulate.jupyterhub.loop import EventLoop
from pipeline.simulate.jupyterhub.proxy import Proxy
from pipeline.simulate.jupyterhub.reflector import Reflector
from pipeline.simulate.jupyterhub.scene import HUB, Scene, jupyter_line, print_to
from pipeline.simulate.jupyterhub.tracebacks import database_error
from pipeline.simulate.jupyterhub.user import User
from pipeline.simulate.kernel import Steps

POOL = 15
"""Connections that SQLAlchemy's pool gives out at most (5, and 10 beyond)."""
POOL_PATIENCE_S = 30.0
DEAF_S = 8.0
"""A scrape or a probe gives up on a hub that is so far behind."""


@dataclass(slots=True)
class Knobs:
    """What scenarios lay their hands on."""

    failure_limit: int = 0
    """The hub ends after so many failed spawns in a row; 0: never."""
    pool_taken: int = 0
    """Connections that its own code has taken out of the pool and not given back."""
    leak_bytes_s: float = 0.0
    """How fast its memory grows, beyond what servers need."""
    broken_config: str | None = None
    """What its configuration fails with at start."""
    believes: set[str] = field(default_factory=set)
    """Users whose servers it takes to be running without looking: its state is corrupt."""


@dataclass(slots=True, eq=False)
class Server:
    """A user's server as the hub knows it."""

    user: User
    spawner: KubeSpawner
    ip: str | None = None
    """Written down in the database: it runs there."""
    pending: Literal["spawn", "stop"] | None = None
    failed: str | None = None
    """Why the last spawn failed; until an explicit one, implicit spawns are prevented."""
    responding: bool = False
    """During a spawn: the pod runs, and its HTTP is waited for."""
    polling: bool = False
    wanted: bool = False
    """It has been started, and nobody has asked for its end since."""

    @property
    def target(self) -> str:
        """What the proxy forwards to."""
        return f"http://{self.ip}:8080"

    @property
    def shown(self) -> str:
        """How the hub prints the object."""
        url = f"{self.target}{self.user.path}/"
        return f"Server(url={url}, bind_url={url})"


class Hub:
    """What the process has and can do."""

    def __init__(self, scene: Scene, database: Database, proxy: Proxy) -> None:
        self.scene, self.database, self.proxy = scene, database, proxy
        self.kernel = scene.kernel
        self.chance = scene.kernel.chance("hub")
        self.loop = EventLoop(scene.kernel)
        self.session = database.open(recycle_s=300.0)
        self.life = 0
        """Which process this is; requests to an earlier one get no answer."""
        self.runtime: Runtime | None = None
        self.listening = False
        self.servers: dict[str, Server] = {}
        """By the user's raw name."""
        self._by_pod: dict[str, Server] = {}
        self.refreshed: dict[str, float] = {}
        """When each user's authentication was last refreshed; in memory only."""
        self.ended: Callable[[Server], None] = lambda _server: None
        """Told of a server whose pod has ended."""
        self.exited: simpy.Event = scene.kernel.env.event()
        self.reflector = self._new_reflector()
        self.counters = Counters(self._count_running, lambda: len(self.servers))
        if scene.wording.era > 1:
            self.counters.active = self._count_running
        self.failures = 0
        """Spawns that failed one after the other."""
        self.knobs = Knobs()

    # ── saying and asking ────────────────────────────────────────────────────────────────────

    def line(self, level: str, what: str, text: str) -> None:
        """Print a record."""
        place = self.scene.wording.place(what)
        print_to(self.runtime, jupyter_line(self.kernel, "JupyterHub", (level, place), text))

    def alive(self, life: int) -> None:
        """Check that the process is still the one that began something.

        Raises:
            HttpError: it is not.
        """
        if life != self.life or not self.listening:
            raise HttpError("reset")

    @property
    def deaf(self) -> bool:
        """Whether whoever asks gets no answer for long: it is gone, blocked, or far behind."""
        return not self.listening or self.loop.blocked or self.loop.backlog_s > DEAF_S

    def query(self, *, write: bool = False) -> Steps:
        """Ask the database; the loop stands still meanwhile. Return an error's text, or None."""
        if self.knobs.pool_taken >= POOL:
            return (yield from self._exhausted())
        life, text = self.life, ""
        for _ in range(2):
            reply = self.database.ask(self.session, write=write)
            if reply.kind == "hang":
                self.scene.hit(HUB)
                reply = yield from self.loop.hold(self.database.wait(self.session, write=write))
                self.alive_at_start(life)
            if reply.kind != "closed":
                return reply.text if reply.kind == "error" else None
            text = reply.text
            error = database_error(self.scene.wording, f"{text}\n[SQL: SELECT 1]")
            told = f"Database connection error, attempting to reconnect: {error}"
            self.line("E", "db-lost", told)
        return text

    def alive_at_start(self, life: int) -> None:
        """Check the same while the process may still be starting.

        Raises:
            HttpError: it is another one.
        """
        if life != self.life:
            raise HttpError("reset")

    def _exhausted(self) -> Steps:
        self.scene.hit(HUB)
        life = self.life
        yield from self.loop.hold(self._pass(POOL_PATIENCE_S))
        self.alive_at_start(life)
        patience = f"connection timed out, timeout {POOL_PATIENCE_S:.0f}"
        return f"QueuePool limit of size 5 overflow 10 reached, {patience}"

    def _pass(self, seconds: float) -> Steps:
        yield self.kernel.wait(seconds)

    def exit(self, code: int) -> None:
        """End by itself."""
        if not self.exited.triggered:
            self.exited.succeed(code)

    # ── users' servers ───────────────────────────────────────────────────────────────────────

    def know(self, user: User) -> Server:
        """Return a user's server, which the hub has heard of from now on."""
        if user.name not in self.servers:
            server = Server(user, self._spawner(user))
            self.servers[user.name] = server
            self._by_pod[user.pod_name] = server
        return self.servers[user.name]

    def renew(self) -> None:
        """Begin a process' memory: what it has counted, what it sees of the cluster."""
        self.counters.reset()
        self.reflector = self._new_reflector()
        for server in self.servers.values():
            server.spawner = self._spawner(server.user)

    def restart_reflector(self) -> None:
        """Have the reflector begin anew."""
        if self.runtime is not None and not self.runtime.ended:
            self.runtime.start(self.reflector.run(self.runtime))

    def _new_reflector(self) -> Reflector:
        reflector = Reflector(self.scene, self.line, self._reflector_failed)
        reflector.seen = self._pod_changed
        return reflector

    def _reflector_failed(self) -> None:
        if self.scene.wording.era > 0:  # before, only the thread ended, and the hub lived on
            self.exit(1)

    def _spawner(self, user: User) -> KubeSpawner:
        spawner = KubeSpawner(self.scene, self.line, self.reflector, user.manifest)
        spawner.phase_s = self.chance.uniform(0, 30)
        return spawner

    def _count_running(self) -> int:
        return sum(server.ip is not None for server in self.servers.values())

    def _pod_changed(self, pod: PodView) -> None:
        server = self._by_pod.get(pod.name)
        if server is None or server.ip is None or server.polling or server.pending is not None:
            return
        if server.user.name not in self.knobs.believes and server.spawner.poll() is not None:
            self.ended(server)

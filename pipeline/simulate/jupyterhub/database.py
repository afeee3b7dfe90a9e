"""PostgreSQL behind the hub: a server process, its connections, its volume.

Who asks gets one of four replies: an answer, a connection that turns out to be closed, an error,
or nothing at all (the server is stuck, or its machine is gone and nobody says so).
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import simpy

from pipeline.simulate.cluster.cluster import Cluster
from pipeline.simulate.cluster.model import Runtime, Stop
from pipeline.simulate.jupyterhub.scene import DB, stamp
from pipeline.simulate.jupyterhub.wording import Wording
from pipeline.simulate.kernel import Kernel, Steps

CLAIM = "jupyterhub-db"
HOST = "jupyterhub-db"
LABELS = {"deploymentconfig": "jupyterhub-db"}
RESERVED = 3
"""Connection slots that only superusers get."""
SILENT_CONNECT_S = 127.0
"""How long Linux tries to connect to an address that does not answer."""
SILENT_CONNECTION_S = 924.0
"""How long it sends again on a connection that does not answer."""

NO_SLOT = "remaining connection slots are reserved for non-replication superuser connections"

Kind = Literal["ok", "closed", "error", "hang"]


@dataclass(slots=True)
class Session:
    """A client's connection, kept open between questions."""

    server: int | None = None
    """Which run of the server it is connected to; None: not connected."""
    machine: str = ""
    since_s: float = 0.0
    recycle_s: float | None = None
    """After this long the client itself opens another one."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What becomes of a question."""

    kind: Kind
    text: str = ""


_OK = Reply("ok")
_HANG = Reply("hang")
CLOSED = (
    "server closed the connection unexpectedly\n"
    "\tThis probably means the server terminated abnormally\n"
    "\tbefore or while processing the request.\n"
)


@dataclass(slots=True)
class Database:
    """The server, as its clients and its container know it."""

    kernel: Kernel
    cluster: Cluster
    namespace: str
    wording: Wording
    hit: Callable[[str], None]
    service_ip: str = "172.30.41.9"
    # What scenarios lay their hands on
    frozen: bool = False
    """Its processes do not run on (stopped, or stuck on their disk), yet are there."""
    recovery_s: float = 6.0
    """How long it replays its log when it starts after a crash."""
    slots: int = 100
    others: int = 9
    """Connections of other clients."""
    kills_pending: int = 0
    """How many more of its starts will fail (a lock file of a server that is gone)."""

    state: Literal["down", "starting", "up", "stopping"] = "down"
    _run: int = 0
    runtime: Runtime | None = None
    """Where it runs."""
    _crash: simpy.Event | None = None
    _sessions: list[Session] = field(default_factory=list)
    _clean: bool = True

    def open(self, *, recycle_s: float | None = None) -> Session:
        """Return a client's session, which will connect at its first question."""
        session = Session(recycle_s=recycle_s)
        self._sessions.append(session)
        return session

    def close(self, session: Session) -> None:
        """Forget a client."""
        if session in self._sessions:
            self._sessions.remove(session)

    @property
    def connections(self) -> int:
        """How many slots are taken."""
        mine = sum(session.server == self._run for session in self._sessions)
        return min(self.slots, self.others + mine)

    # ── as its clients know it ───────────────────────────────────────────────────────────────

    def ask(self, session: Session, *, write: bool = False) -> Reply:
        """Ask something, or write something down; connect first where need be."""
        now = self.kernel.now
        recycle_s = session.recycle_s
        if recycle_s is not None and now - session.since_s > recycle_s and not self.frozen:
            session.server = None
        if session.server is not None:
            return self._over(session, write=write)
        refusal = self._connect(session)
        return refusal or (self._over(session, write=True) if write else _OK)

    def silent_for(self, session: Session) -> bool:
        """Return whether a client would wait for a reply that does not come."""
        return self.frozen or self._silent(session.machine)

    def wait(self, session: Session, *, write: bool) -> Steps:
        """Wait for a reply that does not come at once, as long as the client's kernel does."""
        began, connected = self.kernel.now, session.server is not None
        patience = SILENT_CONNECTION_S if connected else SILENT_CONNECT_S
        while True:
            yield self.kernel.wait(0.5)
            # who waits on a connection does not look for another one meanwhile
            reply = self._over(session, write=write) if connected else self.ask(session)
            if reply.kind != "hang":
                return reply
            if self.kernel.now - began > patience and not (self.frozen and session.server is None):
                session.server = None
                return self._timed_out(patience)

    def _timed_out(self, patience: float) -> Reply:
        if patience == SILENT_CONNECT_S:
            return Reply("error", self._refused("Connection timed out"))
        return Reply("closed", "could not receive data from server: Connection timed out\n")

    def _over(self, session: Session, *, write: bool) -> Reply:
        if self._silent(session.machine):
            self.hit(DB)
            return _HANG
        if session.server != self._run or self.state not in {"up", "stopping"}:
            session.server = None
            self.hit(DB)
            return Reply("closed", CLOSED)
        if self.frozen:
            self.hit(DB)
            return _HANG
        trouble = self._write() if write else None
        if trouble is not None:
            session.server = None
            return Reply("closed", CLOSED)
        return _OK

    def _silent(self, machine: str) -> bool:
        found = self.cluster.machines.get(machine)
        return found is not None and found.lost

    def _connect(self, session: Session) -> Reply | None:
        """Connect; return what went wrong."""
        refusal = self._try(session)
        if refusal is not None:
            self.hit(DB)
        return refusal

    def _try(self, session: Session) -> Reply | None:
        ready = self.cluster.ready_pods(self.namespace, LABELS)
        if not ready or (self.state == "down" and not self._silent(ready[0].machine or "")):
            return Reply("error", self._refused("Connection refused"))
        if self._silent(ready[0].machine or "") or self.frozen:
            return _HANG
        told = {
            "starting": "the database system is starting up",
            "stopping": "the database system is shutting down",
        }.get(self.state)
        if told is None and self.connections >= self.slots - RESERVED:
            told = NO_SLOT
        if told is not None:
            self.say("FATAL", told)
            return Reply("error", self.wording.fatal(told, host=HOST, ip=self.service_ip))
        session.server, session.machine = self._run, ready[0].machine or ""
        session.since_s = self.kernel.now
        return None

    def _refused(self, why: str) -> str:
        return self.wording.refused(why, host=HOST, ip=self.service_ip)

    # ── as its container knows it ────────────────────────────────────────────────────────────

    def program(self, runtime: Runtime) -> Steps:
        """Run the server in a container."""
        self.runtime, self._crash = runtime, self.kernel.env.event()
        self._use(runtime)
        self.frozen = False
        try:
            if self.kernel.now > 0:
                code = yield from self._start(runtime)
                if code is not None:
                    return code
            self._accept()
            runtime.start(self._checkpoint(runtime))
            code = yield self._crash
        except simpy.Interrupt as interrupt:
            code = yield from self._stop(interrupt.cause)
        finally:
            self.state = "down"
            self._run += 1
        return code

    def _use(self, runtime: Runtime) -> None:
        chance = self.kernel.chance("database", "size")
        runtime.memory_bytes = chance.uniform(90, 180) * 1024**2
        runtime.cpu_cores = 0.012

    def _start(self, runtime: Runtime) -> Steps:
        self.state = "starting"
        yield self.kernel.wait(0.6 * runtime.slowness())
        self._greet(runtime)
        failed = runtime.claim_error(CLAIM)
        if failed is not None:
            told = f'could not write lock file "postmaster.pid": {failed}'
            runtime.log(self._line("FATAL", told))
            yield self.kernel.wait(0.4)
            return 1
        if self.kills_pending > 0:
            self.kills_pending -= 1
            yield self.kernel.wait(2.0)
            runtime.log(" stopped waiting\npg_ctl: could not start server\nExamine the log output.")
            return 1
        recovery = 1.5 if self._clean else self.recovery_s
        yield self.kernel.wait(recovery * runtime.slowness())
        self._clean = False
        runtime.log(" done\nserver started")
        return None

    def _greet(self, runtime: Runtime) -> None:
        folder = "pg_log" if self.wording.postgres == "9.6" else "log"
        crashed = (
            ""
            if self._clean
            else ("pg_ctl: another server might be running; trying to start server anyway\n")
        )
        if self.wording.postgres_speaks:
            runtime.log(f"{crashed}waiting for server to start....")
            if not self._clean:
                runtime.log(
                    self._line(
                        "LOG",
                        "database system was interrupted; last known up at "
                        f"{self.kernel.time:%Y-%m-%d %H:%M} UTC",
                    )
                )
                told = "database system was not properly shut down; automatic recovery in progress"
                runtime.log(self._line("LOG", told))
            return
        told = "redirecting log output to logging collector process"
        hint = f'Future log output will appear in directory "{folder}".'
        runtime.log(
            f"{crashed}waiting for server to start....{self._line('LOG', told)}\n"
            f"{self._line('HINT', hint)}"
        )

    def _accept(self) -> None:
        self._run += 1
        self.state = "up"
        if self.kernel.now > 0:
            self.say("LOG", "database system is ready to accept connections")
        self._clean = False

    def _stop(self, cause: object) -> Steps:
        stop = cause if isinstance(cause, Stop) else Stop(9, "Error")
        if stop.signal == 9:  # noqa: PLR2004 - SIGKILL
            return 137
        if not self.frozen:
            self.say(
                "LOG",
                "received smart shutdown request"
                if self.wording.postgres == "9.6"
                else "received fast shutdown request",
            )
        self.state, self._clean = "stopping", True
        try:
            while self.frozen:  # it does not hear the signal
                yield self.kernel.wait(1.0)
            # 9.6 waits until its clients have gone, later images ask for a fast shutdown
            while self.wording.postgres == "9.6" and self._has_clients():
                yield self.kernel.wait(1.0)
            yield self.kernel.wait(0.4)
        except simpy.Interrupt:
            self._clean = False
            return 137
        self.say("LOG", "database system is shut down")
        return 0

    def _has_clients(self) -> bool:
        return any(session.server == self._run for session in self._sessions)

    def _checkpoint(self, runtime: Runtime) -> Steps:
        """Write down what has changed, every minute or so, whether or not anybody asks."""
        chance = self.kernel.chance("database", "checkpoints")
        while True:
            yield self.kernel.wait(chance.uniform(50, 70))
            if self.state == "up" and not self.frozen:
                runtime.cpu_cores = chance.uniform(0.006, 0.03)
                self._write()

    def _write(self) -> str | None:
        """Write to the log ahead; a server that cannot has to stop."""
        failed = None if self.runtime is None else self.runtime.claim_error(CLAIM)
        if failed is not None and self.state == "up":
            folder = "pg_xlog" if self.wording.postgres == "9.6" else "pg_wal"
            self.crash(1, f'could not write to file "{folder}/xlogtemp.{41 + self._run}": {failed}')
        return failed

    # ── what can be done to it ───────────────────────────────────────────────────────────────

    def crash(self, code: int, panic: str | None = None) -> None:
        """End the server at once, all connections with it."""
        if panic is not None:
            self.say("PANIC", panic)
            self.say(
                "LOG", f"server process (PID {70 + self._run}) was terminated by signal 6: Aborted"
            )
        self.state = "down"
        if self._crash is not None and not self._crash.triggered:
            self._crash.succeed(code)

    def lose_backend(self) -> None:
        """Have the kernel kill one of its processes.

        It drops all connections and recovers, within the same container.
        """
        if self.state != "up":
            return
        self.say("LOG", f"server process (PID {70 + self._run}) was terminated by signal 9: Killed")
        self.say("WARNING", "terminating connection because of crash of another server process")
        self._run += 1
        self.state = "starting"

        def recover() -> Steps:
            run = self._run
            yield self.kernel.wait(self.recovery_s)
            if self._run == run and self.state == "starting":
                self._accept()

        self.kernel.start(recover())

    # ── its probes and its words ─────────────────────────────────────────────────────────────

    def readiness(self) -> str | None:
        """Ask it something, as the readiness probe does."""
        if self.frozen:
            return "command timed out"
        local = {"host": "127.0.0.1", "ip": "127.0.0.1"}
        if self.state == "up":
            if self.connections < self.slots - RESERVED:
                return None
            return f"psql: {self.wording.fatal(NO_SLOT, **local)}"  # it needs one itself
        if self.state == "down":
            return f"psql: {self._local('Connection refused')}"
        told = "starting up" if self.state == "starting" else "shutting down"
        fatal = self.wording.fatal(f"the database system is {told}", **local)
        return f"psql: {'' if fatal.startswith('FATAL') else 'error: '}{fatal}"

    def _local(self, why: str) -> str:
        return (
            f"could not connect to server: {why}\n"
            '\tIs the server running on host "127.0.0.1" and accepting\n'
            "\tTCP/IP connections on port 5432?\n"
        )

    def liveness(self) -> str | None:
        """Knock at its port, as the liveness probe does: a stuck server's kernel opens."""
        if self.state != "down" or self.runtime is None:
            return None
        return f"dial tcp {self.runtime.ip}:5432: connect: connection refused"

    def say(self, severity: str, text: str) -> None:
        """Log; mostly into files of its own, which nobody sees."""
        if self.wording.postgres_speaks and self.runtime is not None:
            self.runtime.log(self._line(severity, text))

    def _line(self, severity: str, text: str) -> str:
        if self.wording.postgres == "9.6":
            return f"{severity}:  {text}"
        return f"{stamp(self.kernel)} UTC [{40 + self._run}] {severity}:  {text}"

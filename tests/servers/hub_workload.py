"""A small JupyterHub on the control plane: pods that log, and a database that can be killed.

The API server, its watches and its events are real; what the containers write is written here, in
the words of the real programs.
"""

import threading
from dataclasses import dataclass, field
from datetime import datetime

from pipeline import clock
from servers.cluster_objects import Container, EventOf, Pod
from servers.control_plane import ControlPlane
from servers.kubelet import Kubelet
from servers.prometheus_server import Prometheus

MACHINE = "worker-1"
HUB, DB = "jupyterhub-124-x7k2p", "jupyterhub-db-1-abcde"
USERS = ("jupyterhub-nb-alice", "jupyterhub-nb-bob")
CONTAINER_OF = {HUB: "jupyterhub", DB: "postgresql"} | dict.fromkeys(USERS, "notebook")
LAST_WORDS = "LOG:  server process (PID 77) was terminated by signal 9: Killed"
WRITE_S = 0.5


@dataclass
class HubWorkload:
    """A hub, its database and two users' servers in a namespace."""

    control_plane: ControlPlane
    kubelet: Kubelet
    namespace: str
    prometheus: Prometheus | None = None
    dead: bool = False
    written: dict[str, int] = field(default_factory=dict)
    """Lines written so far, by pod."""
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Make the pods, and let them write."""
        for name, container in CONTAINER_OF.items():
            claims = ("jupyterhub-db",) if name == DB else ()
            pod = Pod(self.namespace, name, MACHINE, containers=(container,), claims=claims)
            self.kubelet.add(self.namespace, name, container)
            self.control_plane.admin.running_pod(pod)
        self._thread = threading.Thread(target=self._work, name="workload", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Let nothing more be written."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def kill_database(self) -> None:
        """The database is killed, says its last words, and its pod is gone."""
        self._write(DB, LAST_WORDS, "LOG:  terminating any other active server processes")
        self.dead = True
        self._event(
            "readiness", DB, "Unhealthy", "Readiness probe failed: psql: connection refused"
        )
        admin = self.control_plane.admin
        admin.delete_pod(self.namespace, DB)
        self.kubelet.end(self.namespace, DB, CONTAINER_OF[DB])
        killed = {"terminated": {"exitCode": 137, "reason": "Error"}}
        admin.pod_status(
            self.namespace, DB, phase="Failed", containers=[Container(CONTAINER_OF[DB], killed)]
        )
        clock.sleep(1)  # a kubelet deletes the pod when all of it is cleared away
        admin.delete_pod(self.namespace, DB, at_once=True)
        self.kubelet.remove(self.namespace, DB)

    def _work(self) -> None:
        while not clock.wait(self._stop, WRITE_S):
            now = clock.now()
            self._write(HUB, *(self._hub_in_trouble(now) if self.dead else self._hub(now)))
            for user in USERS:
                self._write(user, *self._user(now))
            if not self.dead:
                self._write(DB, "LOG:  checkpoint starting: time")
            if self.prometheus is not None:
                self.prometheus.export(self._metrics())

    def _write(self, pod: str, *lines: str) -> None:
        self.kubelet.write(self.namespace, pod, CONTAINER_OF[pod], *lines)
        self.written[pod] = self.written.get(pod, 0) + len(lines)

    def _hub(self, now: datetime) -> list[str]:
        return [_line("I", now, "JupyterHub log:189", "200 GET /hub/home (alice@10.1.2.3) 12.10ms")]

    def _hub_in_trouble(self, now: datetime) -> list[str]:
        lost = (
            "Database connection error, attempting to reconnect: (psycopg2.OperationalError)"
            " server closed the connection unexpectedly"
        )
        failed = "500 GET /hub/home (alice@10.1.2.3) 9.43ms"
        return [
            _line("E", now, "JupyterHub orm:900", lost),
            _line("E", now, "JupyterHub log:189", failed),
        ]

    def _user(self, now: datetime) -> list[str]:
        if self.dead:
            return [
                _line("E", now, "SingleUserLabApp mixins:602", "Error notifying Hub of activity")
            ]
        return [_line("I", now, "SingleUserLabApp log:181", "200 GET /user/a/api/sessions 1.37ms")]

    def _metrics(self) -> str:
        ready = dict.fromkeys(CONTAINER_OF, 1) | {DB: 0 if self.dead else 1}
        return "".join(
            f'kube_pod_status_ready{{namespace="{self.namespace}",pod="{pod}",condition="true"}}'
            f" {value}\n"
            for pod, value in ready.items()
        )

    def _event(self, name: str, pod: str, reason: str, message: str) -> None:
        event = EventOf(self.namespace, name, pod, reason, message, host=MACHINE)
        self.control_plane.admin.event(event)


def _line(level: str, now: datetime, where: str, text: str) -> str:
    stamp = f"{now:%Y-%m-%d %H:%M:%S}.{now.microsecond // 1000:03d}"
    return f"[{level} {stamp} {where}] {text}"

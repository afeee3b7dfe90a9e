"""A site: settings in the environment, and the ``aftershock`` command as a user runs it."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from servers import children
from servers.waiting import health, until

ROLES = ("detect", "correlate", "index")
DOORS = ("ingest", "adapt")
REPOSITORY = Path(__file__).parents[2]

Spawn = Callable[..., subprocess.Popen[bytes]]


@dataclass
class Site:
    """One prefix on one broker, with a store of its own."""

    bootstrap_servers: str
    prefix: str
    folder: Path
    spawn: Spawn
    extra: dict[str, str] = field(default_factory=dict)
    ports: dict[str, int] = field(
        default_factory=lambda: {role: children.free_port() for role in (*ROLES, *DOORS)}
    )

    @property
    def environment(self) -> dict[str, str]:
        """The settings."""
        ports = {
            f"AFTERSHOCK_HEALTH__{role.upper()}_PORT": str(port)
            for role, port in self.ports.items()
        }
        return {
            "AFTERSHOCK_KAFKA__BOOTSTRAP_SERVERS": self.bootstrap_servers,
            "AFTERSHOCK_KAFKA__TOPIC_PREFIX": self.prefix,
            "AFTERSHOCK_KAFKA__CONNECT_TIMEOUT_S": "2",
            "AFTERSHOCK_STORE": f"sqlite:///{self.folder / self.prefix}.db",
            "AFTERSHOCK_TOPOLOGY": "jupyterhub-openshift",
            "AFTERSHOCK_WORKER__SESSION_TIMEOUT_S": "6",
            **ports,
            **self.extra,
        }

    def run(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start the roles of the flow, or what else is asked for; wait until these are ready."""
        process = self.start("run", *arguments)
        for role in ROLES:
            self.ready(role)
        return process

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[bytes]:
        """Start a command."""
        return self.spawn("-m", "pipeline", *arguments, **{**self.environment, **environment})

    def ready(self, role: str) -> None:
        """Wait until a role says that it is ready."""
        port = self.ports[role]
        until(lambda: health(port)[0] == 200, within_s=60, what=f"{role} ready")

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            [sys.executable, "-m", "pipeline", *arguments],
            env={**os.environ, "PYTHONPATH": str(REPOSITORY), **self.environment},
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=150,
            check=False,
        )

    def replay(self, *arguments: str) -> None:
        """Replay recordings and wait until everything has reached the store."""
        done = self.command("replay", *arguments, "--wait", "--timeout", "120", "--quiet")
        assert done.returncode == 0, done.stderr

    def export(self) -> str:
        """Return the final incidents of the store, as JSON lines."""
        done = self.command("incidents", "export")
        assert done.returncode == 0, done.stderr
        return done.stdout

    def analyze(self, *arguments: str) -> str:
        """Return the final incidents as ``analyze`` finds them."""
        done = self.command("analyze", *arguments, "--quiet")
        assert done.returncode == 0, done.stderr
        return done.stdout

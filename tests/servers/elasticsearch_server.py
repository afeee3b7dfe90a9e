"""Elasticsearch for the integration tests: one node of the real engine on loopback.

Started as another user than root (the engine refuses root), with data in a folder of its own that
outlives kill and restart. It dies with the test run: its launcher is killed with us, and the
engine ends when the launcher's pipe does.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import urllib3
import yaml

from servers import children
from servers.certificates import Authority
from servers.elasticsearch_dist import distribution, java_home

NEWEST = "9.5.3"
OLDER = "8.19.21"
START_S = 120.0
"""It takes 8 to 14 s on a quiet machine, twice that on a busy one."""
_NOBODY = 65534
_JAVA_OPTIONS = (
    "-Xms512m -Xmx512m -XX:-AlwaysPreTouch -XX:TieredStopAtLevel=1 -XX:-UseG1GC -XX:+UseSerialGC"
)


@dataclass
class Elasticsearch:
    """A node on a loopback port; :meth:`close` removes its data."""

    version: str = NEWEST
    settings: Mapping[str, object] = field(default_factory=dict)
    """Further settings for ``elasticsearch.yml``."""
    users: Mapping[str, str] = field(default_factory=dict)
    """Name → password of superusers (``elastic`` is reserved); with any, security is on."""
    authority: Authority | None = None
    """Signs the certificate with which it serves HTTPS; None: plain HTTP."""
    port: int = field(default_factory=children.free_port)
    process: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        self._home = distribution(self.version)
        self._java = java_home(self.version)
        # not below pytest's folder: that one is closed to other users
        self._folder = Path(tempfile.mkdtemp(prefix="aftershock-elasticsearch-"))

    @property
    def url(self) -> str:
        """Where clients ask."""
        return f"http{'' if self.authority is None else 's'}://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it, again on the same data, and wait until it answers."""
        if not (self._folder / "config").is_dir():
            self._prepare()
        pid = self._folder / "pid"
        pid.unlink(missing_ok=True)
        self.process = children.start(
            [self._home / "bin" / "elasticsearch", "-p", pid],
            log=self._log,
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(self._folder),
                "ES_JAVA_HOME": str(self._java),
                "ES_JAVA_OPTS": _JAVA_OPTIONS,
                "ES_PATH_CONF": str(self._folder / "config"),
                "ES_TMPDIR": str(self._folder / "tmp"),
            },
            user=_other_user(),
        )
        self._await_answer(self.process)

    def kill(self) -> None:
        """Kill the engine (-9), and the launcher with it."""
        if self.process is None:
            return
        pid = self._folder / "pid"
        if self.process.poll() is None and pid.is_file():
            os.kill(int(pid.read_text()), signal.SIGKILL)
        children.kill(self.process)
        self.process = None

    def restart(self) -> None:
        """Start again on the same data and port."""
        self.start()

    def close(self) -> None:
        """Kill it and remove its data."""
        self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def _log(self) -> Path:
        return self._folder / "elasticsearch.log"

    def _prepare(self) -> None:
        self._home = _reachable(self._home, self._folder)
        config = self._folder / "config"
        for name in ("config", "data", "tmp", "logs"):
            (self._folder / name).mkdir()
        for name in ("jvm.options", "log4j2.properties"):
            shutil.copy(self._home / "config" / name, config / name)
        (config / "elasticsearch.yml").write_text(yaml.safe_dump(self._configuration()))
        if self.authority is not None:
            pair = self.authority.signed("elasticsearch")
            shutil.copy(pair.certificate, config / "http.pem")
            shutil.copy(pair.key, config / "http.key")
        if self.users:
            self._add_users(config)
        _hand_over(self._folder)

    def _add_users(self, config: Path) -> None:
        for name in ("users", "users_roles", "roles.yml"):
            (config / name).touch()
        for name, password in self.users.items():
            tool = self._home / "bin" / "elasticsearch-users"
            subprocess.run(
                [tool, "useradd", name, "-p", password, "-r", "superuser"],
                env={
                    "PATH": os.environ["PATH"],
                    "ES_JAVA_HOME": str(self._java),
                    "ES_PATH_CONF": str(config),
                },
                check=True,
                capture_output=True,
                timeout=60,
            )

    def _configuration(self) -> dict[str, object]:
        tls = {
            "xpack.security.http.ssl.enabled": True,
            "xpack.security.http.ssl.certificate": "http.pem",
            "xpack.security.http.ssl.key": "http.key",
        }
        return {
            "cluster.name": "aftershock-tests",
            "discovery.type": "single-node",
            "network.host": "127.0.0.1",
            "http.port": self.port,
            "transport.port": 0,
            "path.data": str(self._folder / "data"),
            "path.logs": str(self._folder / "logs"),
            "cluster.routing.allocation.disk.threshold_enabled": False,
            "xpack.security.enabled": bool(self.users),
            **({} if self.authority is None else tls),
            **self.settings,
        }

    def _await_answer(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline and process.poll() is None:
            if self._answers():
                return
            time.sleep(0.2)
        raise RuntimeError(f"Elasticsearch did not start:\n{self._log.read_text()[-4000:]}")

    def _answers(self) -> bool:
        ask = f"{self.url}/_cluster/health?wait_for_status=yellow&timeout=1s"
        trusted = None if self.authority is None else str(self.authority.certificate)
        try:
            with urllib3.PoolManager(ca_certs=trusted, retries=False, timeout=5) as pool:
                status = pool.request("GET", ask).status
        except urllib3.exceptions.HTTPError:
            return False
        return status == 200 or (bool(self.users) and status == 401)  # it knows its users


def _other_user() -> int | None:
    """Return whom to be: nobody where we are root, else ourselves."""
    return _NOBODY if sys.platform == "linux" and os.geteuid() == 0 else None


def _hand_over(folder: Path) -> None:
    """Give a folder to whom the engine runs as."""
    user = _other_user()
    for path in () if user is None else (folder, *folder.rglob("*")):
        os.chown(path, _NOBODY, _NOBODY)


def _reachable(home: Path, folder: Path) -> Path:
    """Return the distribution, or a copy of it where others may not come by."""
    ways = [parent.stat().st_mode & 0o001 for parent in home.parents]
    if _other_user() is None or all(ways):
        return home
    return Path(shutil.copytree(home, folder / "engine", copy_function=shutil.copy2))

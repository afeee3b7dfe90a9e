"""``aftershock run``: all roles together, and nothing left behind."""

import os
import signal
import subprocess
from pathlib import Path

from servers import children
from servers.kafka_server import Kafka
from servers.site import ROLES, Site
from servers.waiting import health, until


def answering(site: Site) -> list[str]:
    """Return the roles whose health page answers at all."""
    return [role for role in ROLES if health(site.ports[role])[0]]


def child_of(process: subprocess.Popen[bytes], role: str) -> int:
    """Return the process id of a role."""
    found = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    commands = {pid: Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0") for pid in found}
    return next(int(pid) for pid, words in commands.items() if role.encode() in words)


def test_a_signal_ends_all_roles_cleanly(site: Site) -> None:
    process = site.run()
    assert children.stop(process, within_s=10) == 0
    assert answering(site) == []


def test_when_one_role_ends_all_end_and_it_is_told(site: Site, tmp_path: Path) -> None:
    process = site.run()
    os.kill(child_of(process, "correlate"), signal.SIGKILL)
    assert process.wait(15) == 1
    assert "correlate has ended (SIGKILL)" in (tmp_path / "0.log").read_text()
    assert answering(site) == []


def test_roles_do_not_outlive_a_killed_supervisor(site: Site) -> None:
    process = site.run()
    children.kill(process)
    until(lambda: answering(site) == [], within_s=15, what="roles gone")


def test_it_ends_within_seconds_without_a_broker_too(site: Site, kafka: Kafka) -> None:
    process = site.run()
    kafka.kill()
    try:
        assert children.stop(process, within_s=20) == 0
    finally:
        kafka.restart()
    assert answering(site) == []

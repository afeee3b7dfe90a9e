"""Child processes that cannot outlive the test run, however it ends (Linux; elsewhere atexit)."""

import atexit
import ctypes
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

_PR_SET_PDEATHSIG = 1


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def start(
    command: Sequence[str | Path],
    *,
    log: Path,
    env: Mapping[str, str] | None = None,
    stdin: int = subprocess.DEVNULL,
    user: int | None = None,
) -> subprocess.Popen[bytes]:
    """Start a process that is killed when this one ends; its output goes to a file.

    With ``stdin=subprocess.PIPE``, its standard input ends with this process, however that ends.
    As root, ``user`` is the id (and the group's) as which it runs instead.
    """
    with log.open("ab") as output:
        process = subprocess.Popen(
            [str(part) for part in command],
            stdin=stdin,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=None if env is None else dict(env),
            user=user,
            group=user,
            extra_groups=None if user is None else [],
            preexec_fn=_die_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509 - the tests start processes from their main thread
        )
    atexit.register(kill, process)
    return process


def kill(process: subprocess.Popen[bytes]) -> None:
    """Kill a process and wait for its end."""
    if process.poll() is None:
        process.kill()
    process.wait()
    if process.stdin is not None:
        process.stdin.close()


def stop(process: subprocess.Popen[bytes], *, within_s: float = 30) -> int:
    """Ask a process to end and return its exit code; kill it when it does not."""
    if process.poll() is None:
        process.terminate()
    try:
        return process.wait(within_s)
    finally:
        kill(process)


def free_port() -> int:
    """Return a port on the loopback interface that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def listens(port: int) -> bool:
    """Say whether somebody answers on a loopback port."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0

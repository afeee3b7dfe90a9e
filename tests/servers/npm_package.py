"""A package of the npm registry, unpacked: what its authors publish there is not copied here."""

import os
import shutil
import subprocess
import tarfile
from pathlib import Path

from servers.missing import Missing

CACHE = Path(__file__).parents[2] / ".cache" / "npm"


def fetch(name: str, version: str) -> Path:
    """Return the folder of a package in one version; fetch it once, and run nothing of it.

    Raises:
        Missing: there is no npm.
    """
    folder = CACHE / f"{name.replace('/', '-')}-{version}"
    if folder.is_dir():
        return folder / "package"
    if shutil.which("npm") is None:
        raise Missing(f"the test against {name} needs npm on the PATH")
    unfinished = folder.with_suffix(f".{os.getpid()}")
    unfinished.mkdir(parents=True)
    subprocess.run(
        ["npm", "pack", "--silent", f"{name}@{version}", "--pack-destination", str(unfinished)],
        check=True,
        timeout=120,
        stdout=subprocess.DEVNULL,
    )
    (packed,) = unfinished.glob("*.tgz")
    with tarfile.open(packed) as archive:
        archive.extractall(unfinished, filter="data")
    unfinished.rename(folder)
    return folder / "package"

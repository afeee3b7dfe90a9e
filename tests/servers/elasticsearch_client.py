"""Elasticsearch's Python client of the major version before, apart from the one that is installed.

Two cannot be in one environment: its folder, put first on ``PYTHONPATH``, hides the other one.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from servers.missing import Missing

PACKAGES = ("elasticsearch==8.19.3", "elastic-transport==8.17.1")
CACHE = Path(__file__).parent.parent.parent / ".cache"


def older_client() -> Path:
    """Return the folder; it is fetched once.

    Raises:
        Missing: it cannot be fetched.
    """
    folder = CACHE / PACKAGES[0].replace("==", "-client-")
    if not folder.is_dir():
        _fetch(folder)
    return folder


def _fetch(folder: Path) -> None:
    unfinished = folder.with_name(f"{folder.name}.{os.getpid()}")
    # what they need besides is there already: the other version needs the same
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target"]
    done = subprocess.run(
        [*pip, unfinished, *PACKAGES], capture_output=True, text=True, check=False, timeout=120
    )
    if done.returncode:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise Missing(f"pip could not fetch {' '.join(PACKAGES)}: {done.stderr[-300:]}")
    unfinished.rename(folder)

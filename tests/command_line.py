"""Runs ``aftershock`` as a shell would, but in the process of the test: imports are made once.

What only a process of its own shows (what is imported, what a terminal shows) is tested in one.
"""

import io
import os
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from pipeline.cli import main


def aftershock(*arguments: str, folder: Path, **environment: str) -> tuple[int, str, str]:
    """Return the exit code of a command that runs in a folder, its output, and what it told."""
    out, told = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(told):
        for name in [name for name in os.environ if name.startswith("AFTERSHOCK_")]:
            patch.delenv(name)
        for name, value in environment.items():
            patch.setenv(name, value)
        patch.chdir(folder)
        patch.setattr(sys, "argv", ["aftershock", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
    code = ended.value.code or 0
    assert isinstance(code, int)
    return code, _read(out), _read(told)


def _read(written: io.TextIOWrapper) -> str:
    written.seek(0)
    return written.read()

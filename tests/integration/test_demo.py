"""The demo does what the README says, and leaves nothing running."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.analyze import analyze
from pipeline.assembly import flow_of
from pipeline.records import canonical
from pipeline.settings import Settings

REPOSITORY = Path(__file__).parents[2]
RECORDING = REPOSITORY / "pipeline" / "demo" / "data" / "database-outage.jsonl.zst"


def running(address: str) -> bool:
    """Tell whether any process has the broker's address on its command line."""
    commands = (path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline"))
    return any(address.encode() in command for command in commands)


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="looks at /proc")
def test_the_demo_shows_the_outage_and_quits_clean(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pipeline", "demo", "--results", str(tmp_path)]
    shown = subprocess.run(
        [*command, "--speed", "2000"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    ).stdout

    assert re.search(r"open .*jupyterhub/db", shown)
    assert re.search(r"resolved .*jupyterhub/db", shown)
    assert "How it spread" in shown
    found = analyze([RECORDING], flow_of(Settings()), on_rejected=print).incidents
    expected = b"".join(canonical(incident) + b"\n" for incident in found)
    assert (tmp_path / "incidents.jsonl").read_bytes() == expected
    port = re.search(r"embedded broker on (\S+);", shown)
    assert port is not None
    assert not running(port[1])

"""The commands as a user meets them: quick to answer, one line when something is wrong."""

import json
import os
import pty
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from command_line import aftershock
from incident_values import incident, symptom
from pipeline.records import canonical
from pipeline.store import open_store
from scenarios.timeline import DB, Timeline

REPOSITORY = Path(__file__).parents[2]
HEAVY = ("kafka", "faust", "aiokafka", "numpy")


def run(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith("AFTERSHOCK_")}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={**own, "PYTHONPATH": str(REPOSITORY), "PYTHONSAFEPATH": "1"},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )


def test_help_loads_nothing_heavy(tmp_path: Path) -> None:
    code = f"import sys, pipeline.cli; print([m for m in {HEAVY!r} if m in sys.modules])"
    assert run("-c", code, folder=tmp_path).stdout == "[]\n"


def test_settings_are_printed_with_their_source(tmp_path: Path) -> None:
    (tmp_path / "aftershock.yaml").write_text("kafka: {topic_prefix: site}")
    code, out, _ = aftershock(
        "settings", "--json", folder=tmp_path, AFTERSHOCK_STORE="sqlite:///x.db"
    )
    rows = {row["key"]: (row["value"], row["source"]) for row in json.loads(out)}
    assert code == 0
    assert rows["kafka.topic_prefix"] == ("site", "aftershock.yaml")
    assert rows["store"] == ("sqlite:///x.db", "environment")


def test_expected_trouble_is_one_line_and_exit_code_1(tmp_path: Path) -> None:
    for arguments in (
        ["incidents", "list"],
        ["incidents", "export", "--store", "https://es:9200"],
        ["replay", "nowhere.jsonl"],
        ["settings", "--settings", "nowhere.yaml"],
    ):
        code, out, err = aftershock(*arguments, folder=tmp_path)
        assert (code, out, err.count("\n")) == (1, "", 1), err
        assert err.startswith("aftershock: ")
    process = run("-m", "pipeline", *arguments, folder=tmp_path)
    assert (process.returncode, process.stdout, process.stderr) == (code, out, err)


FOUND = {
    "hub.log": "nothing of it is of a node of the topology",
    "notes.txt": "nothing of it could be read",
}


@pytest.mark.parametrize("name", FOUND)
def test_what_was_read_in_vain_comes_with_what_to_do(tmp_path: Path, name: str) -> None:
    line = "2026-03-02T10:00:00.123456789Z [I 2026-03-02 10:00:00.123 JupyterHub x:1] up\n"
    (tmp_path / name).write_text(line if name.endswith(".log") else "it broke\n")
    code, out, err = aftershock("analyze", name, folder=tmp_path)
    assert (code, out) == (0, "")
    assert err.splitlines()[-1].startswith(FOUND[name])


def test_on_a_terminal_incidents_are_drawn(tmp_path: Path) -> None:
    told = Timeline().event(0, DB, "BackOff", "Back-off restarting failed container", count=5).told
    (tmp_path / "a.jsonl").write_bytes(b"\n".join(canonical(one) for one in told))
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "pipeline", "analyze", "a.jsonl", "-o", "incidents.jsonl"]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    with subprocess.Popen(command, cwd=tmp_path, stdout=theirs, env=environment) as process:
        os.close(theirs)
        shown = bytearray()
        with suppress(OSError):  # the end, as a terminal tells it
            while part := os.read(ours, 65_536):
                shown += part
    os.close(ours)
    assert process.returncode == 0
    assert b"Container crashes again and again: jupyterhub/db" in shown
    assert (tmp_path / "incidents.jsonl").read_bytes().startswith(b"{")


def test_export_writes_final_records_by_start_and_id(tmp_path: Path) -> None:
    late, early = incident("a", start=9, status="resolved"), incident("b", start=1)
    merged = incident("c", start=0, status="merged")
    store = open_store(f"sqlite:///{tmp_path}/aftershock.db")
    store.put([late, early, merged])
    store.close()
    _, out, _ = aftershock("incidents", "export", folder=tmp_path)
    assert out.encode() == b"".join(canonical(one) + b"\n" for one in (early, late))
    aftershock("incidents", "export", "--merged", "-o", "all.jsonl", folder=tmp_path)
    everything = b"".join(canonical(one) + b"\n" for one in (merged, early, late))
    assert (tmp_path / "all.jsonl").read_bytes() == everything


def test_show_takes_the_beginning_of_an_id_that_fits_one(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path}/aftershock.db")
    store.put([incident("abc1", symptoms=(symptom("s", "db", 0),)), incident("abc2")])
    store.close()
    code, out, _ = aftershock("incidents", "show", "abc1", folder=tmp_path)
    assert code == 0
    assert "s-signature" in out
    code, _, err = aftershock("incidents", "show", "abc", folder=tmp_path)
    assert code == 1
    assert "abc1, abc2" in err

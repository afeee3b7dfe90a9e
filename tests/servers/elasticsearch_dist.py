"""Elasticsearch's real engine as a folder: fetched once by Maven, checked, unpacked.

It is Elastic's own distribution for integration tests: the engine without Kibana, lifecycle
policies, scripts and ``GET /``; what else it lacks, the tests say where they meet it.
"""

import hashlib
import os
import shutil
import stat
import subprocess
import zipfile
from pathlib import Path

from servers.missing import Missing

CACHE = Path(__file__).parent.parent.parent / ".cache" / "elasticsearch"
COORDINATES = "org.elasticsearch.distribution.integ-test-zip:elasticsearch:{version}:zip"
GOAL = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy"
SHA256 = {
    "8.19.21": "215d5f3dbf0609a149f6218a9e47b6ae2df34ebbff3c5754e35f15a5e5393c8a",
    "9.5.3": "bec49f3b8d00e75c8d1cec85c35298635ec9fbd3ae80ef5aeb6bc05abdb3db2d",
}
"""Not every version is published there."""
_JAVA = {"8.19.21": 17, "9.5.3": 21}
_JVMS = Path("/usr/lib/jvm")


def distribution(version: str) -> Path:
    """Return the folder of a version, readable for any user.

    Raises:
        Missing: it was not fetched yet and cannot be: no Maven, or no way to Maven Central.
    """
    folder = CACHE / f"elasticsearch-{version}"
    if not folder.is_dir():
        _unpack(_fetched(version), folder)
    return folder


def java_home(version: str) -> Path:
    """Return a JDK that is new enough for a version.

    Raises:
        Missing: there is none.
    """
    least = _JAVA[version]
    found = {home: _major(home) for home in _homes()}
    fitting = [home for home, major in found.items() if major >= least]
    if not fitting:
        raise Missing(
            f"the tests against Elasticsearch {version} need a whole JDK {least} or later:"
            " JAVA_HOME, or one below /usr/lib/jvm (a runtime without jdk.jlink does not do)"
        )
    return min(fitting, key=lambda home: found[home])


def _homes() -> list[Path]:
    named = [Path(os.environ["JAVA_HOME"])] if "JAVA_HOME" in os.environ else []
    return [*named, *(sorted(_JVMS.iterdir()) if _JVMS.is_dir() else ())]


def _major(home: Path) -> int:
    java = home / "bin" / "java"
    if not java.is_file():
        return 0
    told = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    number = told.partition('"')[2].partition(".")[0]
    return int(number) if number.isdigit() else 0


def _fetched(version: str) -> Path:
    if shutil.which("mvn") is None:
        raise Missing("the tests against Elasticsearch need Maven (mvn) on the PATH")
    CACHE.mkdir(parents=True, exist_ok=True)
    artifact = COORDINATES.format(version=version)
    done = subprocess.run(
        ["mvn", "-q", "-B", GOAL, f"-Dartifact={artifact}", f"-DoutputDirectory={CACHE}"],
        cwd=CACHE,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    archive = CACHE / f"elasticsearch-{version}.zip"
    if done.returncode or not archive.is_file():
        raise Missing(f"Maven could not fetch {artifact}: {done.stdout[-300:]}")
    with archive.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    if found != SHA256[version]:
        archive.unlink()
        raise RuntimeError(f"{artifact}: sha256 is {found}, not {SHA256[version]}")
    return archive


def _unpack(archive: Path, folder: Path) -> None:
    """Unpack beside, then rename: a run that is killed leaves nothing half done."""
    unfinished = folder.with_suffix(f".{os.getpid()}")
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(unfinished)
        for entry in opened.infolist():
            mode = entry.external_attr >> 16
            executable = bool(mode & stat.S_IXUSR) or entry.is_dir()
            (unfinished / entry.filename).chmod(0o755 if executable else 0o644)
    (inner,) = unfinished.iterdir()
    inner.rename(folder)
    unfinished.rmdir()
    archive.unlink()

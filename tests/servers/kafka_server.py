"""Apache Kafka (KRaft, one process) for the integration tests: real jars, own data folder."""

import base64
import os
import shutil
import subprocess
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path

from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from servers import children
from servers.missing import Missing

HERE = Path(__file__).parent
CACHE = HERE.parent.parent / ".cache" / "kafka"

_PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers=127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
log.dirs={data}
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
"""


def jars() -> Path:
    """Return the folder with the broker's jars; fetch them once, by Maven.

    Raises:
        Missing: there is no Java or no Maven.
    """
    wanted = {"java": "a JDK >= 17 (java)", "mvn": "Maven (mvn)"}
    missing = [what for command, what in wanted.items() if shutil.which(command) is None]
    if missing:
        raise Missing(f"the tests against Apache Kafka need {' and '.join(missing)} on the PATH")
    pom = (HERE / "pom.xml").read_text()
    folder = CACHE / uuid.uuid5(uuid.NAMESPACE_URL, pom).hex[:12]
    if not folder.is_dir():
        _fetch(folder)
    return folder


def _fetch(folder: Path) -> None:
    unfinished = folder.with_suffix(f".{os.getpid()}")
    goal = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
    subprocess.run(
        ["mvn", "-q", "-B", "-f", str(HERE / "pom.xml"), goal, f"-DoutputDirectory={unfinished}"],
        check=True,
        timeout=300,
    )
    unfinished.rename(folder)


@dataclass
class Kafka:
    """A broker on a loopback port; its data outlives kill and restart, not the folder."""

    folder: Path
    port: int = field(default_factory=children.free_port)
    controller: int = field(default_factory=children.free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def bootstrap_servers(self) -> str:
        """Where clients connect."""
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        """Format the data folder if it is new, start the broker, wait until it answers."""
        classpath = f"{jars()}/*"
        properties = self.folder / "server.properties"
        if not properties.exists():
            text = _PROPERTIES.format(
                port=self.port, controller=self.controller, data=self.folder / "data"
            )
            properties.write_text(text)
            cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
            tool = ["java", "-cp", classpath, "kafka.tools.StorageTool", "format", "-t", cluster]
            subprocess.run(
                [*tool, "-c", str(properties), "--standalone"],
                check=True,
                capture_output=True,
                timeout=60,
            )
        quiet = "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"
        lean = ["-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
        self.process = children.start(
            ["java", *lean, quiet, "-cp", classpath, "kafka.Kafka", properties],
            log=self.folder / "kafka.log",
        )
        self._await_answer(self.process)

    def kill(self) -> None:
        """Kill the broker (-9)."""
        if self.process is not None:
            children.kill(self.process)

    def restart(self) -> None:
        """Start again on the same data and port."""
        self.start()

    def _await_answer(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and process.poll() is None:
            if children.listens(self.port) and self._answers():
                return
            time.sleep(0.2)
        raise RuntimeError(f"Kafka did not start:\n{(self.folder / 'kafka.log').read_text()}")

    def _answers(self) -> bool:
        try:
            admin = KafkaAdminClient(bootstrap_servers=self.bootstrap_servers)
            try:
                admin.list_topics()
            finally:
                admin.close()
        except KafkaError:
            return False
        return True

"""The image, tried without an engine: what ``deploy/try-image.sh`` runs, as root on Linux.

Every service of ours in the compose file runs from the image, as an engine would run it: another
root that is read-only but for /tmp, an arbitrary user in group 0 as OpenShift gives it, no new
privileges, the image's environment and entry point, the service's own command, variables, mounts
and health check. Kafka, Elasticsearch and the Kubernetes API server beside it are real, Kibana is
a stand-in. There is no isolation of the network: addresses are replaced by loopback ones.
"""

import base64
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import compose_file
from kibana_stand_in import KibanaStandIn
from servers import children
from servers.control_plane import ControlPlane
from servers.elasticsearch_server import Elasticsearch
from servers.kafka_server import Kafka, jars
from servers.waiting import until

ANYBODY = 1_000_680_000
"""A user id as OpenShift gives it to a namespace."""
READY_S = 90.0
NAMESPACE = "jhub"
_ROOM = """
root=$1; shift
mount --bind "$root" "$root"
while [ "$1" != -- ]; do
    mkdir -p "$(dirname "$root$2")"
    if [ -d "$1" ]; then mkdir -p "$root$2"; else touch "$root$2"; fi
    mount --bind -o ro "$1" "$root$2"
    shift 2
done
shift
mount --rbind /dev "$root/dev"
mount --rbind /proc "$root/proc"
mount -t tmpfs -o size=64m,mode=1777 tmpfs "$root/tmp"
mount -o remount,bind,ro "$root"
exec setpriv --no-new-privs chroot --userspec="$USERSPEC" --groups= "$root" "$@"
"""
"""Makes the container's view of the files in a mount namespace of its own, then the command of it.

Arguments: the root; pairs of what is mounted and where; ``--``; the command."""


@dataclass
class Image:
    """A container of the image: its root as a folder of this machine, and how it is run."""

    root: Path
    config: dict[str, Any]
    folder: Path
    """For what the processes say."""
    user: int = ANYBODY

    def command(
        self,
        program: Sequence[str],
        variables: Mapping[str, str],
        mounts: Mapping[str, Path] | None = None,
    ) -> list[str]:
        """Return a program of the image as this machine starts it."""
        given = [f"{name}={value}" for name, value in variables.items()]
        inside = ["env", "-i", f"--chdir={self.config['WorkingDir']}", *self.config["Env"], *given]
        mounted = [str(part) for at, what in (mounts or {}).items() for part in (what, at)]
        return [
            *("env", f"USERSPEC={self.user}:0", "unshare", "--mount", "sh", "-euc", _ROOM, "room"),
            *(str(self.root), *mounted, "--", *inside, *program),
        ]

    def run(
        self,
        program: Sequence[str],
        variables: Mapping[str, str],
        mounts: Mapping[str, Path] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run a program of the image to its end."""
        return subprocess.run(
            self.command(program, variables, mounts),
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
            stdin=subprocess.DEVNULL,
        )


@contextmanager
def container(name: str, folder: Path) -> Iterator[Image]:
    """Make a container of an image; it is removed at the end."""
    made = _said("buildah", "from", "--pull-never", name)
    try:
        root = Path(_said("buildah", "mount", made))
        config = json.loads(_said("buildah", "inspect", made))["OCIv1"]["config"]
        yield Image(root, config, folder)
    finally:
        _said("buildah", "rm", made)


def _said(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@dataclass
class Site:
    """The compose file's services of ours, on servers of this machine."""

    image: Image
    kafka: Kafka
    elasticsearch: Elasticsearch
    kibana: KibanaStandIn
    kubeconfig: Path
    ports: dict[str, int] = field(default_factory=dict)
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def variables(self, service: str) -> dict[str, str]:
        """Return the environment of a service, with addresses of this machine."""
        given = compose_file.environment(compose_file.services()[service])
        port = str(self.ports.setdefault(service, children.free_port()))
        return given | {
            "AFTERSHOCK_KAFKA__BOOTSTRAP_SERVERS": self.kafka.bootstrap_servers,
            "AFTERSHOCK_STORE": self.elasticsearch.url,
            "AFTERSHOCK_KIBANA__URL": self.kibana.url,
            "AFTERSHOCK_HEALTH__HOST": "127.0.0.1",
            f"AFTERSHOCK_HEALTH__{service.upper()}_PORT": port,
            "AFTERSHOCK_ADAPT__WEBHOOK_HOST": "127.0.0.1",
            "AFTERSHOCK_ADAPT__WEBHOOK_PORT": "0" if service == "adapt" else "",
            "AFTERSHOCK_INGEST__CLUSTER__NAMESPACES": json.dumps([NAMESPACE]),
        }

    def mounts(self, service: str) -> dict[str, Path]:
        """Return what a service mounts: the API server's kubeconfig, else what the file says."""
        found = {}
        for mount in compose_file.services()[service].get("volumes", ()):
            here = compose_file.REPOSITORY / mount["source"]
            found[mount["target"]] = self.kubeconfig if service == "ingest" else here
        return found

    def once(self, service: str) -> None:
        """Run a service that ends; it must end well."""
        program = [*self.image.config["Entrypoint"], *compose_file.services()[service]["command"]]
        variables = {k: v for k, v in self.variables(service).items() if "HEALTH__" not in k}
        ended = self.image.run(program, variables, self.mounts(service))
        assert ended.returncode == 0, f"{service}: {ended.stdout}{ended.stderr}"
        _tell(f"{service}: {' '.join(program)}: done")

    def only_incident(self) -> dict[str, Any]:
        """Return the one incident that there must be."""
        program = [*self.image.config["Entrypoint"], "incidents", "list", "--json"]
        listed = self.image.run(program, self.variables("index"))
        assert listed.returncode == 0, listed.stderr
        (only,) = listed.stdout.splitlines()
        found: dict[str, Any] = json.loads(only)
        return found

    def start(self, service: str) -> None:
        """Start a role."""
        program = [*self.image.config["Entrypoint"], *compose_file.services()[service]["command"]]
        command = self.image.command(program, self.variables(service), self.mounts(service))
        self.running[service] = children.start(command, log=self.image.folder / f"{service}.log")

    def ready(self, service: str) -> None:
        """Wait until a role's own health check says that it is well; tell whom it runs as."""

        def well() -> bool:
            assert self.running[service].poll() is None, self._log(service)
            return self._checked(service).returncode == 0

        until(well, within_s=READY_S, what=f"{service} ready: {self._log(service)}")
        status = _status(self.running[service].pid)
        assert status["Uid"].split()[0] == str(self.image.user), status["Uid"]
        assert status["Gid"].split()[0] == "0", status["Gid"]
        assert (status["NoNewPrivs"], int(status["CapEff"], 16)) == ("1", 0)
        _tell(f"{service}: ready as user {self.image.user}, {status['VmRSS']} resident")

    def stop(self, service: str) -> None:
        """Stop a role as an engine does; it must end by itself, and well."""
        code = children.stop(self.running[service], within_s=15)
        assert code == 0, f"{service}: {code}: {self._log(service)}"
        _tell(f"{service}: stopped")

    def kill(self) -> None:
        """Kill what still runs."""
        for process in self.running.values():
            children.kill(process)

    def _checked(self, service: str) -> subprocess.CompletedProcess[str]:
        kind, *check = compose_file.services()[service]["healthcheck"]["test"]
        assert kind == "CMD"
        check = [part.replace(":8080/", f":{self.ports[service]}/") for part in check]
        return self.image.run(check, {})

    def _log(self, service: str) -> str:
        return (self.image.folder / f"{service}.log").read_text(encoding="utf-8")


def _status(pid: int) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def try_servers_checks(site: Site) -> None:
    """Run the health checks of Kafka and Elasticsearch against the real ones, up and down."""
    _, *check = compose_file.services()["kafka"]["healthcheck"]["test"]
    script = next(number for number, part in enumerate(check) if part.endswith(".sh"))
    tool = "org.apache.kafka.tools.BrokerApiVersionsCommand"  # what the image's script calls
    check[script : script + 1] = ["java", "-Xmx64m", "-cp", f"{jars()}/*", tool]
    check = [part.replace("localhost:19092", site.kafka.bootstrap_servers) for part in check]
    _, *asked = compose_file.services()["elasticsearch"]["healthcheck"]["test"]
    asked[-1] = asked[-1].replace("http://localhost:9200", site.elasticsearch.url)
    for name, command in (("kafka", check), ("elasticsearch", asked)):
        assert _code(command) == 0, command
        _tell(f"{name}: its health check says that it is well")
    site.elasticsearch.kill()
    site.kafka.kill()
    for name, command in (("kafka", check), ("elasticsearch", asked)):
        assert _code(command) != 0, command
        _tell(f"{name}: its health check says that it is gone")


def _code(command: Sequence[str]) -> int:
    return subprocess.run(command, capture_output=True, timeout=60, check=False).returncode


def try_confinement(image: Image) -> None:
    """See that only /tmp can be written to."""
    for place in ("/data/x", "/opt/aftershock/x", "/x"):
        written = image.run(["python", "-c", f"open({place!r}, 'w')"], {})
        assert "Read-only file system" in written.stderr, written
    assert image.run(["python", "-c", "open('/tmp/x', 'w')"], {}).returncode == 0
    _tell("only /tmp can be written to")


def try_all(site: Site) -> None:
    """Run every service of ours: set-up twice, the flow, the sample through it, the doors, stop."""
    roles = {
        name: each
        for name, each in compose_file.ours().items()
        if each["restart"] == "unless-stopped"
    }
    flow = [name for name, each in roles.items() if "profiles" not in each]
    doors = [name for name in roles if name not in flow]
    for name in ("topics", "templates", "dashboard") * 2:
        site.once(name)
    for group in (flow, doors):  # what happens now is later than the sample: the doors open last
        for name in group:
            site.start(name)
        for name in group:
            site.ready(name)
        if group is flow:
            site.once("replay")
            _tell(f"incidents list: {site.only_incident()['title']}")
    for name in roles:
        site.stop(name)


def _flat(kubeconfig: Path) -> Path:
    """Rewrite a kubeconfig so that it needs no other file, as ``kubectl config --flatten`` does."""
    config = json.loads(kubeconfig.read_text(encoding="utf-8"))
    for each in config["clusters"]:
        authority = Path(each["cluster"].pop("certificate-authority"))
        encoded = base64.b64encode(authority.read_bytes()).decode()
        each["cluster"]["certificate-authority-data"] = encoded
    kubeconfig.write_text(json.dumps(config), encoding="utf-8")
    kubeconfig.chmod(0o644)
    return kubeconfig


def _cluster(control_plane: ControlPlane) -> Path:
    """Return the kubeconfig of the shipped service account of a namespace."""
    control_plane.start()
    namespace = control_plane.admin.namespace(NAMESPACE)
    roles = compose_file.REPOSITORY / "deploy" / "kubernetes" / "ingest-rbac-namespaced.yaml"
    control_plane.admin.apply(roles, namespace=namespace)
    return _flat(control_plane.kubeconfig(control_plane.token_for(namespace, "aftershock-ingest")))


def _tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main(name: str) -> None:
    """Try an image by name."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        image = stack.enter_context(container(name, folder))
        try_confinement(image)
        kafka, elasticsearch = Kafka(folder), Elasticsearch()
        stack.callback(kafka.kill)
        stack.callback(elasticsearch.close)
        kafka.start()
        elasticsearch.start()
        control_plane = ControlPlane(folder)
        stack.callback(control_plane.stop)
        kibana = KibanaStandIn()
        stack.callback(kibana.close)
        site = Site(image, kafka, elasticsearch, kibana, _cluster(control_plane))
        stack.callback(site.kill)
        try_all(site)
        try_servers_checks(site)
    _tell(f"{name}: all of it works")


if __name__ == "__main__":
    main(*sys.argv[1:])

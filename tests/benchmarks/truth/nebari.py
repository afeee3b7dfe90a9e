"""``python -m benchmarks.truth.nebari [list or show options]``: what detection sees in real logs.

In: the pod logs of a real JupyterHub-based deployment, one section a pod, in the folder with the
data. Out: they as ``kubectl cluster-info dump`` would have them, a topology by the chart's names,
and what ``aftershock symptoms list`` says of both. Nobody labelled them: read the logs beside it.
They are of some ten minutes at most, in which one user's app fails twice and a service of the hub
answers one request with 500. That is not worth a symptom (its rules ask for more), so the list is
empty; the 228 lines of ``--suppressed`` are an app's output that its proxy logs as errors.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml

from benchmarks.truth.case import DATA, data_folder
from pipeline.cli import main as aftershock

LOGS = "jupyterhub-logs/nebari-pods.txt"
_SECTION = "=== "
_CONTAINER = "main"

_REPLICA = r"-[a-z0-9]{7,10}-[a-z0-9]{5}"
_PODS = {
    "jupyterhub/hub": f"hub{_REPLICA}",
    "jupyterhub/proxy": f"proxy{_REPLICA}",
    "ingress": f"nebari-traefik-ingress{_REPLICA}",
    "jupyterhub/user/{user}": "jupyter-(?P<user>.+)",
    "keycloak": "keycloak-0",
    "keycloak-db": "keycloak-postgresql-0",
    "conda-store-db": "nebari-conda-store-postgresql-postgresql-0",
    "kube-state-metrics": f"nebari-kube-state-metrics{_REPLICA}",
    "image-puller/{pod}": "continuous-image-puller-(?P<pod>[a-z0-9]{5})",
}
"""Nodes, and the names of their pods."""
_EDGES = (
    ("ingress", "jupyterhub/proxy"),
    ("jupyterhub/proxy", "jupyterhub/hub"),
    ("jupyterhub/hub", "jupyterhub/user/{user}"),
    ("keycloak", "jupyterhub/hub"),
    ("keycloak-db", "keycloak"),
)


def main() -> None:
    """Convert, and list the symptoms."""
    source = data_folder() / LOGS
    if not source.exists():
        sys.exit(f"no real logs at {source}: name the folder of the data by {DATA}")
    with TemporaryDirectory() as folder:
        dump, topology = Path(folder) / "dump.txt", Path(folder) / "nebari.yaml"
        dump.write_text("\n".join(dumped(source.read_text("utf-8").split("\n"))) + "\n", "utf-8")
        topology.write_text(yaml.safe_dump(declared(), sort_keys=False), "utf-8")
        given = ["symptoms", "list", str(dump), "--topology", str(topology)]
        sys.argv = ["aftershock", *given, *sys.argv[1:]]
        aftershock()


def dumped(lines: list[str]) -> Iterator[str]:
    """Yield the sections as a dump of a cluster has them."""
    pod = ""
    for line, after in zip(lines, [*lines[1:], ""], strict=True):
        if line.startswith(_SECTION):
            yield from _end(pod)
            pod = after.split("\t")[-1]
            yield f"==== START logs for container {_CONTAINER} of pod dev/{pod} ===="
        elif pod and line and not line.endswith(f"\t{pod}"):
            yield line
    yield from _end(pod)


def declared() -> dict[str, object]:
    """Return the topology."""
    nodes = [
        {"id": node, "observed": ["logs"], "match": [{"name": name}]}
        for node, name in _PODS.items()
    ]
    edges = [{"cause": cause, "effect": effect} for cause, effect in _EDGES]
    return {"application": "nebari", "nodes": nodes, "edges": edges}


def _end(pod: str) -> Iterator[str]:
    if pod:
        yield f"==== END logs for container {_CONTAINER} of pod dev/{pod} ===="


if __name__ == "__main__":
    main()

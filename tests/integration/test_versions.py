"""A recording that crosses a change of the graph, through a real Kafka and the live roles."""

import json
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from servers.broker_view import BrokerView
from servers.site import Site
from topology import load

NAME = "jupyterhub-openshift"
CHANGE = "2026-03-02T10:05:40Z"
"""Symptoms of the outage begin from 10:05:15 to 10:09:01."""


@pytest.fixture
def later(tmp_path: Path) -> Path:
    """The shipped graph with another title, from amid the outage on."""
    shipped = (resources.files("topology") / "applications" / f"{NAME}.yaml").read_text("utf-8")
    file = tmp_path / "later.yaml"
    title = "title: JupyterHub on OpenShift\n"
    assert title in shipped
    file.write_text(shipped.replace(title, f"title: The next\nvalid_from: {CHANGE}\n"), "utf-8")
    return file


@pytest.fixture
def crossed(site: Site, outage: Path, later: Path) -> Site:
    """A site with both graphs, to which the outage has happened."""
    site.extra["AFTERSHOCK_TOPOLOGY"] = f"{NAME},{later}"
    site.run()
    site.replay(str(outage))
    return site


def shown(site: Site, wanted: str) -> dict[str, Any]:
    done = site.command("topology", "show", "--published", wanted, "--json")
    assert done.returncode == 0, done.stderr
    graph: dict[str, Any] = json.loads(done.stdout)
    return graph


def test_an_incident_across_a_change_says_so_and_every_version_is_on_the_topic(
    crossed: Site, broker: BrokerView, outage: Path, later: Path
) -> None:
    old, new = load(NAME), load(str(later))
    exported = crossed.export()
    assert exported == crossed.analyze(str(outage))
    (incident,) = map(json.loads, exported.splitlines())
    assert "graph-changed" in {reason["code"] for reason in incident["causes"][0]["reasons"]}
    assert incident["graph_version"] == old.version

    published = broker.latest(f"{crossed.prefix}.topology")
    assert {key.decode(): json.loads(value)["version"] for key, value in published.items()} == {
        NAME: new.version,
        f"{NAME}@{old.version}": old.version,
        f"{NAME}@{new.version}": new.version,
    }
    named = shown(crossed, f"{incident['application']}@{incident['graph_version']}")
    assert (named["version"], named["valid_from"]) == (old.version, None)
    assert shown(crossed, NAME)["valid_from"] == CHANGE
    absent = crossed.command("topology", "show", "--published", "shop")
    assert (absent.returncode, absent.stderr.count("\n")) == (1, 1)

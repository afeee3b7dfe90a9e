"""A small JupyterHub to correlate on, and symptoms in relative seconds."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Any

import pytest

from pipeline.correlate.likelihood import Likelihood
from pipeline.correlate.settings import CorrelateSettings
from pipeline.records import Implication, Symptom
from topology.graph import Graph
from topology.model import Application, Delay, Edge, NodeTemplate

START = datetime(2026, 3, 2, 10, tzinfo=UTC)


@pytest.fixture(scope="session")
def application() -> Application:
    return Application(
        name="hub",
        nodes=(
            NodeTemplate(id="hub", entry=True),
            NodeTemplate(id="db"),
            NodeTemplate(id="user/{user}"),
            NodeTemplate(id="volume/{claim}", kind="infrastructure"),
            NodeTemplate(id="machine/{name}", kind="infrastructure"),
            NodeTemplate(id="api", kind="platform", observed=()),
        ),
        edges=(
            edge("db", "hub", (5, 60), 0.9),
            edge("hub", "db", (60, 600), 0.2),
            edge("hub", "user/{user}", (60, 330), 0.7),
            edge("user/{user}", "hub", (30, 600), 0.1),
            edge("api", "hub", (10, 90), 0.9),
            edge("volume/db", "db", (5, 300), 0.9),
            Edge(
                cause="machine/{name}",
                effect="user/{user}",
                delay=Delay(typical_s=30, longest_s=300),
                strength=0.8,
                via="cluster_node",
            ),
        ),
    )


def edge(cause: str, effect: str, delay_s: tuple[float, float], strength: float) -> Edge:
    return Edge(
        cause=cause,
        effect=effect,
        delay=Delay(typical_s=delay_s[0], longest_s=delay_s[1]),
        strength=strength,
    )


@pytest.fixture
def model(application: Application) -> Likelihood:
    return Likelihood(Graph(application), CorrelateSettings())


Symptoms = Callable[..., Symptom]


@pytest.fixture
def symptom() -> Symptoms:
    """Build a symptom at a node, seen from ``at`` to ``until`` (seconds after 10:00)."""

    def build(node: str, at: float, until: float | None = None, **more: Any) -> Symptom:  # noqa: ANN401 - any field
        signature = more.pop("signature", "trouble")
        implicates = more.pop("implicates", {})
        onset = START + timedelta(seconds=at)
        identity = blake2b(f"{node}|{signature}|{at}".encode(), digest_size=8).hexdigest()
        fields: dict[str, Any] = {
            "id": identity,
            "revision": 2,
            "node": node,
            "detector": "logs",
            "signature": signature,
            "fingerprint": signature,
            "symptom_class": "error",
            "severity": "major",
            "title": signature,
            "onset": onset,
            "detected_at": onset,
            "last_seen": START + timedelta(seconds=at if until is None else until),
            "resolution_s": 0.1,
            "count": 1,
            "state": "closed",
            "score": 0.0,
            "exemplars": ("a line",),
            "implicates": tuple(Implication(node=n, strength=s) for n, s in implicates.items()),
        }
        return Symptom(**(fields | more))

    return build

"""A simulated fault → recording and labels, as the other benchmarks have them."""

from pathlib import Path

from benchmarks.truth.case import Recording
from pipeline.simulate.folder import LABELS, simulate
from pipeline.simulate.run import Recording as Simulated
from pipeline.simulate.run import Settings
from pipeline.simulate.scenarios.scenario import Scenario

TOPOLOGY = Path("jupyterhub-openshift")
"""The shipped application of that name: it is what the simulator simulates."""


def convert(
    scenarios: tuple[Scenario, ...], seed: int, output: Path, settings: Settings | None = None
) -> Recording:
    """Simulate scenarios that come together into ``output``, a new folder."""
    (written,) = simulate([Simulated(scenarios, seed, settings or Settings())], output)
    return Recording(
        name=written.recording.name,
        observations=output / written.file,
        labels=output / LABELS,
        topology=TOPOLOGY,
    )

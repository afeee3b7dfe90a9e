"""What a scenario is: an intervention on a mechanism, and what it is labelled with."""

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from pipeline.simulate.cluster.cluster import Cluster
from pipeline.simulate.jupyterhub.deployment import Deployment
from pipeline.simulate.kernel import Kernel


@dataclass(frozen=True, slots=True)
class Stage:
    """All that a scenario may lay its hands on."""

    kernel: Kernel
    cluster: Cluster
    hub: Deployment
    chance: Random
    """The scenario's own stream."""
    begin_s: float
    """When the fault is to begin; before that all is quiet."""
    end_s: float
    """The recording's end."""


@dataclass(slots=True)
class Case:
    """What happened, as the labels will say it. Filled in while it happens."""

    start_s: float
    end_s: float
    root_cause: tuple[str, ...] = ()
    """Node ids; empty: nothing is at fault."""
    affected: set[str] = field(default_factory=set)
    """Node ids that really were hit: the mechanism itself notes them down, or the scenario does
    when it ends (``Scenario.finish``)."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """One way in which things go wrong (or only look like it)."""

    id: str
    """``S01`` … ``S28``."""
    name: str
    """``database-dies``: words with hyphens; the label's ``kind``."""
    title: str
    """One line for people."""
    play: Callable[[Stage], Case]
    """Arrange the interventions (with ``kernel.at`` and processes); called before time begins."""
    finish: Callable[[Stage, Case], None] = lambda _stage, _case: None
    """Called when the recording has ended."""
    needs_s: float = 1500.0
    """How long after its begin the recording must go on for it to unfold."""
    benign: bool = False

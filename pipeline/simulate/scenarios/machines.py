"""Interventions on machines: overloaded, lost, lost with a volume, short of memory."""

from collections.abc import Callable

from pipeline.simulate.cluster.machine import Machine
from pipeline.simulate.cluster.model import GIB, MIB
from pipeline.simulate.jupyterhub.database import CLAIM
from pipeline.simulate.kernel import Steps
from pipeline.simulate.scenarios.bustle import bustle, restart
from pipeline.simulate.scenarios.scenario import Case, Scenario, Stage
from pipeline.simulate.scenarios.spans import between, lasting, nodes_on, note_harm

_STEP_S = 5.0
_GIVES_UP = 0.7
"""Share of users who start a server anew that has become slow."""


def _with_users(stage: Stage) -> str:
    """Return a worker that users' servers run on, likelier one with more of them."""
    names = [one.name for one in stage.cluster.machines.values() if not one.master]
    weights = [
        sum(node.startswith("jupyterhub/user/") for node in nodes_on(stage, name)) for name in names
    ]
    return stage.chance.choices(names, weights=weights)[0] if any(weights) else names[0]


def _where_pods_go(stage: Stage) -> str:
    """Return the worker with the most room of those that have users' servers."""
    names = stage.cluster.scheduler.emptiest()
    return next((name for name in names if nodes_on(stage, name)), names[0])


def _on(
    stage: Stage,
    case: Case,
    act: Callable[[Machine], None],
    choose: Callable[[Stage], str] = _with_users,
) -> None:
    """Choose a machine when the time comes, and do something to it; it is the cause."""

    def begin() -> None:
        name = choose(stage)
        case.root_cause = (f"infrastructure/node/{name}",)
        case.affected.update(nodes_on(stage, name))
        act(stage.cluster.machines[name])

    case.root_cause = ("infrastructure/node/wrk-1",)  # until it is chosen
    stage.kernel.at(case.start_s, begin)


# ── S09 ──────────────────────────────────────────────────────────────────────────────────────────


def _overloaded(stage: Stage) -> Case:
    """A machine is so loaded that its container runtime does not answer in time."""
    case = lasting(stage, 1000, 1800, ())
    bustle(stage)
    factor = stage.chance.uniform(17.0, 26.0)

    def act(machine: Machine) -> None:
        machine.overloaded = factor
        for node in nodes_on(stage, machine.name):  # it is so slow that they start anew
            if stage.chance.random() < _GIVES_UP:
                restart(stage, node, stage.kernel.now + stage.chance.uniform(40, 500))
        if case.end_s < stage.end_s:
            stage.kernel.at(case.end_s, lambda: setattr(machine, "overloaded", 1.0))

    _on(stage, case, act, _where_pods_go)
    return case


# ── S10, S11 ─────────────────────────────────────────────────────────────────────────────────────


def _lost(stage: Stage) -> Case:
    """A machine loses its power."""
    case = lasting(stage, 700, 1600, ())
    bustle(stage)

    def act(machine: Machine) -> None:
        stage.cluster.lose(machine.name)
        if case.end_s < stage.end_s:
            stage.kernel.at(case.end_s, lambda: stage.cluster.recover(machine.name))

    _on(stage, case, act)
    return case


def _volume_stuck(stage: Stage) -> Case:
    """The database's machine is lost, and its volume stays attached to it."""
    volume = f"infrastructure/volume/{CLAIM}"
    case = lasting(stage, 1300, 2200, (volume,))
    bustle(stage)
    chosen: list[str] = []

    def begin() -> None:
        claim = stage.cluster.storage.claim(stage.hub.namespace, CLAIM)
        machine = claim.attached or _with_users(stage)
        chosen.append(machine)
        case.root_cause = (volume, f"infrastructure/node/{machine}")
        case.affected.update(nodes_on(stage, machine))
        stage.cluster.lose(machine)

    between(stage, case, begin, lambda: stage.cluster.recover(chosen[0]))
    return case


# ── S18 ──────────────────────────────────────────────────────────────────────────────────────────


def _short_of_memory(stage: Stage) -> Case:
    """Something outside of all pods leaks memory, and the kubelet evicts."""
    case = lasting(stage, 700, 1400, ())
    bustle(stage)
    leak = stage.chance.uniform(6, 16) * MIB
    until_short_s = stage.chance.uniform(60, 180)
    leaks_on_s = stage.chance.uniform(60, 150)

    def act(machine: Machine) -> None:
        stage.kernel.start(_leak(stage, machine, until_short_s, (leak, leaks_on_s)))
        if case.end_s < stage.end_s:
            stage.kernel.at(case.end_s, lambda: setattr(machine, "foreign_memory", 6 * GIB))

    _on(stage, case, act)
    return case


def _leak(stage: Stage, machine: Machine, until_s: float, after: tuple[float, float]) -> Steps:
    """Take all memory within a time; then some more each second, for a while."""
    rate, leaks_on_s = after
    used = 0.0
    for pod in stage.cluster.pods_on(machine.name):
        for name in ("notebook", "jupyterhub", "postgresql"):
            container = stage.cluster.container(pod.namespace, pod.name, name)
            used += 0.0 if container is None else container.memory_bytes
    free = machine.memory - machine.foreign_memory - used
    steps = max(1, round(until_s / _STEP_S))
    for _ in range(steps):
        yield stage.kernel.wait(_STEP_S)
        machine.foreign_memory += free / steps
    for _ in range(round(leaks_on_s / _STEP_S)):
        yield stage.kernel.wait(_STEP_S)
        machine.foreign_memory += rate * _STEP_S


MACHINES: tuple[Scenario, ...] = (
    Scenario(
        id="S09",
        name="machine-overloaded",
        title="A machine is overloaded: its container runtime times out",
        play=_overloaded,
        finish=note_harm,
        needs_s=2000,
    ),
    Scenario(
        id="S10",
        name="machine-lost",
        title="A machine is lost with all that runs on it",
        play=_lost,
        finish=note_harm,
        needs_s=1900,
    ),
    Scenario(
        id="S11",
        name="volume-stuck",
        title="The database's machine is lost, and the volume cannot be attached elsewhere",
        play=_volume_stuck,
        finish=note_harm,
        needs_s=2600,
    ),
    Scenario(
        id="S18",
        name="evicted",
        title="A machine runs short of memory and evicts pods",
        play=_short_of_memory,
        finish=note_harm,
        needs_s=1700,
    ),
)

"""What interventions have in common: how long they last, and who was harmed meanwhile."""

from collections.abc import Callable, Iterable

from pipeline.simulate.scenarios.scenario import Case, Stage

AFTERMATH_S = 120.0
"""What is harmed so soon after a fault has been mended is harmed by it."""


def lasting(stage: Stage, shortest_s: float, longest_s: float, cause: Iterable[str]) -> Case:
    """Return the case of a fault that is mended after a while, at the latest with the recording."""
    length_s = stage.chance.uniform(shortest_s, longest_s)
    end_s = min(stage.end_s, stage.begin_s + length_s)
    return Case(stage.begin_s, end_s, root_cause=tuple(cause))


def between(stage: Stage, case: Case, begin: Callable[[], None], end: Callable[[], None]) -> None:
    """Have a fault begin and be mended."""
    stage.kernel.at(case.start_s, begin)
    if case.end_s < stage.end_s:
        stage.kernel.at(case.end_s, end)


def note_harm(stage: Stage, case: Case) -> None:
    """Note who was harmed: how a scenario finishes."""
    harmed = stage.hub.harmed_between(case.start_s, case.end_s + AFTERMATH_S)
    case.affected.update(harmed)


def nodes_on(stage: Stage, machine: str) -> list[str]:
    """Return the application's nodes whose pods are on a machine now."""
    hub = stage.hub
    named = {user.pod_name: user.node for user in hub.users}
    kinds = {"jupyterhub": "jupyterhub/hub", "jupyterhub-db": "jupyterhub/db"}
    found = []
    for pod in stage.cluster.pods_on(machine):
        if pod.namespace != hub.namespace:
            continue
        node = named.get(pod.name) or kinds.get(pod.labels.get("deploymentconfig", ""))
        if node is not None:
            found.append(node)
    return found

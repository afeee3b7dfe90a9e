"""Ways that do not depend on names: which lead from any node of a template to any of another.

From one user's server by way of the hub to another's it is the same way whoever they are. So it is
found once for all of them, and only exceptions are looked at one by one: the machine that a server
runs on, the volume of its own user.
"""

from collections.abc import Collection, Iterator
from typing import NamedTuple

from topology import ids
from topology.graph import Graph, Route


class Usual(NamedTuple):
    """What leads from the nodes of one template to those of another."""

    route: Route | None
    """The best that leads from any to any; None where there is none."""
    exceptions: tuple[Route, ...] = ()
    """Routes that hold for some; which causes these are, the effect and its machines tell."""
    asks: bool = False
    """Whether each pair has to be asked for, because neither is so."""


def usual(graph: Graph, cause_template: str, effect_template: str) -> Usual:
    """Return what leads from the nodes of one template to those of another.

    The best way of a pair is the route, unless the cause is one of those that ``excepted`` gives
    for the effect (or the effect itself): for these, it is ``Graph.path`` that tells.
    """
    routes = graph.routes(cause_template, effect_template)
    if not routes:
        return Usual(None)
    cause, effect = ids.parse(cause_template), ids.parse(effect_template)
    every: list[Route] = []
    some: list[Route] = []
    for route in routes:
        if _fits_all(route.nodes[0], cause) and _fits_all(route.nodes[-1], effect):
            (every if _is_free(route) else some).append(route)
        else:
            some.append(route)
    ranked = sorted(every, key=_rank)
    tied = len(ranked) > 1 and _rank(ranked[0]) == _rank(ranked[1])
    asks = tied or not all(map(_is_told_by_effect, some))
    return Usual(ranked[0] if ranked else None, tuple(some), asks)


def exceptions(graph: Graph, effect_template: str) -> tuple[Route, ...]:
    """Return the routes to the nodes of a template that hold for some causes, or some effects."""
    if not graph.has_families:
        return ()
    found = (usual(graph, cause, effect_template) for cause in graph.reach(effect_template))
    return tuple(route for each in found for route in each.exceptions)


def excepted(
    routes: Collection[Route], effect_id: str, cluster_nodes: Collection[str]
) -> frozenset[str]:
    """Return the causes of an effect that routes (``Usual.exceptions``) hold for."""
    effect = ids.ground(effect_id)
    return frozenset(
        cause for route in routes for cause in _causes_of(route, effect, cluster_nodes)
    )


def _causes_of(route: Route, effect: ids.Term, cluster_nodes: Collection[str]) -> Iterator[str]:
    bindings = ids.unify(route.nodes[-1], effect)
    if bindings is None:
        return
    cause = ids.substitute(route.nodes[0], bindings)
    if route.machine is None:
        yield ids.text(cause)
        return
    machine = (ids.substitute_segment(route.machine, bindings),)
    for name in cluster_nodes:
        named = ids.unify(machine, (ids.Segment(name),))
        if named is not None:
            yield ids.text(ids.substitute(cause, named))


def _rank(route: Route) -> tuple[float, int]:
    """Return the order of preference, as far as names have no part in it (``Path.preference``)."""
    return (-round(route.strength, 12), len(route.nodes))


def _fits_all(end: ids.Term, template: ids.Term) -> bool:
    """Tell whether all nodes of a template that an end may be are instances of it."""
    if not ids.variables(template):
        return True
    names = ids.variables(end)
    return ids.shape(end) == ids.shape(template) and len(set(names)) == len(names)


def _is_free(route: Route) -> bool:
    """Tell whether it neither ties names to each other nor leads over a node that they decide."""
    cause, effect = set(ids.variables(route.nodes[0])), set(ids.variables(route.nodes[-1]))
    between = {name for node in route.nodes[1:-1] for name in ids.variables(node)}
    return route.machine is None and cause.isdisjoint(effect) and not between & (cause | effect)


def _is_told_by_effect(route: Route) -> bool:
    known = set(ids.variables(route.nodes[-1]))
    if route.machine is not None:
        known |= set(ids.variables((route.machine,)))
    return known.issuperset(ids.variables(route.nodes[0]))

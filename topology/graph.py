"""Along which way a fault in one node can surface at another.

In go node ids, out comes the best causal path: the one most likely to be taken. Instances are never
enumerated: the search goes backward from the effect over edge *templates*, whose variables are
bound as far as the effect, the edges and, at the end, the cause say; so it costs the same for ten
users as for ten thousand. An answer depends on the arguments alone, never on what was asked before.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import networkx as nx

from topology import ids
from topology.ids import Segment, Term
from topology.model import Application, Edge, NodeTemplate

MAX_HOPS = 3
"""Edges that a path has at most."""

MAX_EFFECTS = 4_096
"""Effects whose routes are remembered: some 40 routes of 1 kB each, so 160 MB at the very most
(shared parts make it a tenth)."""

MAX_PATHS = 65_536
"""Answers that are remembered: about 500 bytes each."""

UNOBSERVED_HOPS = 2
"""How far above a node those are named that cannot be seen."""


@dataclass(frozen=True, slots=True)
class Path:
    """A way from a cause to an effect."""

    nodes: tuple[str, ...]
    """Node ids from cause to effect. A node between them of which any instance will do keeps the
    variable: ``jupyterhub/user/{user}``."""
    strength: float
    """Product of the edges' strengths."""
    typical_s: float
    longest_s: float
    """Sums of the edges' delays."""

    @property
    def preference(self) -> tuple[float, int, tuple[str, ...]]:
        """Key of the order in which paths are preferred, best first."""
        return (-self.strength, len(self.nodes), self.nodes)


@dataclass(frozen=True, slots=True)
class _Route:
    """A path from any cause of one form to one given effect."""

    nodes: tuple[Term, ...]
    strength: float = 1.0
    typical_s: float = 0.0
    longest_s: float = 0.0
    machine: Segment | None = None
    """Name that must be among the effect's cluster nodes."""

    @property
    def preference(self) -> tuple[float, int, tuple[str, ...]]:
        return (-self.strength, len(self.nodes), tuple(ids.text(node) for node in self.nodes))


@dataclass(frozen=True, slots=True)
class _Link:
    """An edge with its ends as terms; the variables of one name are the same on both sides."""

    edge: Edge
    cause: Term
    effect: Term


class Graph:
    """The causal graph of one application."""

    def __init__(self, application: Application, hops: int = MAX_HOPS) -> None:
        self.application = application
        self.hops = hops
        self._links = tuple(
            _Link(edge, ids.parse(edge.cause), ids.parse(edge.effect)) for edge in application.edges
        )
        self._families = tuple(link for link in self._links if ids.variables(link.effect))
        self._singles: dict[str, list[_Link]] = {}
        for link in self._links:
            if not ids.variables(link.effect):
                self._singles.setdefault(link.edge.effect, []).append(link)
        self._routes_to = lru_cache(MAX_EFFECTS)(self._find_routes)
        self._path = lru_cache(MAX_PATHS)(self._find_path)

    def has(self, node_id: str) -> bool:
        """Tell whether the application declares the node."""
        return self.application.template_of(node_id) is not None

    def path(self, cause: str, effect: str, cluster_nodes: Collection[str] = ()) -> Path | None:
        """Return the best way from cause to effect, or ``None``.

        Best is the strongest; of equals that with fewer hops, then the first by node ids.
        ``cluster_nodes`` are the machines that the effect's pods ran on: an edge ``via`` them
        holds for no other machine, and only as the last hop.
        """
        return self._path(cause, effect, frozenset(cluster_nodes))

    def upstream_templates(
        self, node_id: str, hops: int = UNOBSERVED_HOPS
    ) -> tuple[NodeTemplate, ...]:
        """Return what is declared upstream of a node within some hops, in order of their ids."""
        found = {template.id: template for _, template in self._upstream(node_id, hops)}
        return tuple(found[template_id] for template_id in sorted(found))

    def unobserved_above(self, node_id: str) -> tuple[str, ...]:
        """Return the nodes within two hops upstream that cannot be seen, in order of their ids."""
        upstream = self._upstream(node_id, UNOBSERVED_HOPS)
        return tuple(sorted({above for above, template in upstream if not template.observed}))

    def networkx(self, nodes: Iterable[str]) -> "nx.DiGraph[str]":
        """Return the given nodes and the edges between them, for drawing.

        Edges carry ``kind``, ``strength``, ``typical_s``, ``longest_s``, ``because``, ``source``
        and ``via``; of several edges between two nodes the strongest is shown.
        """
        drawn: nx.DiGraph[str] = nx.DiGraph()
        drawn.add_nodes_from(sorted(set(nodes)))
        for effect in list(drawn):
            for cause in list(drawn):
                link = self._direct(cause, effect) if cause != effect else None
                if link is not None:
                    drawn.add_edge(cause, effect, **_attributes(link.edge))
        return drawn

    def _upstream(self, node_id: str, hops: int) -> Iterable[tuple[str, NodeTemplate]]:
        for route in self._routes_to(node_id):
            above = ids.text(route.nodes[0])
            template = self.application.template_of(above)
            if template is not None and len(route.nodes) <= hops + 1:
                yield above, template

    def _direct(self, cause: str, effect: str) -> _Link | None:
        start = _Route((ids.ground(effect),))
        wanted = ids.ground(cause)
        links = [
            link
            for link in self._into(start.nodes[0])
            if (longer := _extend(start, link)) and ids.unify(longer.nodes[0], wanted) is not None
        ]
        return min(links, key=lambda link: (-link.edge.strength, link.edge.cause), default=None)

    def _find_path(self, cause: str, effect: str, cluster_nodes: frozenset[str]) -> Path | None:
        if cause == effect or not self.has(cause) or not self.has(effect):
            return None
        wanted = ids.ground(cause)
        paths = [
            path
            for route in self._routes_to(effect)
            if (path := _begin(route, wanted, cluster_nodes)) is not None
        ]
        return min(paths, key=lambda path: path.preference, default=None)

    def _find_routes(self, effect: str) -> tuple[_Route, ...]:
        """Return the best routes of each form and length to an effect.

        A strongest path never needs a weaker tail, so of all routes that begin alike only the
        preferred one goes on: the cost is that of a breadth-first search.
        """
        front: Sequence[_Route] = (_Route((ids.ground(effect),)),)
        found: list[_Route] = []
        for _ in range(self.hops):
            front = self._longer(front)
            found += front
        return tuple(found)

    def _longer(self, front: Sequence[_Route]) -> list[_Route]:
        best: dict[object, _Route] = {}
        for route in front:
            for link in self._into(route.nodes[0]):
                longer = _extend(route, link)
                if longer is None:
                    continue
                machine = None if longer.machine is None else ids.shape((longer.machine,))
                key = (ids.shape(longer.nodes[0]), machine)
                if key not in best or longer.preference < best[key].preference:
                    best[key] = longer
        return list(best.values())

    def _into(self, effect: Term) -> Iterable[_Link]:
        if ids.variables(effect):
            return self._links
        return (*self._singles.get(ids.text(effect), ()), *self._families)


def _extend(route: _Route, link: _Link) -> _Route | None:
    """Put an edge before a route; ``None`` if it does not lead there."""
    mark = len(route.nodes)
    if link.edge.via is not None and mark > 1:
        return None
    bindings = ids.unify(route.nodes[0], ids.apart(link.effect, mark))
    if bindings is None:
        return None
    cause = ids.apart(link.cause, mark)
    nodes = tuple(ids.substitute(node, bindings) for node in (cause, *route.nodes))
    if nodes[0] in nodes[1:]:
        return None
    return _Route(
        nodes=nodes,
        strength=link.edge.strength * route.strength,
        typical_s=link.edge.delay.typical_s + route.typical_s,
        longest_s=link.edge.delay.longest_s + route.longest_s,
        machine=_machine(link, cause, bindings, route),
    )


def _machine(link: _Link, cause: Term, bindings: ids.Bindings, route: _Route) -> Segment | None:
    if link.edge.via is None:
        return None if route.machine is None else ids.substitute_segment(route.machine, bindings)
    variable = next(iter(ids.variables(cause)))
    return ids.substitute_segment(Segment("", variable), bindings)


def _begin(route: _Route, cause: Term, cluster_nodes: frozenset[str]) -> Path | None:
    """Let a route begin at a given cause, on a machine that the effect's pods ran on."""
    bindings = ids.unify(route.nodes[0], cause)
    if bindings is None:
        return None
    if route.machine is not None:
        machine = ids.substitute_segment(route.machine, bindings)
        fitting = (
            (name, ids.unify((machine,), (Segment(name),))) for name in sorted(cluster_nodes)
        )
        bound = next((more for _, more in fitting if more is not None), None)
        if bound is None:
            return None
        bindings |= bound
    nodes = tuple(ids.text(ids.substitute(node, bindings)) for node in route.nodes)
    if len(set(nodes)) < len(nodes):
        return None
    return Path(nodes, route.strength, route.typical_s, route.longest_s)


def _attributes(edge: Edge) -> dict[str, object]:
    return {
        "kind": edge.kind,
        "strength": edge.strength,
        "typical_s": edge.delay.typical_s,
        "longest_s": edge.delay.longest_s,
        "because": edge.because,
        "source": edge.source,
        "via": edge.via,
    }

"""Along which way a fault in one node can surface at another.

In go node ids, out comes the best causal path: the one most likely to be taken. Instances are never
enumerated: the search goes backward from the effect's *template* over edge templates, once, and
keeps routes with variables; a question binds the few routes between two templates to its ends. So
it costs the same for ten users as for ten thousand. An answer depends on the arguments alone, never
on what was asked before.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import networkx as nx

from topology import ids
from topology.ids import Segment, Term
from topology.model import Application, Edge, NodeTemplate

MAX_HOPS = 3
"""Edges that a path has at most."""

MAX_TEMPLATES = 4_096
"""Node templates whose routes are remembered: some 40 routes of 1 kB each."""

MAX_PAIRS = 65_536
"""Pairs of templates whose routes are remembered: one list of references each."""

MAX_PATHS = 65_536
"""Answers that are remembered: about 500 bytes each."""

UPSTREAM_HOPS = 2
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
class Route:
    """A path from any cause of one form to any effect of one form."""

    nodes: tuple[Term, ...]
    strength: float = 1.0
    typical_s: float = 0.0
    longest_s: float = 0.0
    machine: Segment | None = None
    """Name that must be among the effect's cluster nodes."""

    @property
    def preference(self) -> tuple[float, int, tuple[str, ...]]:
        """Sort key: the strongest first, then the shortest; ties by name."""
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
        self._routes_to = lru_cache(MAX_TEMPLATES)(self._find_routes)
        self._between = lru_cache(MAX_PAIRS)(self._find_between)
        self._path = lru_cache(MAX_PATHS)(self._find_path)
        self._unobserved = lru_cache(MAX_TEMPLATES)(self._find_unobserved)
        self._reach = lru_cache(MAX_TEMPLATES)(self._find_reach)

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

    def routes(self, cause_template: str, effect_template: str) -> tuple[Route, ...]:
        """Return the routes that may lead from a node of one template to one of another."""
        return self._between(cause_template, effect_template)

    def reach(self, node_id: str) -> frozenset[str]:
        """Return the ids of the templates that nodes are of to or from which a path may lead.

        Nodes of all other templates have no path to the node, and it has none to them.
        """
        template = self.application.template_of(node_id)
        return frozenset() if template is None else self._reach(template.id)

    def above(self, node_id: str, cluster_nodes: Collection[str] = ()) -> tuple[str, ...]:
        """Return the nodes within two hops upstream that have one name, in order of their ids.

        Of a family such as machines they are those that ``cluster_nodes`` name.
        """
        found = set()
        for above, template in self._upstream(node_id):
            if above != template.id or not ids.variables(ids.parse(above)):
                found.add(above)
            elif template.id in self._machines:
                found |= {_filled(template.id, machine) for machine in cluster_nodes}
        return tuple(sorted(found))

    def unobserved_above(self, node_id: str) -> tuple[str, ...]:
        """Return the nodes within two hops upstream that cannot be seen, in order of their ids."""
        return self._unobserved(node_id)

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

    @cached_property
    def longest_s(self) -> float:
        """Longest delay of an edge, in seconds."""
        return max((edge.delay.longest_s for edge in self.application.edges), default=0.0)

    @cached_property
    def has_entries(self) -> bool:
        """Tell whether the application says where its users come in."""
        return any(template.entry for template in self.application.nodes)

    @cached_property
    def has_families(self) -> bool:
        """Tell whether an edge is one of several nodes, or of machines."""
        return any(
            link.edge.via is not None or ids.variables((*link.cause, *link.effect))
            for link in self._links
        )

    @cached_property
    def named(self) -> Counter[str]:
        """How many nodes are declared by name, by kind."""
        return Counter(node.kind for node in self.application.nodes if "{" not in node.id)

    @cached_property
    def _machines(self) -> frozenset[str]:
        """Ids of the templates of machines: causes of edges that hold for the effect's machine."""
        return frozenset(link.edge.cause for link in self._links if link.edge.via is not None)

    @cached_property
    def _templates(self) -> "nx.DiGraph[str]":
        """Node templates, with an edge where any instances have one."""
        families = [
            (template.id, term)
            for template in self.application.nodes
            if ids.variables(term := ids.apart(ids.parse(template.id), 0))
        ]
        drawn: nx.DiGraph[str] = nx.DiGraph()
        drawn.add_nodes_from(template.id for template in self.application.nodes)
        for link in self._links:
            for cause in self._fitting(link.cause, families):
                drawn.add_edges_from(
                    (cause, effect) for effect in self._fitting(link.effect, families)
                )
        return drawn

    def _fitting(self, end: Term, families: Sequence[tuple[str, Term]]) -> list[str]:
        """Return the templates that an end of an edge may be an instance of."""
        if not ids.variables(end):
            template = self.application.template_of(ids.text(end))
            return [] if template is None else [template.id]
        found = [template for template, term in families if ids.unify(term, end) is not None]
        singles = (node.id for node in self.application.nodes if ids.covers(end, node.id))
        return list(dict.fromkeys([*found, *singles]))

    def _find_reach(self, template_id: str) -> frozenset[str]:
        down = nx.single_source_shortest_path_length(self._templates, template_id, self.hops)
        upward = self._templates.reverse(copy=False)
        up = nx.single_source_shortest_path_length(upward, template_id, self.hops)
        return frozenset(down) | frozenset(up)

    def _find_unobserved(self, node_id: str) -> tuple[str, ...]:
        upstream = self._upstream(node_id)
        return tuple(sorted({above for above, template in upstream if not template.observed}))

    def _upstream(self, node_id: str) -> Iterator[tuple[str, NodeTemplate]]:
        effect = self.application.template_of(node_id)
        for route in self._routes_to(effect.id) if effect is not None else ():
            bindings = ids.unify(route.nodes[-1], ids.ground(node_id))
            if bindings is None or len(route.nodes) > UPSTREAM_HOPS + 1:
                continue
            above = ids.text(ids.substitute(route.nodes[0], bindings))
            template = self.application.template_of(above)
            if template is not None:
                yield above, template

    def _direct(self, cause: str, effect: str) -> _Link | None:
        start = Route((ids.ground(effect),))
        wanted = ids.ground(cause)
        links = [
            link
            for link in self._into(start.nodes[0])
            if (longer := _extend(start, link)) and ids.unify(longer.nodes[0], wanted) is not None
        ]
        return min(links, key=lambda link: (-link.edge.strength, link.edge.cause), default=None)

    def _find_path(self, cause: str, effect: str, cluster_nodes: frozenset[str]) -> Path | None:
        one = self.application.template_of(cause)
        other = self.application.template_of(effect)
        if cause == effect or one is None or other is None:
            return None
        ends = (ids.ground(cause), ids.ground(effect))
        paths = [
            path
            for route in self._between(one.id, other.id)
            if (path := _bound(route, ends, cluster_nodes)) is not None
        ]
        return min(paths, key=lambda path: path.preference, default=None)

    def _find_between(self, cause_template: str, effect_template: str) -> tuple[Route, ...]:
        cause = ids.parse(cause_template)
        return tuple(
            route
            for route in self._routes_to(effect_template)
            if ids.unify(route.nodes[0], cause) is not None
        )

    def _find_routes(self, effect_template: str) -> tuple[Route, ...]:
        """Return the best routes of each form and length to the effects of one template.

        A strongest path never needs a weaker tail, so of all routes that begin alike only the
        preferred one goes on: the cost is that of a breadth-first search.
        """
        front: Sequence[Route] = (Route((ids.apart(ids.parse(effect_template), 0),)),)
        found: list[Route] = []
        for _ in range(self.hops):
            front = self._longer(front)
            found += front
        return tuple(found)

    def _longer(self, front: Sequence[Route]) -> list[Route]:
        best: dict[object, Route] = {}
        for route in front:
            for link in self._into(route.nodes[0]):
                longer = _extend(route, link)
                if longer is None:
                    continue
                key = _form(longer)
                if key not in best or longer.preference < best[key].preference:
                    best[key] = longer
        return list(best.values())

    def _into(self, effect: Term) -> Iterable[_Link]:
        if ids.variables(effect):
            return self._links
        return (*self._singles.get(ids.text(effect), ()), *self._families)


def _extend(route: Route, link: _Link) -> Route | None:
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
    return Route(
        nodes=nodes,
        strength=link.edge.strength * route.strength,
        typical_s=link.edge.delay.typical_s + route.typical_s,
        longest_s=link.edge.delay.longest_s + route.longest_s,
        machine=_machine(link, cause, bindings, route),
    )


def _machine(link: _Link, cause: Term, bindings: ids.Bindings, route: Route) -> Segment | None:
    if link.edge.via is None:
        return None if route.machine is None else ids.substitute_segment(route.machine, bindings)
    variable = next(iter(ids.variables(cause)))
    return ids.substitute_segment(Segment("", variable), bindings)


def _form(route: Route) -> object:
    """Return what decides for which causes, effects and machines a route holds."""
    machine = () if route.machine is None else (route.machine,)
    seen: dict[str, int] = {}
    return tuple(
        (prefix, None if variable is None else seen.setdefault(variable, len(seen)), suffix)
        for prefix, variable, suffix in (
            *route.nodes[-1],
            _BREAK,
            *route.nodes[0],
            _BREAK,
            *machine,
        )
    )


_BREAK = Segment("/")


def _bound(route: Route, ends: tuple[Term, Term], cluster_nodes: frozenset[str]) -> Path | None:
    """Let a route lead from a given cause to a given effect; ``None`` if it cannot."""
    cause, effect = ends
    bindings = ids.unify(route.nodes[-1], effect)
    if bindings is None:
        return None
    begun = ids.unify(ids.substitute(route.nodes[0], bindings), cause)
    if begun is None:
        return None
    bindings |= begun
    if route.machine is not None:
        machine = _machine_among(ids.substitute_segment(route.machine, bindings), cluster_nodes)
        if machine is None:
            return None
        bindings |= machine
    nodes = tuple(ids.text(ids.substitute(node, bindings)) for node in route.nodes)
    # Rounded, so that a product of declared decimals reads like one: 0.95 × 0.7 = 0.665.
    return Path(nodes, round(route.strength, 12), route.typical_s, route.longest_s)


def _machine_among(machine: Segment, cluster_nodes: frozenset[str]) -> ids.Bindings | None:
    """Bind a machine to the first of the cluster nodes that it can be."""
    found = (ids.unify((machine,), (Segment(name),)) for name in sorted(cluster_nodes))
    return next((bindings for bindings in found if bindings is not None), None)


def _filled(template_id: str, name: str) -> str:
    term = ids.parse(template_id)
    variable = ids.variables(term)[0]
    return ids.text(ids.substitute(term, {variable: Segment(name)}))


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

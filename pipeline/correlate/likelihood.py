"""How likely one piece of evidence set off another (design §6).

::

    w(i→j) = strength(path) · delay_density(t_j − t_i) · compatibility(i, j)
    w(∅→j) = background(node kind) · (1 − strength of what j implicates)

Both are rates per second, so that their ratio is a probability.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from pipeline.correlate.amounts import dose
from pipeline.correlate.evidence import Evidence
from pipeline.correlate.settings import CorrelateSettings
from topology.graph import MAX_HOPS, Graph, Route
from topology.ids import parse, text, variables
from topology.model import Kind
from topology.usual import excepted, exceptions, usual

MAX_KNOWN_HOPS = 65_536
"""Ways between two nodes that are remembered, some 300 bytes each."""

_ABOUT_AS_LIKELY = 0.5
"""Share of the greatest rate from which a cause is a serious rival."""


_Key = TypeVar("_Key")
_Value = TypeVar("_Value")
Rates = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Hop:
    """The way from a cause to an effect: a path of the graph, or the same node."""

    nodes: tuple[str, ...]
    strength: float
    typical_s: float
    longest_s: float


class Trigger(NamedTuple):
    """How one piece of evidence may have set off another."""

    potential: float
    """Rate per second, if the cause accounts for all of the effect."""
    dose: float
    """Share of the effect that it can account for."""
    expected: float
    """How many such effects the cause has on average, sooner or later."""
    between: tuple[str, ...] = ()
    """Nodes on the way from one to the other."""
    named: float = 0.0
    """How strongly the effect names the cause, or a node on the way."""

    @property
    def rate(self) -> float:
        """w(i→j), per second."""
        return self.potential * self.dose


@dataclass(frozen=True, slots=True)
class Likelihood:
    """The model over one graph."""

    graph: Graph
    settings: CorrelateSettings
    _hops: dict[tuple[str, str, tuple[str, ...]], Hop | None] = field(
        default_factory=dict, init=False, compare=False, repr=False
    )
    """Ways that have been asked for: a component asks for the same again and again. The graph
    remembers its paths, too; to make a way of one each time costs measurably more."""

    _usual: dict[tuple[str, str], tuple[Hop | None, bool]] = field(
        default_factory=dict, init=False, compare=False, repr=False
    )
    _ways: dict[tuple[str, str], tuple[Hop | None, bool]] = field(
        default_factory=dict, init=False, compare=False, repr=False
    )
    _exceptions: dict[str, tuple[Route, ...]] = field(
        default_factory=dict, init=False, compare=False, repr=False
    )
    _excepted: dict[tuple[str, tuple[str, ...]], frozenset[str]] = field(
        default_factory=dict, init=False, compare=False, repr=False
    )

    @property
    def name(self) -> str:
        """Name of the application."""
        return self.graph.application.name

    @property
    def changes_s(self) -> tuple[float, ...]:
        """When one graph gave way to the next: one graph never did (see ``overtime``)."""
        return ()

    def at(self, _time_s: float) -> "Likelihood":
        """Return the model over the graph that held at a time: there is one."""
        return self

    def family(self, node: str) -> str:
        """Return the template of a node; empty where none declares it."""
        template = self.graph.application.template_of(node)
        return "" if template is None else template.id

    def reach(self, node: str) -> frozenset[str]:
        """Return the templates that a way may lead to or from."""
        return self.graph.reach(node)

    @property
    def reach_s(self) -> float:
        """Longest time in seconds after which one trouble can still bring another."""
        along = MAX_HOPS * self.graph.longest_s
        unsure = 2 * (max(self.settings.sight_delay_s.values()) + self.settings.clock_tolerance_s)
        return max(along, self.settings.same_node_longest_s) + unsure

    def is_entry(self, node: str) -> bool:
        """Tell whether users come in at a node."""
        template = self.graph.application.template_of(node)
        return template is not None and template.entry

    def is_observed(self, node: str) -> bool:
        """Tell whether a node's trouble would be seen there."""
        template = self.graph.application.template_of(node)
        return template is not None and bool(template.observed)

    def parts_below(self, node: str) -> Iterator[str]:
        """Yield the declared parts next to a node that its trouble would be seen at.

        Of families (a node for each user) nobody knows which there are.
        """
        for template in sorted(self.graph.reach(node)):
            if "{" not in template and template != node and self.is_observed(template):
                way = self.way(node, template)
                if way is not None and len(way.nodes) == 2:  # noqa: PLR2004 - an edge
                    yield template

    def background(self, node: str) -> float:
        """Return the rate, per second, at which a node has trouble by itself."""
        return self.settings.background_per_s * self._kind_prior(node)

    def alone(self, effect: Evidence) -> float:
        """Return w(∅→j), per second: the rate at which it comes by itself.

        What speaks of another node's fault seldom comes without that.
        """
        seldom = 1.0 - max(effect.implicated.values(), default=0.0)
        return self.declared(effect) * seldom

    def declared(self, effect: Evidence) -> float:
        """Return the rate, per second, at which such evidence is taken to come at its node."""
        often = self.settings.whisper_background if effect.is_whisper else 1.0
        return self.background(effect.node) * often

    def trigger(self, cause: Evidence, effect: Evidence) -> Trigger | None:
        """Return w(i→j); None where the cause cannot have set off the effect."""
        if effect.onset_s <= cause.onset_s - cause.unsure_s:
            return None  # the cheapest question first: it began before
        hop = self.hop(cause, effect)
        if hop is None or not _within(hop, cause, effect):
            return None
        density = self._lag_density(hop, cause, effect)
        expected = hop.strength * self._compatible(hop, cause, effect)
        if cause.is_whisper and (cause.amount is None or effect.amount is None):
            expected *= self.settings.whisper_power
        expected *= self.cause_prior(cause)
        if self.is_member(cause) and self.is_common_failure(effect):
            expected *= self.settings.one_of_many
        return Trigger(
            potential=expected * density,
            dose=_dose(cause, effect),
            expected=expected,
            between=hop.nodes[1:-1],
            named=max((effect.implicated.get(node, 0.0) for node in hop.nodes[:-1]), default=0.0),
        )

    def cause_power(self, cause: Evidence) -> float:
        """Return how readily trouble of its class and severity sets off trouble elsewhere."""
        known = self.settings
        return known.cause_power[cause.symptom_class] * known.severity_power[cause.severity]

    def is_member(self, piece: Evidence) -> bool:
        """Tell whether it is at one of many parts that are alike (see ``one_of_many``)."""
        return self._is_one_of_many(piece.node)

    def may_be_hidden(self, node: str) -> bool:
        """Tell whether what others only name may be at fault: not one of many that are watched."""
        return not (self._is_one_of_many(node) and self.is_observed(node))

    def _is_one_of_many(self, node: str) -> bool:
        return self.kind(node) == "component" and self.is_of_family(node)

    def is_common_failure(self, piece: Evidence) -> bool:
        """Tell whether it is critical, and at a part that there is one of."""
        return piece.severity == "critical" and not self.is_of_family(piece.node)

    def is_of_family(self, node: str) -> bool:
        """Tell whether a node's template stands for many: one for each user, machine or claim."""
        return "{" in self.family(node)

    def cause_prior(self, cause: Evidence) -> float:
        """Return the factor on what trouble at a mere view sets off.

        What lies behind the view has a way of its own.
        """
        return self._kind_prior(cause.node) if self.kind(cause.node) == "endpoint" else 1.0

    def rate(self, cause: Evidence, effect: Evidence) -> float:
        """Return w(i→j), per second; 0 where the cause cannot have set off the effect."""
        trigger = self.trigger(cause, effect)
        return 0.0 if trigger is None else trigger.rate

    def unaccounted(self, effect: Evidence, potentials: Rates, doses: Rates) -> float:
        """Return the rate, per second, at which an effect has what no cause accounts for by itself.

        ``potentials`` and ``doses`` are those of its causes (see ``Trigger``). Of causes that are
        about as likely, that which accounts for most decides; what it leaves is the node's own,
        less readily so where the node seldom is at fault.
        """
        if effect.amount is None or not len(potentials):
            return 0.0
        best = float(potentials.max())
        left = float((1.0 - doses[potentials >= _ABOUT_AS_LIKELY * best]).min())
        return left * best * self._kind_prior(effect.node)

    def hop(self, cause: Evidence, effect: Evidence) -> Hop | None:
        """Return the causal way between the nodes of two pieces of evidence, if there is one."""
        ends = (cause.node, effect.node, effect.cluster_nodes)
        if ends in self._hops:
            return self._hops[ends]
        if len(self._hops) >= MAX_KNOWN_HOPS:
            self._hops.clear()
        found = self._hops[ends] = self._hop(cause, effect)
        return found

    @property
    def same_node(self) -> Hop:
        """The way from trouble at a node to more of it there; without the node."""
        known = self.settings
        return Hop(
            (), known.same_node_strength, known.same_node_typical_s, known.same_node_longest_s
        )

    def usual(self, cause: str, effect: str) -> tuple[Hop | None, bool]:
        """Return the way from the nodes of one template to those of another, the same for any.

        It is what ``hop`` tells of any of their nodes, except for the causes that ``excepted``
        gives, and for two pieces at one node. The second value tells whether there is no such way,
        and each pair has to be asked for.
        """
        return _known(self._usual, (cause, effect), lambda: self._find_usual(cause, effect))

    def excepted(self, effect: str, cluster_nodes: tuple[str, ...]) -> frozenset[str]:
        """Return the nodes that may have another way to one than others of their templates."""
        ends = (effect, cluster_nodes)
        return _known(self._excepted, ends, lambda: self._find_excepted(effect, cluster_nodes))

    def _find_excepted(self, effect: str, cluster_nodes: tuple[str, ...]) -> frozenset[str]:
        template = self.family(effect)
        if not template:
            return frozenset()
        routes = _known(self._exceptions, template, lambda: exceptions(self.graph, template))
        return excepted(routes, effect, cluster_nodes)

    def _find_usual(self, cause: str, effect: str) -> tuple[Hop | None, bool]:
        way, asks = self._usual_way(cause, effect)
        if way is not None or asks or not self._is_view(effect, cause):
            return way, asks
        names = (*variables(parse(cause)), *variables(parse(effect)))
        return (None, True) if names else (self._view(cause, effect), False)

    def _is_view(self, endpoint: str, caller: str) -> bool:
        return self.kind(endpoint) == "endpoint" and bool(self.graph.routes(endpoint, caller))

    def _usual_way(self, cause: str, effect: str) -> tuple[Hop | None, bool]:
        return _known(self._ways, (cause, effect), lambda: self._find_usual_way(cause, effect))

    def _find_usual_way(self, cause: str, effect: str) -> tuple[Hop | None, bool]:
        route, _, asks = usual(self.graph, cause, effect)
        if route is None:
            return None, asks
        nodes = (cause, *(text(node) for node in route.nodes[1:-1]), effect)
        return Hop(nodes, round(route.strength, 12), route.typical_s, route.longest_s), asks

    def _hop(self, cause: Evidence, effect: Evidence) -> Hop | None:
        if cause.node == effect.node:
            return replace(self.same_node, nodes=(cause.node,))
        way = self.way(cause.node, effect.node, effect.cluster_nodes)
        return self._view(cause.node, effect.node) if way is None else way

    def _view(self, caller: str, endpoint: str) -> Hop | None:
        """Return the way from a caller to a mere view of its calls, if the effect is one.

        By the graph the endpoint is the cause: what is called. But it shows what the calls meet,
        wherever that comes from.
        """
        if self.kind(endpoint) != "endpoint":
            return None
        way = self.way(endpoint, caller)
        if way is None or len(way.nodes) > 2:  # noqa: PLR2004 - the call itself, no more
            return None
        return Hop(way.nodes[::-1], way.strength, way.typical_s, way.longest_s)

    def way(self, cause: str, effect: str, cluster_nodes: tuple[str, ...] = ()) -> Hop | None:
        """Return the best path of the graph between two nodes, if there is one."""
        found = self.along(cause, effect, cluster_nodes)
        return found and replace(found, nodes=(cause, *found.nodes[1:-1], effect))

    def along(self, cause: str, effect: str, cluster_nodes: tuple[str, ...] = ()) -> Hop | None:
        """Return ``way``, but its ends may be the families of the two nodes (a third of the time).

        Of families with a thousand members it is the same for nearly all.
        """
        known, asks = self._usual_way(self.family(cause), self.family(effect))
        if cause != effect and not asks and cause not in self.excepted(effect, cluster_nodes):
            return known
        path = self.graph.path(cause, effect, cluster_nodes=cluster_nodes)
        if path is None:
            return None
        return Hop(tuple(path.nodes), path.strength, path.typical_s, path.longest_s)

    def _kind_prior(self, node: str) -> float:
        return self.settings.kind_prior[self.kind(node)]

    def kind(self, node: str) -> Kind:
        """Return the kind of a node; what no template declares is a component."""
        template = self.graph.application.template_of(node)
        return template.kind if template is not None else "component"

    def _lag_density(self, hop: Hop, cause: Evidence, effect: Evidence) -> float:
        """Return the mean delay density over the lags that both onsets allow.

        Trouble that goes on can still hit those who come late, so the density does not fall below
        its even part while the cause lasts.
        """
        lag = effect.onset_s - cause.onset_s
        low, high = lag - effect.unsure_s, lag + cause.unsure_s
        since_onset = (self._cdf(hop, high) - self._cdf(hop, low)) / (high - low)
        still_active = self.settings.spread / hop.longest_s if lag > 0 else 0.0
        return max(since_onset, still_active)

    def _cdf(self, hop: Hop, lag_s: float) -> float:
        if lag_s <= 0:
            return 0.0
        if lag_s >= hop.longest_s:
            return 1.0
        even = self.settings.spread * lag_s / hop.longest_s
        return even + (1 - self.settings.spread) * (1 - math.exp(-lag_s / hop.typical_s))

    def _compatible(self, hop: Hop, cause: Evidence, effect: Evidence) -> float:
        powers = self.cause_power(cause) * self.settings.effect_power[effect.symptom_class]
        return powers * _named(hop, effect)


def _known(known: dict[_Key, _Value], key: _Key, find: Callable[[], _Value]) -> _Value:
    """Return what is known of a key, or found now; it is remembered as ways are."""
    if key not in known:
        if len(known) >= MAX_KNOWN_HOPS:
            known.clear()
        known[key] = find()
    return known[key]


def _within(hop: Hop, cause: Evidence, effect: Evidence) -> bool:
    """Tell whether the effect began while the cause could bring it.

    That is from its onset to the longest delay after its last sign. Longer episodes only ever widen
    this, so what is in reach of each other stays so.
    """
    earliest = cause.onset_s - cause.unsure_s
    latest = cause.last_seen_s + hop.longest_s + effect.unsure_s
    return earliest < effect.onset_s < latest


def _named(hop: Hop, effect: Evidence) -> float:
    """What speaks of one node was seldom set off by another, unless by way of that one."""
    implicated = effect.implicated
    if not implicated or any(node in implicated for node in hop.nodes[:-1]):
        return 1.0
    return 1.0 - max(implicated.values())


def _dose(cause: Evidence, effect: Evidence) -> float:
    """Return the share of the effect that the cause can account for.

    Amounts add up. Where there are none, a small deviation does not account for a large one of the
    same class.
    """
    if cause.amount is not None and effect.amount is not None:
        return dose(cause.amount, effect.amount)
    comparable = cause.symptom_class == effect.symptom_class and cause.score and effect.score
    return min(1.0, cause.score / effect.score) if comparable else 1.0

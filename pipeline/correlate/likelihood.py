"""How likely one piece of evidence set off another (design §6).

::

    w(i→j) = strength(path) · delay_density(t_j − t_i) · compatibility(class_i, class_j)
    w(∅→j) = background(node kind)

Both are rates per second, so that their ratio is a probability.
"""

import math
from dataclasses import dataclass

from topology.graph import MAX_HOPS, Graph, Path

from pipeline.correlate.evidence import Evidence
from pipeline.correlate.settings import CorrelateSettings


@dataclass(frozen=True, slots=True)
class Hop:
    """The way from a cause to an effect: a path of the graph, or the same node."""

    nodes: tuple[str, ...]
    strength: float
    typical_s: float
    longest_s: float


@dataclass(frozen=True, slots=True)
class Likelihood:
    """The model over one graph."""

    graph: Graph
    settings: CorrelateSettings

    @property
    def reach_s(self) -> float:
        """Longest time in seconds after which one trouble can still bring another."""
        longest = max((edge.delay.longest_s for edge in self.graph.application.edges), default=0.0)
        along = MAX_HOPS * longest
        unsure = 2 * (max(self.settings.sight_delay_s.values()) + self.settings.clock_tolerance_s)
        return max(along, self.settings.same_node_longest_s) + unsure

    def background(self, effect: Evidence) -> float:
        """Return w(∅→j), per second: the rate at which it comes by itself."""
        template = self.graph.application.template_of(effect.node)
        kind = template.kind if template is not None else "component"
        return self.settings.background_per_s * self.settings.kind_prior[kind]

    def trigger(self, cause: Evidence, effect: Evidence) -> float:
        """Return w(i→j), per second; 0 where the cause cannot have set off the effect."""
        hop = self.hop(cause, effect)
        if hop is None or not self.within(hop, cause, effect):
            return 0.0
        if effect.symptom.id == cause.symptom.id:
            return _named(hop, cause)
        return (
            hop.strength * self._lag_density(hop, cause, effect) * self._compatible(cause, effect)
        )

    def hop(self, cause: Evidence, effect: Evidence) -> Hop | None:
        """Return the causal way between the nodes of two pieces of evidence, if there is one."""
        if cause.node == effect.node:
            known = self.settings
            return Hop(
                (cause.node,),
                known.same_node_strength,
                known.same_node_typical_s,
                known.same_node_longest_s,
            )
        machines = effect.symptom.cluster_nodes if effect.implied is None else ()
        path: Path | None = self.graph.path(cause.node, effect.node, cluster_nodes=machines)
        return None if path is None else Hop(*_of(path))

    def within(self, hop: Hop, cause: Evidence, effect: Evidence) -> bool:
        """Tell whether the effect began while the cause could bring it.

        That is from its onset to the longest delay after its last sign: trouble that goes on can
        still hit those who come late. Longer episodes only ever widen this, so what is in reach of
        each other stays so.
        """
        earliest = cause.onset_s - cause.unsure_s
        latest = cause.last_seen_s + hop.longest_s + effect.unsure_s
        return earliest < effect.onset_s < latest

    def _lag_density(self, hop: Hop, cause: Evidence, effect: Evidence) -> float:
        """Return the mean delay density over the lags that both onsets allow."""
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

    def _compatible(self, cause: Evidence, effect: Evidence) -> float:
        power = self.settings.cause_power[cause.symptom.symptom_class]
        if cause.implied is not None:
            power = cause.implied.strength
        return (
            power * self.settings.effect_power[effect.symptom.symptom_class] * _dose(cause, effect)
        )


def _named(hop: Hop, cause: Evidence) -> float:
    """Weigh a node that a symptom implicates as the trigger of that very symptom.

    When it began is not known, so the density is even over the delays that the edge allows.
    """
    if cause.implied is None:
        return 0.0
    return cause.implied.strength * hop.strength / max(hop.longest_s, 1.0)


def _dose(cause: Evidence, effect: Evidence) -> float:
    """A small deviation does not account for a large one of the same class."""
    one, other = cause.symptom, effect.symptom
    if one.symptom_class != other.symptom_class or not (one.score and other.score):
        return 1.0
    return min(1.0, one.score / other.score)


def _of(path: Path) -> tuple[tuple[str, ...], float, float, float]:
    return tuple(path.nodes), path.strength, path.typical_s, path.longest_s

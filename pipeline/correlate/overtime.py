"""The model over an application's graphs in time: each effect has the graph of its onset.

Whatever is asked about one effect (what may have set it off, by which way, how often it comes by
itself) is asked of the graph that held at its onset, so a rate stays a function of its two ends and
no order of arrival can matter. What must hold for any of the graphs (who is in reach of whom, how
long) is the union, and the most. With one graph the model is that graph's, and costs nothing more.
"""

from bisect import bisect_right
from collections.abc import Iterable
from typing import Protocol

from pipeline.correlate.evidence import Evidence
from pipeline.correlate.likelihood import Likelihood, Trigger
from pipeline.correlate.settings import CorrelateSettings
from topology import ids
from topology.graph import Graph
from topology.versions import Timeline

_NOWHERE: frozenset[str] = frozenset()


class Model(Protocol):
    """What may have set off what, in one application; the graphs of all of its time."""

    @property
    def settings(self) -> CorrelateSettings:
        """How correlation behaves."""

    @property
    def name(self) -> str:
        """Name of the application."""

    @property
    def reach_s(self) -> float:
        """Longest time in seconds after which one trouble can still bring another."""

    @property
    def changes_s(self) -> tuple[float, ...]:
        """When one graph gave way to the next, in seconds since 1970."""

    def at(self, time_s: float) -> Likelihood:
        """Return the model over the graph that held at a time."""

    def trigger(self, cause: Evidence, effect: Evidence) -> Trigger | None:
        """Return w(i→j) by the graph at the effect's onset; None where there is no way."""

    def family(self, node: str) -> str:
        """Return the family that a node is of, the same in all graphs; empty for no node."""

    def reach(self, node: str) -> frozenset[str]:
        """Return the families that a way may lead to or from, in any graph."""


def model_of(timeline: Timeline, settings: CorrelateSettings) -> Model:
    """Return the model over the versions of an application."""
    models = [Likelihood(Graph(version), settings) for version in timeline.versions]
    return models[0] if len(models) == 1 else OverTime(models, timeline.changes_s)


class OverTime:
    """Models over several graphs, each in its time."""

    def __init__(self, models: Iterable[Likelihood], changes_s: tuple[float, ...]) -> None:
        self.models = tuple(models)
        self.changes_s = changes_s
        self.settings = self.models[0].settings
        self.name = self.models[0].name
        self.reach_s = max(model.reach_s for model in self.models)
        self._families = _families([model.graph for model in self.models])

    def at(self, time_s: float) -> Likelihood:
        """Return the model over the graph that held at a time."""
        return self.models[bisect_right(self.changes_s, time_s)]

    def trigger(self, cause: Evidence, effect: Evidence) -> Trigger | None:
        """Return w(i→j) by the graph at the effect's onset; None where there is no way."""
        return self.models[bisect_right(self.changes_s, effect.onset_s)].trigger(cause, effect)

    def family(self, node: str) -> str:
        """Return the family that a node is of, the same in all graphs; empty for no node."""
        found = (model.family(node) for model in self.models)
        return next((self._families[template] for template in found if template), "")

    def reach(self, node: str) -> frozenset[str]:
        """Return the families that a way may lead to or from, in any graph."""
        reached = _NOWHERE.union(*(model.reach(node) for model in self.models))
        return frozenset(self._families[template] for template in reached)


def _families(graphs: Iterable[Graph]) -> dict[str, str]:
    """Return the family of each template: those of all graphs that may have a node in common.

    So a node is of one family, whichever template declares it in whichever graph.
    """
    known = sorted({node.id for graph in graphs for node in graph.application.nodes})
    terms = {template: ids.parse(template) for template in known}
    family = {template: template for template in known}
    for wide in (template for template in known if ids.variables(terms[template])):
        apart = ids.apart(terms[wide], 0)
        same = {family[one] for one in known if ids.unify(terms[one], apart) is not None}
        first = min(same | {family[wide]})
        family = {one: first if of in same else of for one, of in family.items()}
    return family

"""Who can break whom: applications, their nodes and edges.

A topology file (``applications/*.yaml``, format: ``README.md``) declares one application. This
package reads it, says which node a pod, claim or machine belongs to, and answers along which way a
fault in one node can surface at another.

The law: it knows nothing of observations, symptoms and incidents, and imports nothing of
``pipeline``. All is pure except ``load``: no I/O, no clock; the same question has the same answer.

::

    load      file or shipped name → Application, Timeline      (the only I/O)
    model     Application, NodeTemplate, Edge, MatchRule
    versions  the Applications that one has been, each in its time → Timeline
    resolve   identity (pod, event object, metric labels) → node id, and why
    graph     node id → node id: the best causal path
    draw      Application → terminal drawing, Mermaid text
"""

from topology.errors import TopologyError, TopologyErrors
from topology.graph import Graph, Path
from topology.load import load, shipped, timelines
from topology.model import Application, Delay, Edge, MatchRule, NodeTemplate
from topology.resolve import Identity, Resolution, Resolver
from topology.versions import Timeline

__all__ = [
    "Application",
    "Delay",
    "Edge",
    "Graph",
    "Identity",
    "MatchRule",
    "NodeTemplate",
    "Path",
    "Resolution",
    "Resolver",
    "Timeline",
    "TopologyError",
    "TopologyErrors",
    "load",
    "shipped",
    "timelines",
]

"""An application: node templates, match rules, edges. Frozen data and one look-up.

The classes are the topology file's format (``topology/README.md``) with the parameters filled in.
"""

import hashlib
import json
from collections.abc import Callable
from functools import cached_property, lru_cache
from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError

from topology import ids
from topology.instant import Instant
from topology.parameters import NodeId, Pattern, Text

Kind = Literal["component", "platform", "infrastructure", "endpoint", "external"]
Signals = Literal["logs", "events", "metrics"]
EdgeKind = Literal["dependency", "control", "traffic", "load", "resource"]

MAX_DELAY_S = 86_400.0
"""A day: with longer ones every symptom would be in reach of every other."""

MAX_KNOWN_INSTANCES = 65_536
"""Node ids whose template is remembered (about 10 MB)."""


class _Declared(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True
    )


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _named(value: object) -> object:
    return {"name": value} if isinstance(value, str) else value


class Example(_Declared):
    """A real object that a rule is for; written as its name alone, or field by field.

    What it does not say is taken from the rule where the rule's pattern is literal text.
    """

    kind: Text | None = None
    namespace: Text | None = None
    name: Text | None = None
    container: Text | None = None
    metric: Text | None = None
    labels: dict[str, Text] = Field(default_factory=dict)
    line: Text | None = None


Examples = Annotated[
    tuple[Annotated[Example, BeforeValidator(_named)], ...],
    WithJsonSchema(
        {
            "type": "array",
            "items": {
                "anyOf": [
                    {"type": "string"},
                    {
                        "type": "object",
                        "additionalProperties": False,
                        "properties": {
                            **{
                                field: {"type": "string"}
                                for field in (
                                    "kind",
                                    "namespace",
                                    "name",
                                    "container",
                                    "metric",
                                    "line",
                                )
                            },
                            "labels": {
                                "type": "object",
                                "additionalProperties": {"type": "string"},
                            },
                        },
                    },
                ]
            },
        }
    ),
]


class MatchRule(_Declared):
    """Which objects belong to a node: all that is said must hold.

    Patterns must fit the whole value; only ``line`` is searched for. What an object does not have
    (no namespace, no such label) counts as the empty text.
    """

    kind: Annotated[
        tuple[str, ...],
        BeforeValidator(_listed),
        WithJsonSchema(
            {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}
        ),
        Field(min_length=1),
    ] = ("Pod",)
    """Kinds of Kubernetes objects."""
    namespace: Pattern | None = None
    name: Pattern | None = None
    container: Pattern | None = None
    metric: Pattern | None = None
    """Name of the metric: a rule that says it is for metrics only."""
    labels: dict[str, Pattern] = Field(default_factory=dict)
    """Labels of the metric or of the pod."""
    line: Pattern | None = None
    """Text of the log line: where one container speaks for two nodes."""
    because: Text = ""
    """One line: why these objects belong to the node."""
    examples: Examples = ()
    """Real objects that must resolve to this node; checked whenever the file is read."""

    def patterns(self) -> dict[str, str]:
        """Return what the rule asks for, by field; labels as ``labels.NAME``."""
        asked = {
            "namespace": self.namespace,
            "name": self.name,
            "container": self.container,
            "metric": self.metric,
            **{f"labels.{label}": pattern for label, pattern in sorted(self.labels.items())},
            "line": self.line,
        }
        return {field: pattern for field, pattern in asked.items() if pattern is not None}


class NodeTemplate(_Declared):
    """What can be at fault: one node, or a family of nodes (``jupyterhub/user/{user}``)."""

    id: NodeId
    title: Text = ""
    kind: Kind = "component"
    """Sets how likely it is the cause: an endpoint is a mere view of another node's traffic."""
    entry: bool = False
    """Whether users come in here."""
    observed: tuple[Signals, ...] = ("logs", "events", "metrics")
    """Signals whose silence means something. What comes from elsewhere is used all the same."""
    match: tuple[MatchRule, ...] = ()
    """First rule that holds wins, over all nodes in the order of the file."""


class Delay(_Declared):
    """How long a fault takes to surface, in seconds."""

    typical_s: Annotated[float, Field(gt=0, le=MAX_DELAY_S)] = 30.0
    longest_s: Annotated[float, Field(gt=0, le=MAX_DELAY_S)] = 300.0

    @model_validator(mode="after")
    def _longest_is_longest(self) -> Self:
        if self.longest_s < self.typical_s:
            raise PydanticCustomError(
                "T021",
                "the longest delay ({longest} s) is shorter than the typical one ({typical} s)",
                {
                    "longest": f"{self.longest_s:g}",
                    "typical": f"{self.typical_s:g}",
                    "remedy": "raise longest_s or lower typical_s",
                },
            )
        return self


class Edge(_Declared):
    """A fault in ``cause`` can surface as symptoms in ``effect``."""

    cause: NodeId
    effect: NodeId
    kind: EdgeKind = "dependency"
    delay: Delay = Delay()
    strength: Annotated[float, Field(gt=0, le=1)] = 0.7
    """Probability that a fault in the cause shows at the effect (at one given instance of it)."""
    because: Text = ""
    source: Text = "declared"
    """Where the edge is from: ``drawing``, ``domain``, ``traces`` …"""
    via: Literal["cluster_node"] | None = None
    """``cluster_node``: holds only for the machine that the effect's pods ran on."""


class Application(_Declared):
    """One connected dependency graph: the unit of correlation."""

    name: str
    title: str = ""
    valid_from: Instant | None = None
    """From when this version of the graph holds; ``None``: since ever."""
    parameters: dict[str, str | None] = Field(default_factory=dict)
    """Values that the file was read with; ``None`` stands for anything."""
    ignore: tuple[MatchRule, ...] = ()
    """Objects that belong to no node, on purpose; looked at before all nodes' rules."""
    nodes: tuple[NodeTemplate, ...]
    edges: tuple[Edge, ...] = ()

    @cached_property
    def version(self) -> str:
        """Short hash of all that is declared: not of what the file looks like, nor of its time."""
        declared = self.model_dump(mode="json", exclude={"valid_from"})
        content = json.dumps(declared, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(content.encode()).hexdigest()[:12]

    @cached_property
    def finder(self) -> Callable[[str], NodeTemplate | None]:
        """The look-up behind ``template_of``, which remembers."""
        return lru_cache(MAX_KNOWN_INSTANCES)(_finder(self.nodes))

    def template_of(self, node_id: str) -> NodeTemplate | None:
        """Return what declares a node: its own entry, else the most literal template that fits."""
        return self.finder(node_id)


def _finder(nodes: tuple[NodeTemplate, ...]) -> Callable[[str], NodeTemplate | None]:
    by_id = {template.id: template for template in nodes}
    terms = [(ids.parse(template.id), template) for template in nodes]
    families = sorted(
        ((term, template) for term, template in terms if ids.variables(term)),
        key=lambda pair: (-ids.literal_length(pair[0]), pair[1].id),
    )

    def find(node_id: str) -> NodeTemplate | None:
        exact = by_id.get(node_id)
        if exact is not None:
            return exact
        wanted = ids.ground(node_id)
        fitting = (template for term, template in families if ids.unify(term, wanted) is not None)
        return next(fitting, None)

    return find

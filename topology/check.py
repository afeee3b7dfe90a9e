"""What can be wrong with an application whose file is of the right format.

In goes an application, out come findings: where in the file, a code, what is wrong, what to do.
Cycles are fine.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from topology import ids
from topology.model import Application, Edge, Example, MatchRule, NodeTemplate
from topology.resolve import Identity, Resolver
from topology.yamltree import Location


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, at a place in the file's data."""

    location: Location
    code: str
    what: str
    remedy: str


def findings(application: Application) -> list[Finding]:
    """Return all that is wrong; an application without findings can be used."""
    structural = [
        *_node_ids(application.nodes),
        *_edges(application),
        *_variables(application),
        *_same_rules(application),
    ]
    return structural or [*_examples(application)]


def _node_ids(nodes: tuple[NodeTemplate, ...]) -> Iterator[Finding]:
    seen: dict[object, str] = {}
    for number, template in enumerate(nodes):
        shape = ids.shape(ids.parse(template.id))
        if shape in seen:
            again = f"a second node with the id {template.id}"
            alike = f" (same as {seen[shape]})" if seen[shape] != template.id else ""
            yield Finding(("nodes", number, "id"), "T010", again + alike, "rename or drop one")
        seen.setdefault(shape, template.id)


def _edges(application: Application) -> Iterator[Finding]:
    known = {template.id for template in application.nodes}
    families = [term for node_id in sorted(known) if ids.variables(term := ids.parse(node_id))]
    seen: set[tuple[str, str, str | None]] = set()
    for number, edge in enumerate(application.edges):
        here = ("edges", number)
        for end in ("cause", "effect"):
            node_id: str = getattr(edge, end)
            if node_id not in known and not any(ids.covers(term, node_id) for term in families):
                what = f"the edge's {end} is {node_id}, and there is no such node"
                yield Finding((*here, end), "T012", what, "declare it under `nodes:`, or mend it")
        if (edge.cause, edge.effect, edge.via) in seen:
            what = f"a second edge {edge.cause} → {edge.effect}"
            yield Finding(here, "T013", what, "keep one of the two")
        seen.add((edge.cause, edge.effect, edge.via))
        yield from _one_edge(edge, here)


def _one_edge(edge: Edge, here: Location) -> Iterator[Finding]:
    if edge.cause == edge.effect:
        what = f"the edge leads from {edge.cause} to itself"
        yield Finding(here, "T011", what, "drop it: a node's own trouble needs no edge")
    machines = len(ids.variables(ids.parse(edge.cause)))
    if edge.via is not None and machines != 1:
        what = f"`via: {edge.via}` with {machines} variables in the cause"
        remedy = (
            "name the machine by the one variable of the cause, as in infrastructure/node/{name}"
        )
        yield Finding((*here, "via"), "T024", what, remedy)


def _rules(application: Application) -> Iterator[tuple[Location, str, MatchRule]]:
    for number, rule in enumerate(application.ignore):
        yield ("ignore", number), "ignore", rule
    for index, template in enumerate(application.nodes):
        for number, rule in enumerate(template.match):
            yield ("nodes", index, "match", number), template.id, rule


def _variables(application: Application) -> Iterator[Finding]:
    for here, owner, rule in _rules(application):
        if not rule.patterns() and rule.kind == ("Pod",):
            what = f"a rule of {owner} without any condition, which takes every pod"
            yield Finding(here, "T025", what, "add a name, a namespace or labels")
        if here[0] == "nodes":
            yield from _variables_of(here, owner, rule)


def _variables_of(here: Location, owner: str, rule: MatchRule) -> Iterator[Finding]:
    groups = {
        name: field
        for field, pattern in rule.patterns().items()
        for name in re.compile(pattern).groupindex
    }
    wanted = set(ids.variables(ids.parse(owner)))
    for name in sorted(wanted - groups.keys()):
        what = f"the rule does not say what {{{name}}} of {owner} is"
        remedy = f"put a named group around it: (?P<{name}>…)"
        yield Finding(here, "T015", what, remedy)
    for name in sorted(groups.keys() - wanted):
        what = f"the group {name} is no variable of {owner}"
        yield Finding(here, "T015", what, f"add {{{name}}} to the id, or use (?:…)")
    if "line" in groups.values():
        what = "a variable is taken from the log line"
        remedy = "take it from the name or the labels: they are there for every signal"
        yield Finding((*here, "line"), "T015", what, remedy)


def _same_rules(application: Application) -> Iterator[Finding]:
    seen: dict[object, str] = {}
    for here, owner, rule in _rules(application):
        bare = {field: _without_names(text) for field, text in rule.patterns().items()}
        for kind in rule.kind:
            key = (kind, tuple(bare.items()))
            if seen.get(key, owner) != owner:
                what = f"{seen[key]} and {owner} match the same objects ({kind})"
                yield Finding(here, "T016", what, "make one of the two rules narrower")
            seen.setdefault(key, owner)


def _without_names(pattern: str) -> str:
    return re.sub(r"\(\?P<\w+>|\(\?:", "(", pattern)


def _examples(application: Application) -> Iterator[Finding]:
    resolver = Resolver(application)
    for here, owner, rule in _rules(application):
        for number, example in enumerate(rule.examples):
            identity = identity_of(example, rule)
            finding = _one_example(resolver, identity, owner)
            if finding is not None:
                code, what, remedy = finding
                yield Finding((*here, "examples", number), code, what, remedy)


def _one_example(resolver: Resolver, identity: Identity, owner: str) -> tuple[str, str, str] | None:
    said = identity.name or identity.metric or identity.kind
    found = resolver.resolve(identity)
    winner = found.owner
    if winner == owner:
        return None
    if winner is None:
        return "T018", f"the example {said} does not match its own rule", found.why
    if owner in (*found.others, "ignore"):
        what = f"an earlier rule of {winner} swallows {said}, an example of {owner}"
        return "T017", what, f"make that rule narrower, or put {owner} before {winner}"
    return "T018", f"the example {said} of {owner} resolves to {winner}", found.why


def identity_of(example: Example, rule: MatchRule) -> Identity:
    """Return the identity that an example stands for."""
    asked = rule.patterns()
    said = {
        field: value
        for field in ("namespace", "name", "container", "metric", "line")
        if (value := getattr(example, field)) is not None
    }
    literal = {
        field: value for field, pattern in asked.items() if (value := _literal(pattern)) is not None
    }
    labels = {
        field.removeprefix("labels."): value
        for field, value in literal.items()
        if field.startswith("labels.")
    }
    filled = {**literal, **said}
    return Identity(
        kind=example.kind or rule.kind[0],
        namespace=filled.get("namespace"),
        name=filled.get("name"),
        container=filled.get("container"),
        metric=filled.get("metric"),
        line=filled.get("line"),
        labels={**labels, **example.labels},
    )


_PLAIN = re.compile(r"(?:[^\\.^$*+?{}\[\]|()]|\\[^A-Za-z0-9])*")


def _literal(pattern: str) -> str | None:
    """Return the only text that a pattern fits, if it is plain text."""
    return re.sub(r"\\(.)", r"\1", pattern) if _PLAIN.fullmatch(pattern) else None

"""Which node an object of the cluster belongs to, and why.

In goes an identity (what is known of a pod, an event's object, a metric's labels), out comes a node
id, or ``None``: unmapped. The first rule that holds wins: the application's ``ignore`` rules, then
the rules of its nodes, in the order of the file. ``node_of`` is called for every observation and
remembers; ``resolve`` explains.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from topology import ids
from topology.model import Application, MatchRule, NodeTemplate
from topology.parameters import ANYTHING

MAX_REMEMBERED = 65_536
"""Identities whose node is remembered (about 300 bytes each); when full, all are forgotten."""

_NO_NAME = "\N{REPLACEMENT CHARACTER}"
"""No object has this name: a pattern that fits it fits anything."""

IGNORED = ""
"""Answer of an ``ignore`` rule."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What is known of an object. A rule may look at every field but ``node``.

    For a metric: kind and name are those of the pod that its labels name, else of the claim, the
    quota, the machine; else the kind is ``Service`` and the labels tell. ``metric`` is its name.
    """

    node: str | None = None
    """Node id, for data that is resolved already: then nothing else counts."""
    namespace: str | None = None
    kind: str = "Pod"
    name: str | None = None
    container: str | None = None
    metric: str | None = None
    labels: Mapping[str, str] | None = None
    line: str | None = None


@dataclass(frozen=True, slots=True)
class Resolution:
    """The node of an identity, and why it is that one."""

    node: str | None
    """``None``: unmapped."""
    rule: str | None
    """Which rule decided, as ``NODE match[N]`` or ``ignore[N]``, counted from 0 as in the file."""
    why: str
    others: tuple[str, ...] = ()
    """Nodes with a later rule that would have matched too."""
    owner: str | None = None
    """Template whose rule decided; ``ignore`` for a rule of that section."""


@dataclass(frozen=True, slots=True)
class _Rule:
    """A match rule with its patterns compiled."""

    template: NodeTemplate | None
    """``None``: an ``ignore`` rule."""
    term: ids.Term
    declared: MatchRule
    place: str
    fixed: tuple[tuple[str, re.Pattern[str]], ...]
    """What never changes for one container of one pod: namespace, name, container."""
    labels: tuple[tuple[str, re.Pattern[str]], ...]
    metric: re.Pattern[str] | None
    line: re.Pattern[str] | None

    def broken_by(self, identity: Identity) -> str | None:
        """Return the first condition that does not hold, in words; ``None`` if all hold."""
        if identity.kind not in self.declared.kind:
            return f"is for {' or '.join(self.declared.kind)}"
        for field, pattern in self.fixed:
            if pattern.fullmatch(_field(identity, field)) is None:
                return f"wants a {field} like `{pattern.pattern}`"
        if self.metric is not None and self.metric.fullmatch(identity.metric or "") is None:
            return f"is for metrics like `{self.metric.pattern}`"
        for label, pattern in self.labels:
            if pattern.fullmatch(_label(identity, label)) is None:
                return f"wants a label {label} like `{pattern.pattern}`"
        if self.line is not None and self.line.search(identity.line or "") is None:
            return f"is for log lines with `{self.line.pattern}`"
        return None

    def holds_fixed(self, identity: Identity) -> bool:
        return identity.kind in self.declared.kind and all(
            pattern.fullmatch(_field(identity, field)) for field, pattern in self.fixed
        )

    def holds_labels(self, identity: Identity) -> bool:
        if self.metric is not None and self.metric.fullmatch(identity.metric or "") is None:
            return False
        return all(pattern.fullmatch(_label(identity, label)) for label, pattern in self.labels)

    def answer(self, identity: Identity) -> str | None:
        """Return the node of an identity that all holds for but, perhaps, the line.

        The empty text means ignored; ``None`` that the name makes no node id.
        """
        if self.template is None:
            return IGNORED
        values: dict[str, str] = {}
        for field, pattern in self.fixed:
            values |= _groups(pattern.fullmatch(_field(identity, field)))
        if self.metric is not None:
            values |= _groups(self.metric.fullmatch(identity.metric or ""))
        for label, pattern in self.labels:
            values |= _groups(pattern.fullmatch(_label(identity, label)))
        return ids.fill(self.term, values)


@dataclass(frozen=True, slots=True)
class _Choice:
    """What is left to decide for identities that are alike in their fixed fields."""

    node: str | None = None
    """The answer, if no line rule holds first."""
    by_line: tuple[tuple[re.Pattern[str], str | None], ...] = ()
    """Answers for lines in which a pattern is found, in order."""
    rules: tuple[_Rule, ...] = ()
    """Rules to look at, as some of them ask for the labels or the metric's name."""
    labels: tuple[str, ...] = ()
    """Labels that these rules ask for."""


class Resolver:
    """Finds the nodes of one application."""

    def __init__(self, application: Application) -> None:
        self.application = application
        self._rules = tuple(_compiled(application))
        self._choices: dict[tuple[str | None, ...], _Choice] = {}
        self._by_labels: dict[tuple[str | None, ...], _Choice] = {}

    def node_of(self, identity: Identity) -> str | None:
        """Return the node's id; ``None`` if the identity belongs to no node."""
        if identity.node is not None:
            return identity.node if self.application.template_of(identity.node) else None
        choice = self._choice(identity)
        if choice.by_line and identity.line is not None:
            for pattern, node in choice.by_line:
                if pattern.search(identity.line) is not None:
                    return node
        return choice.node

    def looks_at_line(self, identity: Identity) -> bool:
        """Tell whether lines of this container may belong to different nodes."""
        return identity.node is None and bool(self._choice(identity).by_line)

    def resolve(self, identity: Identity) -> Resolution:
        """Return the node and why it is that one, or why there is none."""
        if identity.node is not None:
            return self._own(identity.node)
        holding = [
            (rule, node) for rule in self._rules if (node := _held(rule, identity)) is not None
        ]
        if not holding:
            return Resolution(None, None, self._why_not(identity))
        rule, node = holding[0]
        others = tuple(dict.fromkeys(other for _, other in holding[1:] if other and other != node))
        owner = "ignore" if rule.template is None else rule.template.id
        return Resolution(node or None, rule.place, self._why(rule, identity), others, owner)

    def _choice(self, identity: Identity) -> _Choice:
        key = (identity.kind, identity.namespace, identity.name, identity.container)
        choice = self._choices.get(key)
        if choice is None:
            choice = self._choose(identity)
            _remember(self._choices, key, choice)
        if not choice.rules:
            return choice
        labels = identity.labels or {}
        wider = (*key, identity.metric, *[labels.get(name) for name in choice.labels])
        known = self._by_labels.get(wider)
        if known is None:
            holding = (rule for rule in choice.rules if rule.holds_labels(identity))
            known = _final(holding, identity)
            _remember(self._by_labels, wider, known)
        return known

    def _choose(self, identity: Identity) -> _Choice:
        rules = tuple(rule for rule in self._rules if rule.holds_fixed(identity))
        if any(rule.labels or rule.metric for rule in rules):
            labels = sorted({label for rule in rules for label, _ in rule.labels})
            return _Choice(rules=rules, labels=tuple(labels))
        return _final(rules, identity)

    def _own(self, node_id: str) -> Resolution:
        template = self.application.template_of(node_id)
        if template is None:
            name = self.application.name
            return Resolution(None, None, f"the application {name} has no node {node_id}")
        return Resolution(node_id, None, f"it names its node, which {template.id} declares")

    def _why(self, rule: _Rule, identity: Identity) -> str:
        asked = ", ".join(
            f"{field} `{pattern}`"
            for field, pattern in rule.declared.patterns().items()
            if pattern != ANYTHING
        )
        held = f"{identity.kind} with {asked}" if asked else f"any {identity.kind}"
        reason = f": {rule.declared.because}" if rule.declared.because else ""
        verdict = "ignored" if rule.template is None else "matched"
        return f"{verdict} by {rule.place} ({held}){reason}{self._by_the_line(rule, identity)}"

    def _by_the_line(self, rule: _Rule, identity: Identity) -> str:
        """Name the earlier rules that would take some of the lines, if no line was given."""
        if identity.line is not None or identity.metric is not None:
            return ""
        earlier = self._rules[: self._rules.index(rule)]
        notes = [
            f"; its lines with `{other.line.pattern}` belong to {other.template.id}"
            for other in earlier
            if other.line and other.template and other.holds_fixed(identity)
        ]
        return "".join(notes)

    def _why_not(self, identity: Identity) -> str:
        """Name the rule that comes nearest: the one whose name pattern fits."""
        what = f"{identity.kind} {identity.name}" if identity.name else identity.kind
        near = [
            f"{rule.place} {broken}"
            for rule in self._rules
            if _fits_name(rule, identity) and (broken := rule.broken_by(identity)) is not None
        ]
        if near:
            return f"no rule holds for {what}; the nearest: " + "; ".join(near[:2])
        return f"no rule's name pattern fits {what}: it is none of this application's parts"


def _compiled(application: Application) -> Iterator[_Rule]:
    for number, rule in enumerate(application.ignore):
        yield _compile(rule, None, f"ignore[{number}]")
    for template in application.nodes:
        for number, rule in enumerate(template.match):
            yield _compile(rule, template, f"{template.id} match[{number}]")


def _compile(rule: MatchRule, template: NodeTemplate | None, place: str) -> _Rule:
    fixed = {"namespace": rule.namespace, "name": rule.name, "container": rule.container}
    return _Rule(
        template=template,
        term=ids.parse(template.id) if template is not None else (),
        declared=rule,
        place=place,
        fixed=tuple((field, re.compile(text)) for field, text in fixed.items() if text is not None),
        labels=tuple((label, re.compile(text)) for label, text in sorted(rule.labels.items())),
        metric=re.compile(rule.metric) if rule.metric is not None else None,
        line=re.compile(rule.line) if rule.line is not None else None,
    )


def _held(rule: _Rule, identity: Identity) -> str | None:
    """Return the rule's answer if all of it holds, else ``None``."""
    return None if rule.broken_by(identity) is not None else rule.answer(identity)


def _final(rules: Iterable[_Rule], identity: Identity) -> _Choice:
    """Return the answer of the first rule that does not look at the line, and those before it."""
    by_line: list[tuple[re.Pattern[str], str | None]] = []
    for rule in rules:
        node = rule.answer(identity)
        if node is None:
            continue
        if rule.line is None:
            return _Choice(node or None, tuple(by_line))
        by_line.append((rule.line, node or None))
    return _Choice(None, tuple(by_line))


def _remember(
    known: dict[tuple[str | None, ...], _Choice], key: tuple[str | None, ...], choice: _Choice
) -> None:
    if len(known) >= MAX_REMEMBERED:
        known.clear()
    known[key] = choice


def _fits_name(rule: _Rule, identity: Identity) -> bool:
    """Tell whether the name fits a pattern that does not fit every name."""
    pattern = rule.declared.name
    if identity.name is None or pattern is None or re.fullmatch(pattern, _NO_NAME):
        return False
    return re.fullmatch(pattern, identity.name) is not None


def _field(identity: Identity, field: str) -> str:
    value: str | None = getattr(identity, field)
    return value or ""


def _label(identity: Identity, label: str) -> str:
    return (identity.labels or {}).get(label, "")


def _groups(found: re.Match[str] | None) -> dict[str, str]:
    if found is None:
        return {}
    return {name: value for name, value in found.groupdict().items() if value is not None}

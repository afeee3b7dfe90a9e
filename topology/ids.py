"""Node ids as terms: literal text with variables, matched and unified segment by segment.

``infrastructure/volume/jupyterhub-nb-{user}-pvc`` has three segments; a segment holds at most one
variable, which stands for at least one character and never for a slash. With that restriction two
terms have at most one most general instance in common, found by comparing prefixes and suffixes:
no regular expression and no search.
"""

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

_VARIABLE = re.compile(r"\{([A-Za-z_]\w*)\}")


class Segment(NamedTuple):
    """What stands between two slashes: ``prefix{variable}suffix``, or ``prefix`` alone."""

    prefix: str
    variable: str | None = None
    suffix: str = ""


Term = tuple[Segment, ...]
"""A node id in segments; ground when it has no variable."""

Bindings = dict[str, Segment]
"""What each variable stands for."""


def parse(node_id: str) -> Term:
    """Return the term of an id template.

    Raises:
        ValueError: two variables in one segment, or one variable twice; says so in words.
    """
    term = tuple(_segment(text) for text in node_id.split("/"))
    names = variables(term)
    if len(set(names)) < len(names):
        raise ValueError(f"it has one variable twice: {node_id!r}")
    return term


def ground(node_id: str) -> Term:
    """Return the term of an id as it stands: braces in it are mere characters."""
    return tuple(Segment(text) for text in node_id.split("/"))


def text(term: Term) -> str:
    """Return the id; what is still a variable is shown as ``{name}``."""
    return "/".join(_segment_text(segment) for segment in term)


def variables(term: Term) -> tuple[str, ...]:
    """Return the names of the variables, from left to right."""
    return tuple(segment.variable for segment in term if segment.variable is not None)


def shape(term: Term) -> tuple[tuple[str, bool, str], ...]:
    """Return what two terms have in common that differ only in the names of variables."""
    return tuple((prefix, variable is not None, suffix) for prefix, variable, suffix in term)


def apart(term: Term, mark: int) -> Term:
    """Return the term with variables of its own, so that no other term shares them."""
    return tuple(
        segment if segment.variable is None else segment._replace(variable=f"{segment[1]}@{mark}")
        for segment in term
    )


def substitute(term: Term, bindings: Mapping[str, Segment]) -> Term:
    """Return the term with its variables replaced."""
    return tuple(substitute_segment(segment, bindings) for segment in term)


def substitute_segment(segment: Segment, bindings: Mapping[str, Segment]) -> Segment:
    """Return the segment with its variable replaced, if it is bound."""
    value = None if segment.variable is None else bindings.get(segment.variable)
    if value is None:
        return segment
    if value.variable is None:
        return Segment(segment.prefix + value.prefix + segment.suffix)
    return Segment(segment.prefix + value.prefix, value.variable, value.suffix + segment.suffix)


def unify(one: Term, other: Term) -> Bindings | None:
    """Return the bindings under which both terms are the same id; ``None`` if they never are.

    The terms must not share variables (``apart``).
    """
    if len(one) != len(other):
        return None
    bindings: Bindings = {}
    for left, right in zip(one, other, strict=True):
        bound = _unify_segments(left, right)
        if bound is None:
            return None
        bindings.update(bound)
    return bindings


def covers(template: Term, narrower: str) -> bool:
    """Tell whether every instance of the id ``narrower`` is an instance of ``template``."""
    return unify(template, ground(narrower)) is not None


def literal_length(term: Term) -> int:
    """Count the literal characters: of two templates that fit, the more literal one is meant."""
    return sum(len(segment.prefix) + len(segment.suffix) for segment in term)


def fill(term: Term, values: Mapping[str, str]) -> str | None:
    """Return the id with the variables' values; ``None`` if a value is missing or not one name."""
    bindings: Bindings = {}
    for name in variables(term):
        value = values.get(name)
        if not value or "/" in value:
            return None
        bindings[name] = Segment(value)
    return text(substitute(term, bindings))


def _segment(segment: str) -> Segment:
    found: Iterable[re.Match[str]] = list(_VARIABLE.finditer(segment))
    match list(found):
        case []:
            return Segment(segment)
        case [only]:
            return Segment(segment[: only.start()], only[1], segment[only.end() :])
        case _:
            raise ValueError(f"two variables stand between two slashes: {segment!r}")


def _segment_text(segment: Segment) -> str:
    if segment.variable is None:
        return segment.prefix
    name = segment.variable.partition("@")[0]
    return f"{segment.prefix}{{{name}}}{segment.suffix}"


def _unify_segments(one: Segment, other: Segment) -> Bindings | None:
    if one.variable is None:
        return _match(other, one.prefix)
    if other.variable is None:
        return _match(one, other.prefix)
    prefix = max(one.prefix, other.prefix, key=len)
    suffix = max(one.suffix, other.suffix, key=len)
    if not all(
        prefix.startswith(each.prefix) and suffix.endswith(each.suffix) for each in (one, other)
    ):
        return None
    return _meet(one, other, prefix, suffix)


def _match(segment: Segment, literal: str) -> Bindings | None:
    prefix, variable, suffix = segment
    if variable is None:
        return {} if prefix == literal else None
    middle = literal[len(prefix) : len(literal) - len(suffix)]
    fits = middle and literal.startswith(prefix) and literal.endswith(suffix)
    return {variable: Segment(middle)} if fits else None


def _meet(one: Segment, other: Segment, prefix: str, suffix: str) -> Bindings:
    """Bind both variables to what is left of ``prefix{rest}suffix`` on their own side."""
    narrowest = next(
        (each.variable for each in (one, other) if each[::2] == (prefix, suffix)),
        f"{one.variable}+{other.variable}",
    )
    bindings: Bindings = {}
    for each in (one, other):
        if each.variable is not None and each.variable != narrowest:
            rest = suffix[: len(suffix) - len(each.suffix)]
            bindings[each.variable] = Segment(prefix[len(each.prefix) :], narrowest, rest)
    return bindings

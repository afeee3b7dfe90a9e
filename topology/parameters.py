"""Parameters of a topology file: ``${name}`` in ids, texts and patterns.

Expansion happens while the file's fields are validated: the values come in as the validation's
context. In a pattern a value is literal text, and a parameter without a value fits anything; in a
node id every parameter must have a value.
"""

import re
from collections.abc import Callable, Mapping
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, ValidationInfo
from pydantic_core import PydanticCustomError

from topology import ids

Values = Mapping[str, str | None]
"""Value of each declared parameter; ``None`` stands for anything."""

_REFERENCE = re.compile(r"\$\{([^}]*)\}")
ANYTHING = ".*"
"""Pattern of a parameter without a value."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def _expand(text: object, info: ValidationInfo, put: Callable[[str, str | None], str]) -> object:
    """Replace the references in a text; anything else is left to the field's own validation."""
    values: Values | None = info.context
    if values is None or not isinstance(text, str):
        return text

    def value_of(found: re.Match[str]) -> str:
        name = found[1]
        if name not in values:
            raise PydanticCustomError(
                "T019",
                "there is no parameter {name}",
                {
                    "name": repr(name),
                    "remedy": "declare it under `parameters:`, or use one of: "
                    + (", ".join(sorted(values)) or "(none declared)"),
                },
            )
        return put(name, values[name])

    return _REFERENCE.sub(value_of, text)


def defaulted(
    defaults: Mapping[str, str | None], given: Mapping[str, str]
) -> dict[str, str | None]:
    """Return the value of each parameter: what is given, else its default.

    A default may name the parameters above it. One that names anything else stays as it is written
    (``reference_in``).
    """
    values: dict[str, str | None] = {}

    def value_of(found: re.Match[str]) -> str:
        value = values.get(found[1])
        return found[0] if value is None else value

    for name, default in defaults.items():
        said = None if default is None else _REFERENCE.sub(value_of, default)
        values[name] = given.get(name, said)
    return values


def reference_in(text: str | None) -> str | None:
    """Return the first name that a text refers to."""
    found = None if text is None else _REFERENCE.search(text)
    return None if found is None else found[1]


def _as_id(name: str, value: str | None) -> str:
    if value is None:
        raise PydanticCustomError(
            "T020",
            "a node id needs a value for the parameter {name}",
            {"name": repr(name), "remedy": f"give it a default, or --set {name}=…"},
        )
    return value


def _as_text(name: str, value: str | None) -> str:
    return f"any-{name}" if value is None else value


def _as_pattern(_name: str, value: str | None) -> str:
    # A dash needs its backslash in brackets only, and people read these patterns.
    return ANYTHING if value is None else re.escape(value).replace("\\-", "-")


def _expand_id(text: object, info: ValidationInfo) -> object:
    return _expand(text, info, _as_id)


def _expand_text(text: object, info: ValidationInfo) -> object:
    return _expand(text, info, _as_text)


def _expand_pattern(text: object, info: ValidationInfo) -> object:
    return _expand(text, info, _as_pattern)


def _check_id(node_id: str) -> str:
    if not node_id.strip() or node_id != node_id.strip() or _CONTROL.search(node_id):
        raise PydanticCustomError(
            "T023",
            "a node id is empty, or has blanks around it or control characters in it",
            {"remedy": "give it a name such as jupyterhub/hub"},
        )
    try:
        ids.parse(node_id)
    except ValueError as trouble:
        raise PydanticCustomError(
            "T023", "{what}", {"what": str(trouble), "remedy": "rename or drop a variable"}
        ) from trouble
    return node_id


def _check_pattern(pattern: str) -> str:
    try:
        re.compile(pattern)
    except (re.error, OverflowError) as trouble:
        raise PydanticCustomError(
            "T014",
            "{pattern} is not a regular expression ({what})",
            {
                "pattern": repr(pattern),
                "what": str(trouble),
                "remedy": "mend it; a literal dot or bracket needs a backslash",
            },
        ) from trouble
    return pattern


NodeId = Annotated[str, BeforeValidator(_expand_id), AfterValidator(_check_id)]
"""Id of a node or of a family of nodes; ``{name}`` in it is a variable."""

Text = Annotated[str, BeforeValidator(_expand_text)]
"""Text for people, or an example."""

Pattern = Annotated[str, BeforeValidator(_expand_pattern), AfterValidator(_check_pattern)]
"""Regular expression (Python's ``re``)."""

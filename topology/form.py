"""The topology file's format: data of a file → application, or what is wrong with it.

Pure: the text comes from ``load``. The file's JSON Schema is that of :class:`Form`.
"""

import difflib
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from topology.check import Finding
from topology.instant import Instant
from topology.model import Application, Delay, Edge, Example, MatchRule, NodeTemplate
from topology.parameters import Text, Values, defaulted, reference_in
from topology.yamltree import Location, Value

INSTANCE = "instance"
"""Parameter that names the instance: applications with another than the default are others."""


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Parameter(_Section):
    """Something that differs between instances: ``${name}`` in ids, texts and patterns."""

    default: str | None = None
    """Without one, the parameter stands for anything in patterns, until ``--set`` gives it. It may
    name the parameters above it."""
    description: str = ""


class Form(_Section):
    """A topology file: one application, or a template of its instances."""

    application: Annotated[Text, Field(min_length=1)]
    """Name of the application."""
    title: Text = ""
    valid_from: Instant | None = None
    """From when this version of the graph holds, with a zone; it held since ever if not said. Files
    of one application are its versions."""
    parameters: dict[str, Parameter] = Field(default_factory=dict)
    ignore: tuple[MatchRule, ...] = ()
    """Objects that belong to no node, on purpose; looked at before all nodes' rules."""
    nodes: Annotated[tuple[NodeTemplate, ...], Field(min_length=1)]
    edges: tuple[Edge, ...] = ()


class _Parameters(BaseModel):
    model_config = ConfigDict(extra="ignore")

    parameters: dict[str, Parameter] = Field(default_factory=dict)


class MalformedError(Exception):
    """The data is not of the format; carries the findings."""

    def __init__(self, findings: list[Finding]) -> None:
        super().__init__(f"{len(findings)} findings")
        self.findings = findings


def application_of(data: Value, given: Mapping[str, str]) -> Application:
    """Return the application that a file's data declares, with its parameters filled in.

    Raises:
        MalformedError: says what is not of the format.
    """
    try:
        declared = _Parameters.model_validate(data).parameters
        unknown = [_unknown_parameter(name, declared) for name in given if name not in declared]
        if unknown:
            raise MalformedError(unknown)
        values = defaulted({name: each.default for name, each in declared.items()}, given)
        unfilled = [*_unfilled(values, given)]
        if unfilled:
            raise MalformedError(unfilled)
        form = Form.model_validate(data, context=values)
    except ValidationError as trouble:
        errors = trouble.errors(include_url=False, include_input=True)
        raise MalformedError([*_all_findings(errors)]) from trouble
    return Application(
        name=form.application + _suffix(declared, values),
        title=form.title,
        valid_from=form.valid_from,
        parameters=dict(sorted(values.items())),
        ignore=form.ignore,
        nodes=form.nodes,
        edges=form.edges,
    )


def schema() -> dict[str, Any]:
    """Return the JSON Schema of a topology file."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Form.model_json_schema(),
        "title": "Aftershock topology file",
    }


def _suffix(declared: Mapping[str, Parameter], values: Values) -> str:
    """Two instances are two applications: incidents are told apart by its name."""
    if INSTANCE not in declared or values[INSTANCE] == declared[INSTANCE].default:
        return ""
    return f"/{values[INSTANCE]}"


def _unfilled(values: Values, given: Mapping[str, str]) -> Iterator[Finding]:
    """Yield the defaults that name what has no value."""
    for name, value in values.items():
        wanted = None if name in given else reference_in(value)
        if wanted is not None:
            what = f"the default of {name} names {wanted!r}: no parameter above it with a value"
            remedy = f"declare it above {name}, with a default"
            yield Finding(("parameters", name, "default"), "T019", what, remedy)


def _unknown_parameter(name: str, declared: Mapping[str, Parameter]) -> Finding:
    known = ", ".join(sorted(declared)) or "none"
    return Finding(
        ("parameters",),
        "T019",
        f"there is no parameter {name!r} to set",
        f"the file declares: {known}",
    )


_FIELDS: dict[str, type[BaseModel]] = {
    "nodes": NodeTemplate,
    "edges": Edge,
    "match": MatchRule,
    "ignore": MatchRule,
    "examples": Example,
    "delay": Delay,
    "parameters": Parameter,
}

_TYPES = {
    "string_type": "text",
    "list_type": "a list",
    "tuple_type": "a list",
    "dict_type": "a mapping (`key: value`)",
    "model_type": "a mapping (`key: value`)",
    "model_attributes_type": "a mapping (`key: value`)",
    "bool_parsing": "true or false",
    "bool_type": "true or false",
    "float_parsing": "a number",
    "float_type": "a number",
}


def _all_findings(errors: list[ErrorDetails]) -> Iterator[Finding]:
    """Leave out a list that is too short only because its parts are wrong."""
    for error in errors:
        short = error["type"] == "too_short"
        if not (short and any(_below(other["loc"], error["loc"]) for other in errors)):
            yield _finding(error)


def _below(inner: Location, outer: Location) -> bool:
    return len(inner) > len(outer) and inner[: len(outer)] == outer


def _finding(error: ErrorDetails) -> Finding:
    location: Location = error["loc"]
    context = error.get("ctx", {})
    kind = error["type"]
    if "remedy" in context:
        return Finding(location, kind, error["msg"], str(context["remedy"]))
    where = _dotted(location)
    if kind == "extra_forbidden":
        return Finding(location, "T006", f"{where} is no known field", _fields_near(location))
    if kind == "missing":
        return Finding(location, "T008", f"{where} is missing", "add it")
    if kind == "literal_error":
        wrong = f"{where} is {error['input']!r}"
        return Finding(location, "T009", wrong, f"use {context['expected']}")
    return _wrong_value(error, where)


def _wrong_value(error: ErrorDetails, where: str) -> Finding:
    location: Location = error["loc"]
    kind = error["type"]
    if kind in _TYPES:
        found = _said(error["input"])
        return Finding(location, "T007", f"{where} is {found}", f"write {_TYPES[kind]}")
    if location[-1:] == ("strength",):
        wrong = f"the strength is {error['input']!r}"
        return Finding(location, "T022", wrong, "write a probability above 0 and up to 1")
    if kind in {"too_short", "string_too_short"}:
        return Finding(location, "T008", f"{where} is empty", "a topology needs at least one")
    if "delay" in location:
        wrong = f"{where} is {error['input']!r}"
        return Finding(location, "T021", wrong, "write seconds, above 0 and up to a day")
    return Finding(location, "T007", f"{where}: {error['msg']}", "see topology/README.md")


def _said(value: object) -> str:
    match value:
        case None:
            return "empty"
        case dict():
            return "a mapping"
        case list():
            return "a list"
        case _:
            return f"the text {value!r}"


def _dotted(location: Location) -> str:
    words = [f"[{part}]" if isinstance(part, int) else f".{part}" for part in location]
    return "".join(words).lstrip(".") or "the file"


def _fields_near(location: Location) -> str:
    """Say which field may have been meant, else which there are."""
    sections = [part for part in location[:-1] if part in _FIELDS]
    section = _FIELDS[str(sections[-1])] if sections else Form
    fields = list(section.model_fields)
    near = difflib.get_close_matches(str(location[-1]), fields, n=1)
    return f"did you mean {near[0]}?" if near else f"the fields are {', '.join(fields)}"

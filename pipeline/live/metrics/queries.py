"""A query set: what a Prometheus is asked for, as data (YAML); a shipped one, or a site's own.

Problems are told as ``file:line: Q003: what is wrong: what to do``, each on its own line:

====  =====================================================================================
Q001  the file is missing or cannot be read
Q002  the file is too large
Q003  not UTF-8, or not the plain YAML that is taken (no aliases, no tags, each key once)
Q004  a field is missing, unknown or has a wrong value
Q005  a parameter that the set does not declare
====  =====================================================================================
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Literal, NoReturn, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from pipeline.errors import UsageError
from topology import yamltree

MAX_BYTES = 1_000_000
"""A thousand queries have about 400 kB."""
ANY_NAMESPACE = ".+"

_SHIPPED = "queries.yaml"
_PARAMETER = re.compile(r"\$\{([^}]*)\}")
_SELECTOR = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*\s*(\{.*\})?|\{.*\}", re.DOTALL)
_NAMESPACE = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")

_Id = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,62}$")]
_Label = Annotated[str, Field(pattern=r"^[a-zA-Z_][a-zA-Z0-9_]*$")]
_MetricName = Annotated[str, Field(pattern=r"^[a-zA-Z_:][a-zA-Z0-9_:]*$")]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class Query(_Part):
    """One thing to ask for, again and again."""

    id: _Id
    title: Annotated[str, Field(min_length=1, max_length=200)]
    kind: Literal["select", "expression"]
    """``select``: a selector of series, every scraped sample of which comes, with the time of its
    scrape. ``expression``: any PromQL, evaluated at whole multiples of ``every_s``."""
    promql: Annotated[str, Field(min_length=1, max_length=8_000)]
    """``${parameter}`` stands within double quotes only."""
    name: _MetricName | None = None
    """Of the metric that an expression makes; selected series have their own."""
    type: Literal["gauge", "counter"] | None = None
    """Of the metric; None: an expression makes gauges, a selected series is what its name says
    (``_total``, ``_count``, ``_sum``, ``_bucket``: a counter)."""
    labels: dict[_Label, str] = Field(default_factory=dict)
    """Put on every series."""
    without: tuple[_Label, ...] = ()
    """Taken off every series: labels of the exporter that would be read as the object's own, and
    ballast."""
    limit: Annotated[int, Field(ge=1, le=100_000)] = 2_000
    """Series that it may bring; of more, always the same are kept, and the rest is counted."""
    every_s: Annotated[float, Field(ge=1, le=3_600)] | None = None
    """Between two questions, in seconds; None: as in the settings."""

    @model_validator(mode="after")
    def _of_its_kind(self) -> Self:
        if self.kind == "expression" and self.name is None:
            raise ValueError("an expression needs `name`, as its metric has none of its own")
        if self.kind == "select" and self.name is not None:
            raise ValueError("`name` is for expressions; selected series keep their own")
        if self.kind == "select" and not _SELECTOR.fullmatch(self.promql.strip()):
            raise ValueError(
                'select takes a selector only, like name{label="x"}, without range or function;'
                " use kind: expression for anything else"
            )
        return self


class QuerySet(_Part):
    """The content of a file."""

    query_set: _Id
    """Name of the set."""
    parameters: dict[Annotated[str, Field(pattern=r"^[a-z_]+$")], str] = Field(default_factory=dict)
    """Defaults of what may stand as ``${name}`` in queries."""
    queries: Annotated[tuple[Query, ...], Field(min_length=1, max_length=1_000)]


def load_queries(
    path: Path | None = None, parameters: Mapping[str, str] | None = None
) -> tuple[Query, ...]:
    """Load a query set (None: the shipped one); ``parameters`` replace its defaults.

    A set need not declare every parameter that is given: what it does not name, it does not use.

    Raises:
        UsageError: what is wrong with it, with file and line.
    """
    where, content = _read(path)
    tree = _tree(where, content)
    try:
        found = QuerySet.model_validate(tree.data)
    except ValidationError as invalid:
        raise UsageError("\n".join(_problems(where, tree, invalid))) from None
    values = found.parameters | {
        name: value for name, value in (parameters or {}).items() if name in found.parameters
    }
    known: dict[str, int] = {}
    filled = []
    for position, query in enumerate(found.queries):
        line = tree.line_of(("queries", position))
        if query.id in known:
            what = f"the id {query.id} is there already, on line {known[query.id]}"
            _fail(f"{where}:{line}", "Q004", what, "give each query an id of its own")
        known[query.id] = line
        filled.append(_filled(query, values, f"{where}:{line}"))
    return tuple(filled)


def namespace_pattern(names: Iterable[str]) -> str:
    """Return the regular expression (RE2) that fits these namespaces; none: any.

    Raises:
        UsageError: one is no name of a namespace.
    """
    wanted = sorted(set(names))
    for name in wanted:
        if not _NAMESPACE.fullmatch(name):
            raise UsageError(f"{name!r} is no name of a namespace: correct it in the settings")
    return "|".join(wanted) or ANY_NAMESPACE


def _read(path: Path | None) -> tuple[str, bytes]:
    if path is None:
        return _SHIPPED, (files("pipeline.live.metrics") / _SHIPPED).read_bytes()
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as trouble:
        reason = getattr(trouble, "strerror", None) or str(trouble)
        _fail(str(path), "Q001", f"cannot be read ({reason})", "name a readable query set")
    if len(content) > MAX_BYTES:
        _fail(str(path), "Q002", f"larger than {MAX_BYTES} bytes", "ask for less")
    return str(path), content


def _tree(where: str, content: bytes) -> yamltree.Tree:
    try:
        return yamltree.read(content.decode("utf-8-sig"))
    except UnicodeDecodeError as trouble:
        line = content.count(b"\n", 0, trouble.start) + 1
        _fail(f"{where}:{line}", "Q003", "not UTF-8", "save it as UTF-8")
    except yamltree.UnreadableError as trouble:
        problem = trouble.problem
        _fail(f"{where}:{problem.line}", "Q003", problem.what, "write it as plain YAML")


def _problems(where: str, tree: yamltree.Tree, invalid: ValidationError) -> Iterator[str]:
    for problem in invalid.errors(include_url=False):
        location = problem["loc"]
        field = ".".join(str(step) for step in location) or "the query set"
        what = problem["msg"].removeprefix("Value error, ")
        yield f"{where}:{tree.line_of(location)}: Q004: {field}: {what}: correct it"


def _filled(query: Query, values: Mapping[str, str], place: str) -> Query:
    def value_of(found: re.Match[str]) -> str:
        name = found[1]
        if name not in values:
            declared = ", ".join(sorted(values)) or "none"
            what = f"{query.id}: parameter ${{{name}}} is not declared"
            _fail(place, "Q005", what, f"declared are: {declared}")
        return values[name].replace("\\", "\\\\").replace('"', '\\"')

    return query.model_copy(update={"promql": _PARAMETER.sub(value_of, query.promql).strip()})


def _fail(place: str, code: str, what: str, hint: str) -> NoReturn:
    raise UsageError(f"{place}: {code}: {what}: {hint}")

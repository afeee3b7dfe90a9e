"""Reads a signature pack: the only file that detection opens.

Problems are told as ``file:line: S003: what is wrong: what to do``, each on its own line:

====  =====================================================================================
S001  the file is missing or cannot be read
S002  the file is too large
S003  not UTF-8, or not YAML
S004  an alias or anchor (a few hundred bytes of them can stand for gigabytes)
S005  nested too deep
S006  a key comes twice
S007  a field is missing, unknown or has a wrong value (also: a bad regex, an id twice)
S008  a parameter that the pack does not declare
====  =====================================================================================
"""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import NoReturn

import yaml
from pydantic import ValidationError

from pipeline.detect.pack import SignaturePack
from pipeline.errors import UsageError

MAX_BYTES = 1_000_000
"""A pack of a thousand signatures has about 400 kB."""
MAX_DEPTH = 12
_PARAMETER = re.compile(r"\$\{([a-z_]+)\}")
_SUFFIX = ".yaml"
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml's, where PyYAML was built with it (as its wheels are): ten times as fast."""

DEFAULT_PACK = "jupyterhub"


def load_pack(
    reference: str = DEFAULT_PACK, parameters: Mapping[str, str] | None = None
) -> SignaturePack:
    """Load a pack: a path, or the name of a shipped one. ``parameters`` replace its defaults.

    A default may name the parameters above it.

    Raises:
        UsageError: what is wrong with it, with file and line.
    """
    where, content = _read(reference)
    root = _root(where, content)
    values = _values(where, root, parameters or {})
    plain = _Plain(where, values).convert(root)
    try:
        return SignaturePack.model_validate(plain)
    except ValidationError as invalid:
        raise UsageError("\n".join(_problems(where, root, invalid))) from None


def shipped_packs() -> tuple[str, ...]:
    """Return the names of the shipped packs."""
    folder = files("pipeline.detect") / "packs"
    names = (entry.name for entry in folder.iterdir())
    return tuple(sorted(name.removesuffix(_SUFFIX) for name in names if name.endswith(_SUFFIX)))


def _read(reference: str) -> tuple[str, bytes]:
    if reference in shipped_packs():
        resource = files("pipeline.detect") / "packs" / f"{reference}{_SUFFIX}"
        return f"{reference}{_SUFFIX}", resource.read_bytes()
    try:
        with Path(reference).open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as trouble:
        reason = getattr(trouble, "strerror", None) or str(trouble)
        shipped = ", ".join(shipped_packs())
        what = f"cannot be read ({reason})"
        _fail(f"{reference}:1", "S001", what, f"name a file, or one of: {shipped}")
    if len(content) > MAX_BYTES:
        _fail(f"{reference}:1", "S002", f"larger than {MAX_BYTES} bytes", "split it")
    return reference, content


@lru_cache(maxsize=4)
def _root(where: str, content: bytes) -> yaml.MappingNode:
    """Return the tree's root; the instances of an application read one pack again and again."""
    return _Tree(where, content).root


class _Tree:
    """The YAML tree with line numbers, safe to walk: no aliases, bounded depth."""

    def __init__(self, where: str, content: bytes) -> None:
        self._where = where
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError as trouble:
            line = content[: trouble.start].count(b"\n") + 1
            _fail(f"{where}:{line}", "S003", "not UTF-8", "save it as UTF-8")
        try:
            self._check(text)
            root = yaml.compose(text, Loader=_LOADER)
        except yaml.YAMLError as trouble:
            mark = getattr(trouble, "problem_mark", None)
            line = 1 if mark is None else mark.line + 1
            what = getattr(trouble, "problem", None) or "cannot be read"
            _fail(f"{where}:{line}", "S003", f"not YAML ({what})", "correct it")
        if not isinstance(root, yaml.MappingNode):
            _fail(f"{where}:1", "S007", "not a mapping", "begin with `pack: name`")
        self.root: yaml.MappingNode = root

    def _check(self, text: str) -> None:
        depth = 0
        for event in yaml.parse(text, Loader=_LOADER):
            line = 1 if event.start_mark is None else event.start_mark.line + 1
            if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
                _fail(f"{self._where}:{line}", "S004", "an alias or anchor", "write the value out")
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            if depth > MAX_DEPTH:
                _fail(f"{self._where}:{line}", "S005", f"deeper than {MAX_DEPTH}", "flatten it")


class _Plain:
    """YAML tree → plain values, parameters put in."""

    def __init__(self, where: str, parameters: Mapping[str, str]) -> None:
        self._where = where
        self._parameters = parameters
        self._scalars = yaml.SafeLoader("")

    def convert(self, node: yaml.Node, *, verbatim: bool = False) -> object:
        """Return the value; texts in ``verbatim`` parts (examples, regexes) are left alone."""
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, verbatim=verbatim)
        if isinstance(node, yaml.SequenceNode):
            return [self.convert(item, verbatim=verbatim) for item in node.value]
        value = self._scalar(node)
        if isinstance(value, str) and not verbatim:
            return _PARAMETER.sub(lambda m: self._parameter(m[1], node), value)
        return value

    def _scalar(self, node: yaml.Node) -> object:
        try:
            return self._scalars.construct_object(node)
        except (yaml.YAMLError, ValueError) as trouble:
            _fail(f"{self._where}:{_line(node)}", "S003", f"not a value ({trouble})", "quote it")

    def _mapping(self, node: yaml.MappingNode, *, verbatim: bool) -> dict[str, object]:
        plain: dict[str, object] = {}
        for key_node, value_node in node.value:
            key = key_node.value
            if not isinstance(key, str):
                _fail(f"{self._where}:{_line(key_node)}", "S007", "a key is not a text", "name it")
            if key in plain:
                _fail(f"{self._where}:{_line(key_node)}", "S006", f"{key} comes twice", "keep one")
            plain[key] = self.convert(value_node, verbatim=verbatim or key not in _SUBSTITUTED)
        return plain

    def _parameter(self, name: str, node: yaml.Node) -> str:
        if name not in self._parameters:
            what = f"parameter ${{{name}}} is not declared"
            _fail(f"{self._where}:{_line(node)}", "S008", what, _have(self._parameters))
        return self._parameters[name]


_SUBSTITUTED = frozenset({"signatures", "implicates", "node", "at", "not_at"})
"""The way to node ids, where parameters stand; all else is taken verbatim."""


def _values(where: str, root: yaml.MappingNode, given: Mapping[str, str]) -> dict[str, str]:
    """Return the value of each declared parameter: what is given, else its default."""
    declared = _declared(root)
    unknown = sorted(given.keys() - declared.keys())
    if unknown:
        _fail(f"{where}:1", "S008", f"parameter {unknown[0]} is not declared", _have(declared))
    values: dict[str, str] = {}
    for name, default in declared.items():
        values[name] = given.get(name, str(_Plain(where, values).convert(default)))
    return values


def _declared(root: yaml.MappingNode) -> dict[str, yaml.Node]:
    for key_node, value_node in root.value:
        if key_node.value == "parameters" and isinstance(value_node, yaml.MappingNode):
            return {str(name.value): default for name, default in value_node.value}
    return {}


def _problems(where: str, root: yaml.Node, invalid: ValidationError) -> Iterator[str]:
    for problem in invalid.errors(include_url=False):
        node, path = _locate(root, problem["loc"])
        field = ".".join(path) or "the pack"
        what = problem["msg"].removeprefix("Value error, ")
        yield f"{where}:{_line(node)}: S007: {field}: {what}: correct it"


def _locate(node: yaml.Node, loc: tuple[int | str, ...]) -> tuple[yaml.Node, list[str]]:
    """Walk down as far as the tree goes (pydantic's path also names union members)."""
    path: list[str] = []
    for step in loc:
        below = _child(node, step)
        if below is not None:
            node = below
            path.append(str(step))
        elif step not in ("log", "event", "metric"):
            path.append(str(step))
    return node, path


def _child(node: yaml.Node, step: int | str) -> yaml.Node | None:
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int):
        items: list[yaml.Node] = node.value
        return items[step] if step < len(items) else None
    if isinstance(node, yaml.MappingNode):
        return next((value for key, value in node.value if key.value == step), None)
    return None


def _line(node: yaml.Node) -> int:
    return 1 if node.start_mark is None else node.start_mark.line + 1


def _have(parameters: Mapping[str, object]) -> str:
    return f"declared are: {', '.join(sorted(parameters)) or 'none'}"


def _fail(place: str, code: str, what: str, hint: str) -> NoReturn:
    raise UsageError(f"{place}: {code}: {what}: {hint}")

"""Gathers settings: environment < file < flags, each value with the place that it came from.

In: ``AFTERSHOCK_*`` (nested by ``__``), a YAML file, flags. Out: :class:`Settings` and the source
of every value. An unknown key or a bad value is one line that names source, key and what is
allowed.
"""

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, is_dataclass
from dataclasses import fields as dataclass_fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml
from pydantic import BaseModel, SecretStr, ValidationError
from pydantic_settings import EnvSettingsSource, SettingsError

from pipeline.errors import UsageError
from pipeline.settings import Settings

FILE_VARIABLE = "AFTERSHOCK_SETTINGS"
DEFAULT_FILE = Path("aftershock.yaml")
MAX_FILE_BYTES = 1_048_576
"""A hundred instances take 10 kB."""

_PREFIX = "AFTERSHOCK_"
_DELIMITER = "__"
_HIDDEN = "********"
_SERVICE_LINK = re.compile(r"_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_(TCP|UDP|SCTP)\w*)?)$")
"""Kubernetes tells every pod of the services beside it: one named ``aftershock-x`` must do no
harm."""

Tree = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Source:
    """Where values came from: ``name`` is for people, ``values`` are nested as the settings."""

    name: str
    values: Tree

    def names(self, path: tuple[str, ...]) -> str:
        """Return how this source spells a key."""
        if self.name == "environment":
            return _PREFIX + _DELIMITER.join(path).upper()
        return f"{self.name}: {'.'.join(path)}"


@dataclass(frozen=True, slots=True)
class Loaded:
    """Settings, and the sources in order of growing weight."""

    settings: Settings
    sources: tuple[Source, ...]

    def rows(self) -> Iterator[tuple[str, object, str]]:
        """Yield every value: dotted key, value as it may be shown, where it came from."""
        for path, value in _leaves(self.settings):
            source = _source_of(path, self.sources)
            yield ".".join(path), shown(value), source.name if source else "default"


def load(file: Path | None = None, flags: Mapping[str, object] | None = None) -> Loaded:
    """Gather all settings; ``flags`` are by dotted key, those that are None were not given.

    Raises:
        UsageError: the file cannot be read; a key is unknown or a value not allowed.
    """
    known = _tree(Settings())
    _refuse_unknown_variables(known)
    sources = [Source("environment", _environment())]
    chosen = _chosen_file(file)
    if chosen is not None:
        sources.append(Source(str(chosen), _read(chosen)))
    sources.append(Source("flag", _nested(flags or {})))
    for source in sources:
        _refuse_unknown(source, source.values, known, ())
    merged: Tree = known
    for source in sources:
        merged = _merged(merged, source.values)
    try:
        settings = Settings(**merged)
    except ValidationError as trouble:
        raise UsageError(_told(trouble, sources)) from None
    return Loaded(settings, tuple(sources))


def load_settings(file: Path | None = None, flags: Mapping[str, object] | None = None) -> Settings:
    """Return the settings alone (see :func:`load`)."""
    return load(file, flags).settings


def shown(value: object) -> object:
    """Return a value as it may be printed: secrets hidden, also inside a URL."""
    if isinstance(value, SecretStr):
        return _HIDDEN
    if isinstance(value, str) and "://" in value:
        password = urlsplit(value).password
        return value.replace(f":{password}@", f":{_HIDDEN}@") if password else value
    if isinstance(value, tuple | list):
        return [shown(part) for part in value]
    if isinstance(value, BaseModel):
        return {name: shown(part) for name, part in value}
    return str(value) if isinstance(value, Path) else value


def _environment() -> Tree:
    try:
        return EnvSettingsSource(Settings)()
    except SettingsError as trouble:
        field = re.search(r'"(\w+)"', str(trouble))  # the library tells it in its text only
        name = field.group(1).upper() if field else ""
        raise UsageError(
            f"{_PREFIX}{name}: not JSON; lists and mappings are given as JSON"
        ) from None


def _refuse_unknown_variables(known: Tree) -> None:
    """A group's unknown keys are found with the values; here the first part of the name."""
    for variable in sorted(os.environ):
        if not variable.upper().startswith(_PREFIX) or not os.environ[variable]:
            continue
        if variable.upper() == FILE_VARIABLE or _SERVICE_LINK.search(variable):
            continue
        first = variable[len(_PREFIX) :].lower().split(_DELIMITER)[0]
        if first not in known:
            raise UsageError(
                f"{variable}: no such setting; known are {_PREFIX}"
                f"{{{','.join(name.upper() for name in known)}}}, see `aftershock settings`"
            )


def _chosen_file(file: Path | None) -> Path | None:
    if file is not None:
        return file
    named = os.environ.get(FILE_VARIABLE)
    if named:
        return Path(named)
    return DEFAULT_FILE if DEFAULT_FILE.is_file() else None


def _read(file: Path) -> Tree:
    try:
        with file.open("rb") as stream:
            content = stream.read(MAX_FILE_BYTES + 1)
    except OSError as trouble:
        raise UsageError(f"{file}: settings cannot be read ({trouble.strerror})") from trouble
    if len(content) > MAX_FILE_BYTES:
        raise UsageError(
            f"{file}: settings larger than {MAX_FILE_BYTES} bytes: not a settings file"
        )
    try:
        values = yaml.safe_load(content)
    except (yaml.YAMLError, UnicodeDecodeError, ValueError, RecursionError) as trouble:
        raise UsageError(f"{file}: settings are not YAML: {_first_line(trouble)}") from None
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise UsageError(f"{file}: settings must be a mapping, as in `kafka: {{topic_prefix: x}}`")
    return values


def _first_line(trouble: Exception) -> str:
    mark = getattr(trouble, "problem_mark", None)
    problem = getattr(trouble, "problem", None) or str(trouble) or type(trouble).__name__
    line = f"line {mark.line + 1}: " if mark is not None else ""
    return line + " ".join(problem.split())


def _nested(flags: Mapping[str, object]) -> Tree:
    tree: Tree = {}
    for key, value in flags.items():
        if value is None:
            continue
        *groups, last = key.split(".")
        place = tree
        for group in groups:
            place = place.setdefault(group, {})
        place[last] = value
    return tree


def _tree(group: BaseModel | object) -> Tree:
    """Return the values of a group by name, groups inside it as mappings."""
    if isinstance(group, BaseModel):
        found = dict(group)
    elif is_dataclass(group):
        found = {field.name: getattr(group, field.name) for field in dataclass_fields(group)}
    else:
        raise TypeError(f"not a group of settings: {group!r}")
    return {
        name: _tree(value) if isinstance(value, BaseModel) or is_dataclass(value) else value
        for name, value in found.items()
    }


def _refuse_unknown(source: Source, values: Tree, known: Tree, path: tuple[str, ...]) -> None:
    for key, value in values.items():
        here = (*path, str(key))
        if key not in known:
            place = f" in {'.'.join(path)}" if path else ""
            raise UsageError(
                f"{source.names(here)}: no such setting; known{place} are {', '.join(known)}"
            )
        if not isinstance(known[key], dict):
            continue
        if value is None:  # a heading without anything below it
            continue
        if not isinstance(value, dict):
            of = f" of {', '.join(known[key])}" if known[key] else ""
            raise UsageError(f"{source.names(here)}: must be a mapping{of}")
        if known[key]:  # else its keys are the user's own, as the topics of adapt
            _refuse_unknown(source, value, known[key], here)


def _merged(below: Tree, above: Tree) -> Tree:
    result = dict(below)
    for key, value in above.items():
        if isinstance(result.get(key), dict):
            result[key] = _merged(result[key], value or {})
        else:
            result[key] = value
    return result


def _told(trouble: ValidationError, sources: list[Source]) -> str:
    """Return the first thing that is wrong in one line: which source, which key, what is wrong."""
    first = trouble.errors(include_url=False, include_context=False)[0]
    path = tuple(str(part) for part in first["loc"])
    message = first["msg"].removeprefix("Value error, ")
    source = _source_of(path, sources)
    if source is None or not path:
        return f"settings: {'.'.join(path)}: {message}" if path else f"settings: {message}"
    given = shown(first["input"])
    told = "" if isinstance(given, dict | list) else f", not {json.dumps(given, default=str)}"
    if _is_secret(path):
        told = ""
    others = trouble.error_count() - 1
    more = f" (and {others} more)" if others else ""
    return f"{source.names(path)}: {message}{told}{more}"


def _is_secret(path: tuple[str, ...]) -> bool:
    return any("password" in part for part in path)


def _source_of(path: tuple[str, ...], sources: tuple[Source, ...] | list[Source]) -> Source | None:
    """Return the weightiest source that gives the key, or something at or below it."""
    for source in reversed(sources):
        place: Any = source.values
        for part in path:
            if not isinstance(place, dict):
                break
            if part not in place:
                place = None
                break
            place = place[part]
        if place is not None and place != {}:
            return source
    return None


def _leaves(settings: Settings) -> Iterator[tuple[tuple[str, ...], object]]:
    stack: list[tuple[tuple[str, ...], object]] = [((), _tree(settings))]
    while stack:
        path, value = stack.pop()
        if isinstance(value, dict) and value:
            below = [((*path, str(key)), part) for key, part in value.items()]
            stack.extend(reversed(below))
        else:
            yield path, value

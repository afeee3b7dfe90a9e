"""Logs of containers, however collectors tell of them: a line, its time, and whose it is; pure.

In: the object of a record. Out: log records. Runtimes put something around each line, and
Kubernetes puts names into the paths of its files; both are known here.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from pydantic_core import from_json, to_json

from pipeline.adapt.decoded import Undecodable
from pipeline.adapt.reading import Json, first_time, made, name_of, object_in, text_of
from pipeline.ingest.cluster import Unusable, instant_of
from pipeline.records import Log

_MAX_PATH = 1024
"""Linux ends paths at 4,096 bytes; those of container logs have some 300."""
_CRI = re.compile(
    r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d))"
    r" (?:stdout|stderr) [FP](?: |$)",
    re.ASCII,
)
"""What CRI-O and containerd write before each line; P says that the line goes on in the next."""
_DOCKER = frozenset({"log", "stream", "time", "attrs"})
"""What Docker's log files have in each line, and nothing else."""
_CONTAINERS = re.compile(
    r"containers[/.](?P<pod>[a-z0-9][a-z0-9.-]*)_(?P<namespace>[a-z0-9-]+)"
    r"_(?P<container>[a-z0-9][a-z0-9-]*)-[0-9a-f]{64}(?:\.log)?$"
)
"""``/var/log/containers/POD_NAMESPACE_CONTAINER-ID.log``, also as a tag with dots for slashes."""
_PODS = re.compile(
    r"/pods/(?P<namespace>[^_/]+)_(?P<pod>[^_/]+)_(?P<pod_uid>[^_/]+)/(?P<container>[^/]+)/"
)
"""``/var/log/pods/NAMESPACE_POD_UID/CONTAINER/0.log``."""
_BLOCK = "kubernetes"

FLUENTD_NAMES = {
    "namespace": "namespace_name",
    "pod": "pod_name",
    "pod_uid": "pod_id",
    "container": "container_name",
    "cluster_node": "host",
}
"""As fluentd's filter calls them; Fluent Bit and ViaQ have kept the names."""

Place = dict[str, str | None]
"""Fields of a log record that say whose it is."""


class Form(NamedTuple):
    """Where a collector puts what it knows of a line."""

    names: Mapping[str, str]
    """Field of a log record → its key in the block ``kubernetes``."""
    times: tuple[str, ...]
    """Keys of the time, the best first."""
    messages: tuple[str, ...]
    """Keys of the line, likewise."""
    paths: tuple[str, ...]
    """Keys of what names the file."""
    about: frozenset[str]
    """Further keys of what is said about a line, and is no part of it."""


class Line(NamedTuple):
    """The text that a container wrote, and its time where the runtime has put one before it."""

    text: str
    time: datetime | None = None


def log_in(record: Json, form: Form) -> Log:
    """Return the log record that a collector's record tells of.

    Raises:
        Undecodable: it has no message or no time.
    """
    block = object_in(record, _BLOCK)
    names = {field: block.get(key) for field, key in form.names.items()}
    where = place(names, *(record.get(key) for key in form.paths))
    return log_of(line_of(_message(record, form)), first_time(record, *form.times), where)


def log_of(line: Line, time: datetime | None, where: Place) -> Log:
    """Return the log record of a line; the runtime's stamp counts more than the collector's.

    Raises:
        Undecodable: it has no time.
    """
    when = line.time or time
    if when is None:
        raise Undecodable("no time: the record has no time stamp that can be read")
    return made(Log, time=when, message=line.text, **where)


def line_of(text: str) -> Line:
    """Take off what the runtime has put around a line, where the collector has left it.

    That is Docker's JSON or CRI's stamp, and the end of the line. A part of a long line (CRI's
    ``P``) stays a line of its own: its other parts may come with another record.
    """
    if text.startswith('{"log":'):
        return _docker(text)
    found = _CRI.match(text)
    if found is not None:
        return Line(text[found.end() :].rstrip("\r\n"), _stamp(found[1]))
    return Line(text.rstrip("\r\n"))


def place(names: Mapping[str, object], *paths: object) -> Place:
    """Return what is known of a container: from names, else from the first path that says it."""
    known = {field: name_of(value) for field, value in names.items()}
    if known.get("pod") is not None:
        return known
    told = next((found for path in paths if (found := _place_of_path(path))), {})
    return {**told, **{field: value for field, value in known.items() if value is not None}}


def _place_of_path(path: object) -> Place:
    """Return the namespace, pod and container that the path of a log (or a tag made of it) names.

    It is what is left when a collector has not asked the API.
    """
    if not isinstance(path, str) or len(path) > _MAX_PATH:
        return {}
    found = _CONTAINERS.search(path) or _PODS.search(path)
    return {} if found is None else dict(found.groupdict())


def _message(record: Json, form: Form) -> str:
    """Return the message: under the first key that has one, else all that is not about it.

    A collector that takes lines apart leaves their fields in the record; put together again as
    JSON they say what the line said.
    """
    keys = form.messages
    found = next((text for key in keys if (text := text_of(record.get(key))) is not None), None)
    if found is not None:
        return found
    if any(key in record for key in keys):
        return ""  # an empty line
    about = form.about.union(form.times, form.paths, {_BLOCK})
    rest = {key: field for key, field in record.items() if key not in about}
    if not rest:
        raise Undecodable(f"no message: none of {', '.join(keys)}")
    return to_json(rest).decode()


def _docker(text: str) -> Line:
    try:
        found = from_json(text, allow_inf_nan=False)
    except ValueError:
        return Line(text.rstrip("\r\n"))
    inner, stamp = found.get("log"), found.get("time")
    if not isinstance(inner, str) or not _DOCKER.issuperset(found):
        return Line(text.rstrip("\r\n"))  # an application's own JSON
    return Line(inner.rstrip("\r\n"), _stamp(stamp) if isinstance(stamp, str) else None)


def _stamp(text: str) -> datetime | None:
    try:
        return instant_of(text)
    except Unusable:
        return None

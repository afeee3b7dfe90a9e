"""Topology file → application, files → timelines: the only I/O of this package.

A reference is the path of a file, or the name of a shipped application (``applications/*.yaml``).
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from importlib import resources
from pathlib import Path

from topology import yamltree
from topology.check import Finding, findings
from topology.errors import Problem, TopologyError, TopologyErrors
from topology.form import MalformedError, application_of
from topology.model import Application
from topology.versions import MAX_VERSIONS, SameInstantError, Timeline, TooManyError, grouped

MAX_BYTES = 1_048_576
"""Ten thousand edges with a reason each; reading that takes seconds."""

_SINCE = ("valid_from",)
"""Where a file says from when it holds."""

_SUFFIXES = (".yaml", ".yml")


def load(reference: str, parameters: Mapping[str, str] | None = None) -> Application:
    """Return the application of a file or of a shipped name, with its parameters filled in.

    Raises:
        TopologyError: it cannot be read or used; says where, what, and what to do.
    """
    return read(_bytes_of(reference), reference, parameters or {})


def timelines(wanted: Iterable[tuple[str, Mapping[str, str]]]) -> tuple[Timeline, ...]:
    """Return the applications of references with parameters, each with all of its versions.

    Files that come out with one name are versions of one application. The order is that in which
    each application is first met.

    Raises:
        TopologyError: as ``load``; or two versions of one application hold from the same instant,
            or it has too many.
    """
    files = [
        (reference, *_read(_bytes_of(reference), reference, parameters))
        for reference, parameters in wanted
    ]
    return tuple(
        _timeline([files[place] for place in places])
        for places in grouped(application for _, application, _ in files)
    )


def _timeline(files: Sequence[tuple[str, Application, yamltree.Tree]]) -> Timeline:
    try:
        return Timeline.of(application for _, application, _ in files)
    except SameInstantError as same:
        other, version, _ = files[same.earlier]
        file, _, tree = files[same.later]
        since = "since ever" if version.valid_from is None else f"from {version.valid_from}"
        what = (
            f"a second version of the application {version.name} {since}; the other is in {other}"
        )
        remedy = (
            "give each version its own valid_from; to run it twice, give each instance its own"
            " parameter `instance`"
        )
        problem = Problem(tree.line_of(_SINCE), "T026", what, remedy)
        raise TopologyError(file, problem) from same
    except TooManyError as many:
        file, version, tree = files[many.oldest]
        what = f"one of {len(files)} versions of the application {version.name}, the oldest"
        remedy = f"give the latest {MAX_VERSIONS}: what is older is told by the first of them"
        raise TopologyError(file, Problem(tree.line_of(_SINCE), "T027", what, remedy)) from many


def shipped() -> tuple[str, ...]:
    """Return the names of the shipped applications."""
    folder = resources.files("topology") / "applications"
    names = (entry.name for entry in folder.iterdir())
    return tuple(sorted(name.removesuffix(".yaml") for name in names if name.endswith(".yaml")))


def read(content: bytes, file: str, parameters: Mapping[str, str]) -> Application:
    """Return the application that a file's content declares; ``file`` is for messages.

    Raises:
        TopologyError: as ``load``.
    """
    return _read(content, file, parameters)[0]


def _read(
    content: bytes, file: str, parameters: Mapping[str, str]
) -> tuple[Application, yamltree.Tree]:
    tree = _tree(content, file)
    try:
        application = application_of(tree.data, parameters)
    except MalformedError as trouble:
        raise _told(trouble.findings, tree, file) from trouble
    wrong = findings(application)
    if wrong:
        raise _told(wrong, tree, file)
    return application, tree


def _bytes_of(reference: str) -> bytes:
    if not _is_path(reference):
        return (resources.files("topology") / "applications" / f"{reference}.yaml").read_bytes()
    try:
        with Path(reference).open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as trouble:
        raise _unreadable(reference, trouble) from trouble
    if len(content) > MAX_BYTES:
        what = f"larger than {MAX_BYTES // 1024} KiB"
        remedy = "declare families of nodes (user/{user}) instead of every instance"
        raise TopologyError(reference, Problem(0, "T004", what, remedy))
    return content


def _is_path(reference: str) -> bool:
    """Shipped names win over files of the same name without a suffix: a name is a name."""
    return reference not in shipped()


def _unreadable(reference: str, trouble: OSError | ValueError) -> TopologyError:
    reason = trouble.strerror if isinstance(trouble, OSError) else str(trouble)
    names = ", ".join(shipped())
    remedy = f"give a readable file, or the name of a shipped application: {names}"
    if os.sep not in reference and not reference.endswith(_SUFFIXES):
        what = f"neither a shipped application nor a readable file ({reason})"
    else:
        what = f"cannot be read ({reason})"
    return TopologyError(reference, Problem(0, "T001", what, remedy))


def _tree(content: bytes, file: str) -> yamltree.Tree:
    try:
        return yamltree.read(content.decode("utf-8-sig"))
    except UnicodeDecodeError as trouble:
        line = content.count(b"\n", 0, trouble.start) + 1
        problem = Problem(line, "T002", "not UTF-8 text", "save the file as UTF-8")
        raise TopologyError(file, problem) from trouble
    except yamltree.UnreadableError as trouble:
        raise TopologyError(file, trouble.problem) from trouble


def _told(found: list[Finding], tree: yamltree.Tree, file: str) -> TopologyError:
    problems = [
        Problem(tree.line_of(one.location), one.code, one.what, one.remedy) for one in found
    ]
    problems.sort(key=lambda problem: (problem.line, problem.code))
    return TopologyErrors(file, problems)

"""Topology file → application, files → timelines: the only I/O of this package.

A reference is the path of a file, or the name of a shipped application (``applications/*.yaml``).
"""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
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
    return tuple(_timeline(files) for files in _by_application([_file(*each) for each in wanted]))


def checked(
    wanted: Iterable[tuple[str, Mapping[str, str]]],
) -> list[tuple[str, Application | TopologyError]]:
    """Return each reference with its application, or with what is wrong: also beside the others."""
    verdicts: list[tuple[str, Application | TopologyError]] = []
    readable: dict[int, _File] = {}
    for place, (reference, parameters) in enumerate(wanted):
        try:
            readable[place] = _file(reference, parameters)
            verdicts.append((reference, readable[place].application))
        except TopologyError as trouble:
            verdicts.append((reference, trouble))
    places = {id(file): place for place, file in readable.items()}
    for files in _by_application([*readable.values()]):
        for file, conflict in _conflicts(files):
            verdicts[places[id(file)]] = (file.reference, conflict)
    return verdicts


@dataclass(frozen=True, slots=True)
class _File:
    reference: str
    application: Application
    tree: yamltree.Tree

    def told(self, code: str, what: str, remedy: str) -> TopologyError:
        """Return what is wrong with where it says from when it holds."""
        problem = Problem(self.tree.line_of(_SINCE), code, what, remedy)
        return TopologyError(self.reference, problem)


def _file(reference: str, parameters: Mapping[str, str]) -> _File:
    return _File(reference, *_read(_bytes_of(reference), reference, parameters))


def _by_application(files: Sequence[_File]) -> Iterator[list[_File]]:
    for places in grouped(file.application for file in files):
        yield [files[place] for place in places]


def _timeline(files: Sequence[_File]) -> Timeline:
    for _, trouble in _conflicts(files):
        raise trouble
    return Timeline.of(file.application for file in files)


def _conflicts(files: Sequence[_File]) -> Iterator[tuple[_File, TopologyError]]:
    """Yield the files of one application that cannot be beside the others, and why."""
    left = list(files)
    while True:
        try:
            Timeline.of(file.application for file in left)
        except SameInstantError as same:
            later = left.pop(same.later)
            yield later, _same_instant(later, left[same.earlier])
        except TooManyError as many:
            oldest = left.pop(many.oldest)
            yield oldest, _too_many(oldest, len(files))
        else:
            return


def _same_instant(later: _File, other: _File) -> TopologyError:
    version = other.application
    since = "since ever" if version.valid_from is None else f"from {version.valid_from}"
    what = (
        f"a second version of the application {version.name} {since}; the other is in"
        f" {other.reference}"
    )
    remedy = (
        "give each version its own valid_from; to run it twice, give each instance its own"
        " parameter `instance`"
    )
    return later.told("T026", what, remedy)


def _too_many(oldest: _File, count: int) -> TopologyError:
    what = f"one of {count} versions of the application {oldest.application.name}, the oldest"
    remedy = f"give the latest {MAX_VERSIONS}: what is older is told by the first of them"
    return oldest.told("T027", what, remedy)


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

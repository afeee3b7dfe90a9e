"""What can be wrong with a topology, told to the person who wrote it.

One problem is one line: ``file:line: T012: what is wrong: what to do``. The codes are listed in
``topology/README.md``; a code never changes its meaning.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, and where: as yet without the name of the file."""

    line: int
    """Line in the file, counted from 1; 0 where there is none (the file is not there)."""
    code: str
    what: str
    remedy: str


class TopologyError(Exception):
    """A topology that cannot be used: one line that says where, what, and what to do."""

    def __init__(self, file: str, problem: Problem) -> None:
        where = f"{file}:{problem.line}" if problem.line > 0 else file
        super().__init__(f"{where}: {problem.code}: {problem.what}: {problem.remedy}")
        self.file = file
        self.problems: tuple[Problem, ...] = (problem,)


class TopologyErrors(TopologyError):  # noqa: N818 - several errors, hence the plural
    """Several problems in one file, one line each, in the order of the file."""

    def __init__(self, file: str, problems: Sequence[Problem]) -> None:
        Exception.__init__(self, "\n".join(str(TopologyError(file, one)) for one in problems))
        self.file = file
        self.problems = tuple(problems)

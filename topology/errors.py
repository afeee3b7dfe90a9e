"""What can be wrong with a topology, told to the person who wrote it.

One problem is one line: ``file:line: T012: what is wrong: what to do``. The codes are listed in
``topology/README.md``; a code never changes its meaning.
"""

from collections.abc import Sequence


class TopologyError(Exception):
    """A topology that cannot be used; ``str()`` is one line that says where, what and what to do."""


class TopologyErrors(TopologyError):
    """Several problems in one file; ``str()`` joins them, one line each, in the file's order."""

    def __init__(self, problems: Sequence[TopologyError]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)

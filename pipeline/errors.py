"""The two families of trouble.

::

    AftershockError      a person can act on it: one line that says what, where, what to do
    ├── UsageError       the command was given something that it cannot work with
    └── BrokenWorld      a server is away or refuses: back off, keep the position, try again

Bad *data* is no exception: it becomes a :class:`pipeline.records.Rejected` and the flow goes on.
Anything else that is raised is a bug.
"""

from pipeline.harmless import lines


class AftershockError(Exception):
    """Trouble that is told to a person in one line, without a traceback.

    It may quote anything (names of files, what a server answered): as text it is harmless.
    """

    def __str__(self) -> str:
        """Return what is wrong, as a terminal may have it."""
        return lines(super().__str__())


class UsageError(AftershockError):
    """The command was given something that it cannot work with."""


class BrokenWorld(AftershockError):  # noqa: N818 - named for the family of trouble (design, law 12)
    """A server is away or refuses; trying again later may help."""

"""The two families of trouble.

::

    AftershockError      a person can act on it: one line that says what, where, what to do
    ├── UsageError       the command was given something that it cannot work with
    └── BrokenWorld      a server is away or refuses: back off, keep the position, try again

Bad *data* is no exception: it becomes a :class:`pipeline.records.Rejected` and the flow goes on.
Anything else that is raised is a bug.
"""


class AftershockError(Exception):
    """Trouble that is told to a person in one line, without a traceback."""


class UsageError(AftershockError):
    """The command was given something that it cannot work with."""


class BrokenWorld(AftershockError):  # noqa: N818 - named for the family of trouble (design, law 12)
    """A server is away or refuses; trying again later may help."""

"""Printing for people: a table for a terminal, and the same without colours into a pipe."""

import sys

from rich.console import Console

PIPE_WIDTH = 1000
"""Columns where there is no terminal: one line stays one line."""


def console(*, stderr: bool = False) -> Console:
    """Return where to print; markup in what is printed stays text."""
    stream = sys.stderr if stderr else sys.stdout
    return Console(
        file=stream,
        markup=False,
        highlight=False,
        emoji=False,
        width=None if stream.isatty() else PIPE_WIDTH,
    )

"""Printing for people: a table for a terminal, and the same without colours into a pipe."""

import sys

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.segment import Segment

from pipeline.harmless import json_text, lines

PIPE_WIDTH = 1000
"""Columns where there is no terminal: one line stays one line."""


class Harmless:
    """A drawing of texts that nobody has looked at: what comes out of it is harmless."""

    def __init__(self, drawing: RenderableType) -> None:
        """Take what is to be drawn."""
        self._drawing = drawing

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the pieces of the drawing, without what a terminal would obey but colours."""
        for piece in console.render(self._drawing, options):
            yield piece if piece.control else Segment(lines(piece.text), piece.style)


def write_json(content: bytes) -> None:
    """Write JSON lines to stdout: byte for byte into a file or a pipe, harmless on a terminal."""
    if sys.stdout.isatty():
        sys.stdout.write(json_text(content.decode()))
    else:
        sys.stdout.buffer.write(content)
    sys.stdout.flush()


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

"""Options that several commands share."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from pipeline.errors import UsageError

Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Set a parameter of the application."),
]
SettingsFile = Annotated[
    Path | None,
    typer.Option("--settings", metavar="FILE", help="Settings file (default ./aftershock.yaml)."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]


def parameters_of(assignments: Sequence[str] | None) -> dict[str, str]:
    """Return the parameters of ``--set key=value`` options.

    Raises:
        UsageError: an option is not of that form.
    """
    parameters = {}
    for assignment in assignments or ():
        key, equals, value = assignment.partition("=")
        if not (key and equals):
            raise UsageError(f"--set {assignment!r}: write KEY=VALUE")
        parameters[key] = value
    return parameters

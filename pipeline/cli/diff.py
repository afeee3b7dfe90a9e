"""``aftershock diff``: what a change of rules, graph or code did to the same input's incidents."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.incident_file import read_incidents
from pipeline.cli.options import AsJson


def diff(
    old: Annotated[Path, typer.Argument(metavar="OLD.jsonl", help="Incidents before the change.")],
    new: Annotated[Path, typer.Argument(metavar="NEW.jsonl", help="Incidents after it.")],
    *,
    as_json: AsJson = False,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="Exit with 1 where anything differs.")
    ] = False,
) -> None:
    """Tell which incidents were born, died, merged, split or changed, and why.

    The files are what `analyze --output` or `incidents export` wrote.
    """
    from pipeline.difference import compare

    difference = compare(read_incidents(old), read_incidents(new))
    if as_json:
        text = json.dumps(difference.as_json(), indent=2, ensure_ascii=False)
        sys.stdout.write(f"{text}\n")
    else:
        from pipeline.cli.console import console
        from pipeline.drawing_difference import difference_drawing

        console().print(difference_drawing(difference))
    if exit_code and not difference.same:
        raise typer.Exit(1)

"""``python -m pipeline.demo.outage OUT.jsonl.zst --seed N`` writes the recording and its labels."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from pipeline.demo.outage.story import labels, recording
from pipeline.demo.outage.writing import write
from pipeline.errors import UsageError


def main(
    output: Annotated[Path, typer.Argument(help="The recording; labels are written beside it.")],
    seed: Annotated[int, typer.Option(help="Another seed, another course of the same outage.")] = 1,
) -> None:
    """Write one hour in which the hub's database goes away, and who was to blame."""
    try:
        write(output, recording(seed), labels(seed))
    except UsageError as trouble:
        sys.stderr.write(f"{trouble}\n")
        raise typer.Exit(1) from None


if __name__ == "__main__":
    typer.run(main)

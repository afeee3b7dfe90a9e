"""``aftershock demo``: see it work on a bare machine."""

from pathlib import Path
from typing import Annotated

import typer


def demo(
    results: Annotated[
        Path, typer.Option(metavar="FOLDER", help="Where the results are left.")
    ] = Path("demo-results"),
    speed: Annotated[
        float, typer.Option(min=1, metavar="N", help="Replay N times as fast as it was.")
    ] = 300.0,
) -> None:
    """Replay a recorded JupyterHub outage through an embedded broker, and show what is found."""
    from pipeline.assembly import flow_of
    from pipeline.cli.console import console
    from pipeline.demo.show import Demo

    Demo(folder=results, speed=speed, console=console(), flow_of=flow_of).run()

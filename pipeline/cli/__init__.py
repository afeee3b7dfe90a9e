"""The ``aftershock`` command: thin; every subcommand is one call into the package.

Exit codes: 0 fine; 1 the thing asked for failed, with one line on stderr; 2 usage.
"""

import sys

import typer

from pipeline.cli.analyze import analyze
from pipeline.cli.schemas import schemas_app
from pipeline.cli.topology import topology_app
from pipeline.errors import AftershockError
from topology.errors import TopologyError

app = typer.Typer(
    name="aftershock",
    help="Which node of a Kubernetes application is the cause, how it spread, how sure we are.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.command()(analyze)
app.add_typer(schemas_app, name="schemas")
app.add_typer(topology_app, name="topology")


def main() -> None:
    """Run the command; tell expected trouble in one line instead of a traceback."""
    try:
        app()
    except (AftershockError, TopologyError) as trouble:
        sys.stderr.write(f"aftershock: {trouble}\n")
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)

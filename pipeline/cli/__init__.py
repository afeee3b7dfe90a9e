"""The ``aftershock`` command: thin; every subcommand is one call into the package.

Exit codes: 0 fine; 1 the thing asked for failed, with one line on stderr; 2 usage.
"""

import sys

import typer

from pipeline.cli.accounting import accounting
from pipeline.cli.adapt import adapt
from pipeline.cli.analyze import analyze
from pipeline.cli.coverage import coverage
from pipeline.cli.demo import demo
from pipeline.cli.diff import diff
from pipeline.cli.elasticsearch import elasticsearch_app
from pipeline.cli.incidents import incidents_app
from pipeline.cli.ingest import ingest
from pipeline.cli.kibana import kibana_app
from pipeline.cli.reindex import reindex
from pipeline.cli.rejected import rejected_app
from pipeline.cli.replay import replay
from pipeline.cli.run import correlate, detect, index, run
from pipeline.cli.schemas import schemas_app
from pipeline.cli.score import score
from pipeline.cli.settings import settings
from pipeline.cli.signatures import signatures_app
from pipeline.cli.simulate import simulate
from pipeline.cli.symptoms import symptoms_app
from pipeline.cli.topics import topics_app
from pipeline.cli.topology import topology_app
from pipeline.cli.watch import watch
from pipeline.errors import AftershockError
from pipeline.harmless import lines
from topology.errors import TopologyError

app = typer.Typer(
    name="aftershock",
    help="Which node of a Kubernetes application is the cause, how it spread, how sure we are.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.command()(accounting)
app.command()(analyze)
app.command()(coverage)
app.command()(demo)
app.command()(score)
app.command()(diff)
app.command()(replay)
app.command()(simulate)
app.command()(run)
app.command()(ingest)
app.command()(detect)
app.command()(correlate)
app.command()(index)
app.command()(adapt)
app.command()(watch)
app.command()(settings)
incidents_app.command()(reindex)
app.add_typer(incidents_app, name="incidents")
app.add_typer(elasticsearch_app, name="elasticsearch")
app.add_typer(kibana_app, name="kibana")
app.add_typer(rejected_app, name="rejected")
app.add_typer(topics_app, name="topics")
app.add_typer(schemas_app, name="schemas")
app.add_typer(signatures_app, name="signatures")
app.add_typer(symptoms_app, name="symptoms")
app.add_typer(topology_app, name="topology")


def main() -> None:
    """Run the command; tell expected trouble in one line instead of a traceback."""
    try:
        app()
    except (AftershockError, TopologyError) as trouble:
        sys.stderr.write(f"aftershock: {lines(str(trouble))}\n")
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)

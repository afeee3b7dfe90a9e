"""``aftershock ingest``: a cluster's telemetry as it happens → observation topics."""

from typing import Annotated

import typer

from pipeline.cli.options import Set, SettingsFile, Topologies, settings_of
from pipeline.cli.run import Lifeline


def ingest(
    topology: Topologies = None,
    parameters: Set = None,
    settings_file: SettingsFile = None,
    shard: Annotated[
        str | None,
        typer.Option(metavar="I/N", help="Be process I (from 0) of N; auto/N: by the host's name."),
    ] = None,
    *,
    lifeline: Lifeline = False,
) -> None:
    """Follow pods' logs, watch events, ask for metrics: until stopped."""
    from pipeline.worker.roles import serve

    settings = settings_of(topology, parameters, settings_file, **{"ingest.shard": shard})
    serve("ingest", settings, lifeline=lifeline)
